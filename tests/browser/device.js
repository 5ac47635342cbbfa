// The device, started for a test, and pages of it in a real browser.

import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const root = fileURLToPath(new URL("../..", import.meta.url));
const program = process.env.MIEN_DEVICE ?? join(root, "target/debug/mien-device");
/** Where screenshots go. */
export const shots = process.env.MIEN_SHOTS ?? join(root, "target/browser");
mkdirSync(shots, { recursive: true });

/** The sizes that the page is made for: the small official display, an upright one, 4K. */
export const SIZES = {
  "800x480": { width: 800, height: 480 },
  "1080x1920": { width: 1080, height: 1920 },
  "3840x2160": { width: 3840, height: 2160 },
};

/**
 * Starts `mien-device run --kiosk` on a free port; `settings` are keys of the configuration. The source
 * `-` is a video of an empty room.
 */
export async function startDevice(source, settings = {}) {
  const state = mkdtempSync(join(tmpdir(), "mien-browser-"));
  const env = { ...process.env, MIEN_STATE_DIR: state, MIEN_CONFIG_KIOSK__BIND: '["127.0.0.1:0"]' };
  for (const [key, value] of Object.entries(settings)) {
    env[`MIEN_CONFIG_${key.toUpperCase().replaceAll(".", "__")}`] = value;
  }
  const device = spawn(program, ["run", "--source", source, "--kiosk"], {
    env, stdio: [source === "-" ? "pipe" : "ignore", "ignore", "pipe"],
  });
  const ended = new Promise((done) => device.on("exit", done));
  const video = source === "-" ? film(device.stdin) : null;
  const lines = createInterface({ input: device.stderr });
  const said = [];
  const address = await new Promise((found, failed) => {
    lines.on("line", (line) => {
      said.push(line);
      const [, page] = line.match(/^page: (\S+)/) ?? [];
      if (page) found(page);
    });
    device.on("error", failed);
    device.on("exit", (code) => failed(new Error(`mien-device ended with ${code}: ${said.join("\n")}`)));
  });
  return {
    address,
    state,
    device,
    async stop() {
      clearInterval(video);
      device.stdin?.end();
      device.kill("SIGTERM");
      await ended;
      rmSync(state, { recursive: true, force: true });
    },
  };
}

/** Ten gray pictures a second. */
function film(to) {
  const [width, height] = [160, 120];
  // The device may end first.
  to.on("error", () => {});
  to.write(`YUV4MPEG2 W${width} H${height} F10:1 Ip A1:1 Cmono\n`);
  const frame = Buffer.concat([Buffer.from("FRAME\n"), Buffer.alloc(width * height, 128)]);
  return setInterval(() => to.write(frame), 100);
}

export function startBrowser() {
  return chromium.launch({
    executablePath: process.env.MIEN_CHROMIUM ?? "/usr/bin/chromium",
    // The tests may run as root, where Chromium has no sandbox.
    args: ["--no-sandbox"],
  });
}

/**
 * Opens a page and keeps an eye on it: `page.foreign` collects requests to anywhere else, `page.faults`
 * what went wrong in it. Requests to elsewhere are cut off, as with the network's cable pulled.
 */
export async function open(browser, address, options = {}) {
  const context = await browser.newContext({ locale: "en-GB", ...options });
  const page = await context.newPage();
  page.foreign = [];
  page.faults = [];
  await context.route("**/*", (route) => {
    const { origin } = new URL(route.request().url());
    if (origin === new URL(address).origin) return route.continue();
    page.foreign.push(route.request().url());
    return route.abort();
  });
  page.on("pageerror", (error) => page.faults.push(error.message));
  page.on("console", (message) => {
    if (message.type() === "error") page.faults.push(message.text());
  });
  await page.goto(address);
  return page;
}

/** Waits until `look` is true in the page. Playwright's own wait needs what the page's policy forbids. */
export async function until(page, look, argument) {
  const end = Date.now() + 30000;
  while (!(await page.evaluate(look, argument))) {
    if (Date.now() > end) throw new Error(`never came true: ${look}`);
    await page.waitForTimeout(100);
  }
}

/** Lets the page be told a state of the test's own making instead of the device's. */
export function play(told) {
  // So that a test can tell something else later.
  window.told = told;
  window.EventSource = class extends EventTarget {
    constructor() {
      super();
      const tell = (name) => this.dispatchEvent(new MessageEvent(name, { data: JSON.stringify(told[name]) }));
      setTimeout(() => {
        tell("counts");
        setInterval(() => {
          if (told.about) tell("about");
          tell("state");
        }, 200);
      });
    }

    close() {}
  };
}

export const LABELS = ["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"];

/** A face in sight, as the API tells it. */
export function person(track, expression, probability = 0.7) {
  const others = (1 - probability) / (LABELS.length - 1);
  const likeliest = expression ?? "sad";
  return {
    track,
    expression,
    probability,
    probabilities: Object.fromEntries(LABELS.map((label) => [label, label === likeliest ? probability : others])),
    box: { x: 0.1 * (track % 8), y: 0.3, width: 0.2, height: 0.25 },
  };
}

export const COUNTS = {
  counting: true,
  visits: 137,
  expressions: { angry: 4, disgust: 1, fear: 3, happy: 71, sad: 9, surprise: 14, neutral: 35 },
  degraded: null,
};
