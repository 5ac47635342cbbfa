// The owner's page in Chromium, and the form before it.

import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { SIZES, open, shots, startBrowser, startDevice } from "./device.js";
import { violations } from "./axe.js";

const TOKEN = "owner-0123456789ab";
let device;
let browser;
let folder;
before(async () => {
  folder = mkdtempSync(join(tmpdir(), "mien-token-"));
  const file = join(folder, "owner");
  writeFileSync(file, `${TOKEN}\n`);
  chmodSync(file, 0o600);
  device = await startDevice("demo", {
    "kiosk.owner_token_file": file, "counter.min_dwell_ms": "100", "counter.commit_interval_s": "1",
  });
  browser = await startBrowser();
});
after(async () => {
  await browser?.close();
  await device?.stop();
  rmSync(folder, { recursive: true, force: true });
});

const owner = () => new URL("/owner", device.address).href;

test("the form asks for the token and lets in who has it", async () => {
  const page = await open(browser, owner());
  await page.waitForURL(/login\?for=owner/);
  assert.deepEqual(await violations(page), []);
  await page.screenshot({ path: join(shots, "login.png") });
  await page.getByLabel("Token").fill("not the token at all");
  await page.keyboard.press("Enter");
  await page.getByText("That is not the token.").waitFor();
  await page.getByLabel("Token").fill(TOKEN);
  await page.getByRole("button", { name: "Continue" }).click();
  await page.getByRole("heading", { name: "Settings" }).waitFor();
  await page.getByRole("button", { name: "Forget the token" }).click();
  await page.goto(owner());
  await page.waitForURL(/login/);
  await page.context().close();
});

test("figures, history and exports are there, in every size", async () => {
  for (const colorScheme of ["light", "dark"]) {
    for (const [size, viewport] of Object.entries(SIZES)) {
      const page = await open(browser, owner(), { viewport, colorScheme, acceptDownloads: true });
      await page.getByLabel("Token").fill(TOKEN);
      await page.keyboard.press("Enter");
      await page.locator("#chart .mark").first().waitFor({ timeout: 30000 });
      assert.equal(await page.locator("#camera").innerText(), "running");
      assert.ok(parseFloat(await page.locator("#rate").innerText()) > 1);
      assert.equal(await page.locator("#latency tr").count(), 4);
      assert.equal(await page.locator("#update-expression").innerText(), "the program's own model");
      assert.match(await page.locator("#model-licence").innerText(), /MIT/);
      assert.match(await page.locator("#settings").innerText(), /owner_token_file/);
      assert.ok(!(await page.content()).includes(TOKEN));
      await page.locator("summary").click();
      assert.ok(await page.locator("#table tbody tr").count() >= 1);
      assert.deepEqual(await violations(page), []);
      await page.screenshot({ path: join(shots, `owner-${size}-${colorScheme}.png`), fullPage: true });
      assert.deepEqual([page.foreign, page.faults.filter((fault) => !fault.includes("401"))], [[], []]);
      await page.context().close();
    }
  }
});

test("by hour and by day, as CSV and as JSON", async () => {
  const page = await open(browser, owner(), { acceptDownloads: true });
  await page.getByLabel("Token").fill(TOKEN);
  await page.keyboard.press("Enter");
  await page.locator("#chart .mark").first().waitFor({ timeout: 30000 });
  for (const by of ["by hour", "by day"]) {
    await page.getByLabel(by).focus();
    await page.keyboard.press("Space");
    await page.locator("#chart .mark").first().waitFor();
    for (const format of ["CSV", "JSON"]) {
      const download = page.waitForEvent("download");
      await page.getByRole("link", { name: format }).click();
      const file = await download;
      assert.match(file.suggestedFilename(), new RegExp(`^mien-(hours|days)\\.${format.toLowerCase()}$`));
      const text = readFileSync(await file.path(), "utf8");
      if (format === "CSV") assert.match(text, /^\ufeff?start,/);
      else assert.ok(JSON.parse(text)[0].visits >= 1);
    }
  }
  await page.locator('input[name="from"]').fill("2001-01-01");
  await page.locator('input[name="to"]').fill("2001-01-02");
  await page.getByText("No visits in this time.").waitFor();
  await page.context().close();
});

test("the owner's page asks again, and shows the form when the token has changed", async () => {
  const page = await open(browser, owner());
  await page.getByLabel("Token").fill(TOKEN);
  let asked = 0;
  await page.route("**/api/v1/about", (route) => (++asked === 1 ? route.abort() : route.continue()));
  await page.keyboard.press("Enter");
  await page.locator("#camera").getByText("running").waitFor({ timeout: 10000 });
  assert.ok(asked >= 2);
  await page.context().clearCookies();
  await page.waitForURL(/login\?for=owner/, { timeout: 10000 });
  await page.context().close();
});
