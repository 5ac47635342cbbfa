// The visitors' page in Chromium.

import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";

import { COUNTS, LABELS, SIZES, open, person, play, shots, startBrowser, startDevice, until } from "./device.js";
import { contrasts, isFaint, violations } from "./axe.js";

const SCENES = {
  one: { camera: "ok", faces: [person(1, "happy", 0.83)] },
  unsure: { camera: "ok", faces: [person(1, null, 0.34)] },
  three: { camera: "ok", faces: [person(1, "angry"), person(2, "sad"), person(3, "neutral")] },
  seven: { camera: "ok", faces: LABELS.map((label, index) => person(index + 1, label)) },
  crowd: { camera: "ok", faces: Array.from({ length: 12 }, (_, index) => person(index + 1, LABELS[index % 7])) },
  nobody: { camera: "ok", faces: [] },
  lost: { camera: "lost", faces: [] },
};

let device;
let browser;
before(async () => {
  device = await startDevice("demo", { "kiosk.live_picture": "true" });
  browser = await startBrowser();
});
after(async () => {
  await browser?.close();
  await device?.stop();
});

/** A page that is told `state`. */
async function openScene(state, options, counts = COUNTS) {
  const context = await browser.newContext({ locale: "en-GB", ...options });
  await context.addInitScript(play, { state: { timestamp_ms: 0, ...state }, counts });
  const page = await context.newPage();
  await page.goto(device.address);
  return page;
}

/** Whether anything that should be seen lies outside the window or is cut off. */
function overflow() {
  const { innerWidth, innerHeight } = window;
  const cut = [];
  for (const element of document.querySelectorAll("h2, .name, #notice, .number, .figure, button, nav a, .degraded")) {
    if (!element.checkVisibility({ visibilityProperty: true })) continue;
    const box = element.getBoundingClientRect();
    const isOut = box.left < -1 || box.top < -1 || box.right > innerWidth + 1 || box.bottom > innerHeight + 1;
    if (isOut) cut.push(`${element.className || element.id || element.tagName} ${JSON.stringify(box)}`);
  }
  return cut;
}

describe("every scene in every size", () => {
  for (const [scene, state] of Object.entries(SCENES)) {
    for (const [size, viewport] of Object.entries(SIZES)) {
      for (const colorScheme of ["light", "dark"]) {
        test(`${scene} ${size} ${colorScheme}`, async () => {
          const counts = scene === "seven" ? { ...COUNTS, degraded: "the disk is full" } : COUNTS;
          const page = await openScene(state, { viewport, colorScheme, reducedMotion: "reduce" }, counts);
          const isPeople = state.faces.length > 0;
          await page.locator(isPeople ? ".tile" : "#scene-title").first().waitFor();
          await page.waitForTimeout(300);
          await page.screenshot({ path: join(shots, `${scene}-${size}-${colorScheme}.png`) });
          assert.deepEqual(await page.evaluate(overflow), []);
          assert.match(await page.locator("#notice").innerText(), /not what anybody feels.*device alone/);
          assert.equal(await page.locator(".tile").count(), Math.min(state.faces.length, 9));
          assert.deepEqual(await violations(page), []);
          await page.context().close();
        });
      }
    }
  }
});

test("text can be read on the tint of every label and every scene", async () => {
  const about = await (await fetch(new URL("/api/v1/about", device.address))).json();
  const script = async (name) => (await fetch(new URL(`/assets/${name}`, device.address))).text();
  const scenes = (await script("visitor.js")).match(/#[0-9a-f]{6}\b/g);
  const [, unsure] = (await script("face.js")).match(/UNSURE_COLOR = "(#[0-9a-f]{6})"/);
  // A label of the owner's own looks like neutral.
  const hues = new Set([...about.labels.map((label) => label.color), ...scenes, unsure]);
  assert.ok(about.labels.length === 7 && scenes.length >= 5);
  const counts = { ...COUNTS, degraded: "the disk is full" };
  for (const colorScheme of ["light", "dark"]) {
    const least = { ratio: Infinity };
    for (const scene of ["three", "one", "nobody"]) {
      const options = { viewport: SIZES["800x480"], colorScheme, reducedMotion: "reduce" };
      const page = await openScene(SCENES[scene], options, counts);
      await page.locator(scene === "nobody" ? "#scene-title" : ".tile .name").first().waitFor();
      await page.locator("#degraded").waitFor();
      for (const hue of hues) {
        await page.evaluate((color) => {
          for (const element of [document.documentElement, ...document.querySelectorAll(".tile")]) {
            element.style.setProperty("--hue", color);
          }
        }, hue);
        const measured = await contrasts(page);
        assert.ok(measured.length >= 8, `${measured.length} texts`);
        assert.deepEqual(measured.filter(isFaint), [], `${scene} ${colorScheme} ${hue}`);
        for (const { text, ratio } of measured) if (ratio < least.ratio) Object.assign(least, { text, ratio, hue, scene });
      }
      await page.context().close();
    }
    console.log(`${colorScheme}: ${hues.size} tints, the least contrast is`, least);
  }
});

test("the measure of contrast would find faint text", async () => {
  const page = await openScene(SCENES.one, { reducedMotion: "reduce" });
  await page.locator(".tile").first().waitFor();
  await page.evaluate(() => document.documentElement.style.setProperty("--muted", "#9a93a0"));
  assert.ok((await contrasts(page)).some(isFaint));
  await page.context().close();
});

test("the demo's faces are shown, live, from this device alone", async () => {
  const page = await open(browser, device.address, { viewport: { width: 1280, height: 720 } });
  await page.locator(".tile .name").first().waitFor();
  const seen = new Set();
  for (let look = 0; look < 30 && seen.size < 2; look++) {
    seen.add((await page.locator(".tile .name").allInnerTexts()).join());
    await page.waitForTimeout(300);
  }
  assert.ok(seen.size >= 2, `${[...seen]} was all there was in nine seconds`);
  await until(page, () => Number(document.getElementById("visits").textContent) >= 1);
  await page.screenshot({ path: join(shots, "demo.png") });
  assert.deepEqual(page.foreign, [], "nothing is asked for elsewhere");
  assert.deepEqual(page.faults, []);
  await page.context().close();
});

test("with nobody before the camera there is an invitation", async () => {
  const empty = await startDevice("-");
  const page = await open(browser, empty.address);
  await page.getByRole("heading", { name: "Hello!" }).waitFor();
  assert.equal(await page.locator("#scene-text").innerText(), "Step in front of the camera and show a face.");
  const looks = () => page.evaluate(() => document.querySelector("#scene-face .features").getAttribute("transform"));
  const seen = new Set();
  for (let look = 0; look < 25; look++) {
    seen.add(await looks());
    await page.waitForTimeout(300);
  }
  assert.ok(seen.size > 3, "it looks about");
  await page.screenshot({ path: join(shots, "attract.png") });
  assert.deepEqual([page.foreign, page.faults], [[], []]);
  await empty.stop();
  await page.context().close();
});

test("the keyboard reaches everything, visibly, in order", async () => {
  const page = await openScene(SCENES.one, {});
  await page.locator(".tile").first().waitFor();
  const reached = [];
  for (let step = 0; step < 4; step++) {
    await page.keyboard.press("Tab");
    reached.push(await page.evaluate(() => {
      const element = document.activeElement;
      const { outlineStyle, outlineWidth } = getComputedStyle(element);
      return [element.getAttribute("aria-label") ?? element.textContent, outlineStyle !== "none" && outlineWidth !== "0px"];
    }));
  }
  assert.deepEqual(reached, [
    ["Skip to the content", true], ["Show the live picture", true], ["Deutsch", true], ["English", true],
  ]);
  await page.keyboard.press("Shift+Tab");
  await page.keyboard.press("Enter");
  await page.waitForURL(/lang=de/);
  assert.equal(await page.locator("html").getAttribute("lang"), "de");
  await page.getByRole("img", { name: "fröhlich, 83 Prozent" }).waitFor();
  await page.context().close();
});

test("a screen reader is told names and changes", async () => {
  const page = await openScene(SCENES.three, {});
  for (const name of ["angry, 70 percent", "sad, 70 percent", "neutral, 70 percent"]) {
    await page.getByRole("img", { name }).waitFor();
  }
  const status = page.getByRole("status");
  assert.equal(await status.getAttribute("aria-live"), "polite");
  await until(page, () => document.getElementById("status").textContent === "3 faces: angry, sad, neutral");
  assert.equal(await page.getByRole("heading", { level: 1 }).count(), 1);
  await page.getByRole("complementary", { name: "Today" }).waitFor();
  await page.context().close();
});

test("a face moves to its expression, or is there at once for those who want it calm", async () => {
  const mouth = () => document.querySelector(".tile .mouth").getAttribute("d");
  const lively = await openScene(SCENES.one, {});
  await lively.locator(".tile").first().waitFor();
  const early = new Set();
  for (let look = 0; look < 12; look++) {
    early.add(await lively.evaluate(mouth));
    await lively.waitForTimeout(40);
  }
  assert.ok(early.size > 3, "it moves");
  await lively.context().close();

  const calm = await openScene(SCENES.one, { reducedMotion: "reduce" });
  await calm.locator(".tile").first().waitFor();
  const first = await calm.evaluate(mouth);
  const still = new Set();
  for (let look = 0; look < 12; look++) {
    still.add(await calm.evaluate(() => document.querySelector(".tile svg").outerHTML));
    await calm.waitForTimeout(80);
  }
  assert.equal(still.size, 1, "it keeps still");
  assert.equal(await calm.evaluate(mouth), first);
  assert.equal(await calm.evaluate(() => getComputedStyle(document.body).transitionDuration), "0s");
  await calm.context().close();
});

test("a device that does not answer at first is asked again", async () => {
  const context = await browser.newContext({ locale: "en-GB" });
  const asked = { about: 0, texts: 0 };
  for (const path of Object.keys(asked)) {
    await context.route(`**/api/v1/${path}*`, (route) => {
      asked[path] += 1;
      if (asked[path] === 1) return route.abort();
      return asked[path] === 2 ? route.fulfill({ status: 503, body: "no room" }) : route.continue();
    });
  }
  const page = await context.newPage();
  await page.goto(device.address);
  await page.locator(".tile .name").first().waitFor({ timeout: 10000 });
  assert.deepEqual(asked, { about: 3, texts: 3 });
  await context.close();
});

test("labels of the owner's own are shown by name", async () => {
  const own = { ...person(1, "smiling broadly"), probabilities: { "smiling broadly": 0.7, "süß": 0.3 } };
  const counts = { counting: true, visits: 1, expressions: { "smiling broadly": 1, "<b>x</b>": 0 }, degraded: null };
  const page = await openScene({ camera: "ok", faces: [own] }, {}, counts);
  await page.getByRole("img", { name: "smiling broadly, 70 percent" }).waitFor();
  assert.equal(await page.locator(".visits").innerText(), "1 visit");
  assert.equal(await page.locator("#counts-list .name").nth(1).innerText(), "<b>x</b>");
  await page.context().close();
});

test("another model's labels are shown while the page is open", async () => {
  const page = await openScene(SCENES.one);
  await page.getByRole("img", { name: "happy, 83 percent" }).waitFor();
  assert.equal(await page.locator(".share i").count(), 7);
  await page.evaluate(() => {
    const rest = { brow_raise: 0, brow_slant: 0, eye_open: 60, mouth_curve: 0, mouth_open: 0, sneer: 0 };
    window.told.about = { labels: [{ name: "smiling", color: "#123456", ...rest }, { name: "not", color: "#654321", ...rest }] };
    const [face] = window.told.state.faces;
    window.told.state.faces = [{ ...face, expression: "smiling", probabilities: { smiling: 0.83, not: 0.17 } }];
  });
  await page.getByRole("img", { name: "smiling, 83 percent" }).waitFor();
  assert.equal(await page.locator(".share i").count(), 2);
  const hue = (selector) => page.locator(selector).first().evaluate((element) => element.style.getPropertyValue("--hue"));
  assert.equal(await hue(".tile"), "#123456");
  assert.equal(await hue(".share i"), "#123456");
  await page.context().close();
});

test("what does not count has no counts", async () => {
  const page = await openScene(SCENES.one, {}, { counting: false, visits: 0, expressions: {}, degraded: null });
  await page.locator(".tile").first().waitFor();
  assert.equal(await page.locator("#counts").isVisible(), false);
  assert.match(await page.locator("#notice").innerText(), /nothing is stored/);
  await page.context().close();
});

test("the live picture comes and goes, with a face over every face", async () => {
  const page = await open(browser, device.address, { viewport: { width: 1280, height: 720 } });
  await page.getByRole("button", { name: "Show the live picture" }).click();
  await page.locator("#live-faces .skin").first().waitFor();
  const painted = () => page.evaluate(() => {
    const canvas = document.getElementById("live-picture");
    return canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.reduce((a, b) => a + b, 0);
  });
  const before = await painted();
  await page.waitForTimeout(500);
  assert.notEqual(await painted(), before, "it moves");
  assert.deepEqual(await violations(page), []);
  await page.screenshot({ path: join(shots, "live.png") });
  await page.getByRole("button", { name: "Hide the live picture" }).click();
  await page.waitForTimeout(500);
  let asked = 0;
  page.on("request", (request) => { asked += request.url().includes("/live") ? 1 : 0; });
  await page.waitForTimeout(700);
  assert.equal(asked, 0, "nobody watches");
  assert.equal(await page.locator("#live").isVisible(), false);
  assert.deepEqual([page.foreign, page.faults], [[], []]);
  await page.context().close();
});

test("a device that goes away is noticed, and is there again when it is back", async () => {
  const away = await startDevice("demo");
  const page = await open(browser, away.address);
  await page.locator(".tile").first().waitFor();
  await away.stop();
  await page.getByRole("heading", { name: "No connection" }).waitFor({ timeout: 30000 });
  const again = await startDevice("demo", { "kiosk.bind": `["${new URL(away.address).host}"]` });
  await page.locator(".tile").first().waitFor({ timeout: 30000 });
  await again.stop();
  await page.context().close();
});

test("a page that is left open does not grow", async () => {
  const context = await browser.newContext();
  await context.addInitScript((labels) => {
    window.EventSource = class extends EventTarget {
      constructor() {
        super();
        window.feed = this;
      }

      close() {}
    };
    // A week of people who come and go.
    window.crowd = (from, count) => {
      for (let track = from; track < from + count; track++) {
        const faces = [0, 1, 2].map((more) => ({
          track: track + more, expression: labels[track % 7], probability: 0.7,
          probabilities: Object.fromEntries(labels.map((label) => [label, 1 / 7])),
          box: { x: 0.1, y: 0.1, width: 0.3, height: 0.3 },
        }));
        const state = { camera: "ok", timestamp_ms: track, faces: track % 5 === 0 ? [] : faces };
        window.feed.dispatchEvent(new MessageEvent("state", { data: JSON.stringify(state) }));
      }
    };
  }, LABELS);
  const page = await context.newPage();
  await page.goto(device.address);
  await until(page, () => window.feed !== undefined);
  const size = () => page.evaluate(() => document.querySelectorAll("*").length);
  await page.evaluate(() => window.crowd(1, 60));
  const before = await size();
  await page.evaluate(() => window.crowd(61, 600));
  assert.equal(await size(), before);
  await context.close();
});
