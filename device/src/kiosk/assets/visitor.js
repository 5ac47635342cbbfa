// The visitors' page: who is here, or else an invitation; today's counts; the live picture if the
// owner allows it.

import { ASLEEP, Face, REST, SMILE, UNSURE_COLOR, animate, isCalm, ofLook } from "./face.js";
import { Counts } from "./counts.js";
import { listen } from "./feed.js";
import { Live } from "./live.js";
import { Tiles } from "./tiles.js";
import { ask, expression, load, number, text } from "./texts.js";

/** A face may be hidden by a hand: so long the tiles stay. */
const LINGER_MS = 1500;
/** A screen reader is not told more often than this. */
const TELL_MS = 3000;

const $ = (id) => document.getElementById(id);
const scene = { face: new Face($("scene-face")), name: null };
let state = { camera: "starting", faces: [] };
let isThere = true;
let lastSeen = -LINGER_MS;

const [languages, about] = await Promise.all([load(), ask("/api/v1/about")]);
const looks = new Map();
setLooks(about);
const tiles = new Tiles($("tiles"), $("more"), looks);
const counts = new Counts($("counts"), looks);
const live = new Live($("live-picture"), $("live-faces"), $("live-none"), looks);

for (const [name, label] of Object.entries(languages)) {
  const link = document.createElement("a");
  link.href = `?lang=${name}`;
  link.lang = name;
  link.hreflang = name;
  link.textContent = name.toUpperCase();
  link.setAttribute("aria-label", label);
  if (name === document.documentElement.lang) link.setAttribute("aria-current", "true");
  $("languages").append(link);
}

const toggle = $("live-toggle");
if (document.body.dataset.live === "yes") {
  toggle.hidden = false;
  toggle.addEventListener("click", () => {
    const isOn = toggle.getAttribute("aria-pressed") !== "true";
    toggle.setAttribute("aria-pressed", String(isOn));
    toggle.textContent = isOn ? text("live.hide") : text("live.show");
    document.body.dataset.view = isOn ? "live" : "";
    $("live").hidden = !isOn;
    live.switch(isOn);
  });
}

/** Other models may have other labels; what shows labels has this map. */
function setLooks({ labels }) {
  looks.clear();
  for (const look of labels) looks.set(look.name, { color: look.color, face: ofLook(look) });
}

/** What the large part shows: `people`, or the name of a scene. */
function sceneName() {
  if (!isThere) return "offline";
  if (state.camera !== "ok") return state.camera;
  return state.faces.length > 0 || performance.now() - lastSeen < LINGER_MS ? "people" : "nobody";
}

const SCENES = {
  nobody: () => [text("nobody.title"), text("nobody.text"), SMILE, "#e8b48c"],
  starting: () => [text("starting.title"), text("starting.text"), { ...ASLEEP, lid: 0.35 }, "#c9c0b6"],
  lost: () => [text("lost.title"), text("lost.text"), ASLEEP, "#b3abbd"],
  ended: () => [text("ended.title"), text("ended.text"), ASLEEP, "#9a93b8"],
  offline: () => [text("offline.title"), text("offline.text"), ASLEEP, "#b3abbd"],
};

function render() {
  const name = sceneName();
  const isPeople = name === "people";
  $("people").hidden = !isPeople;
  $("scene").hidden = isPeople;
  if (isPeople) {
    if (state.faces.length > 0) tiles.show(state.faces);
    const shown = state.faces[0]?.expression;
    if (state.faces.length === 1) color(looks.get(shown)?.color ?? UNSURE_COLOR);
    else if (state.faces.length > 1) color("#c9c0b6");
  } else if (name !== scene.name) {
    tiles.show([]);
    const [title, line, face, hue] = SCENES[name]();
    $("scene-title").textContent = title;
    $("scene-text").textContent = line;
    scene.face.show({ ...REST, ...face });
    color(hue);
  }
  if (name !== scene.name) document.body.dataset.scene = name;
  scene.name = name;
}

function color(hue) {
  document.documentElement.style.setProperty("--hue", hue);
}

// With nobody here the face looks about, and smiles, winks or wonders.
const GAMES = [
  SMILE, { ...SMILE, gazeX: -0.8 }, { ...SMILE, gazeX: 0.8 }, { ...REST, browRaise: 0.9, eyeOpen: 0.95, mouthOpen: 0.5 },
  { ...SMILE, tilt: -7, mouthCurve: 0.9 }, { ...SMILE, tilt: 6, quirk: 0.8 }, { ...SMILE, bob: -7, mouthOpen: 0.4, mouthCurve: 1 },
];
let game = 0;
setInterval(() => {
  if (scene.name !== "nobody" || isCalm()) return;
  game = (game + 1) % GAMES.length;
  scene.face.show({ ...REST, ...GAMES[game] });
}, 2600);

let told = "";
setInterval(() => {
  const now = tell();
  if (now !== told) $("status").textContent = now;
  told = now;
}, TELL_MS);

/** The state in words. */
function tell() {
  if (scene.name !== "people") return `${$("scene-title").textContent}. ${$("scene-text").textContent}`;
  const names = state.faces.map((person) =>
    person.expression === null ? text("uncertain") : expression(person.expression));
  if (names.length < 2) return names[0] ?? told;
  return text("status.faces", { count: number(names.length), list: names.join(", ") });
}

listen({
  about: setLooks,
  state(now) {
    state = now;
    if (now.faces.length > 0) lastSeen = performance.now();
    render();
  },
  counts(now) {
    counts.show(now);
    $("notice").textContent = now.counting ? text("notice.counted") : text("notice");
  },
  link(now) {
    isThere = now;
    render();
  },
});
setInterval(render, 500);
addEventListener("resize", () => tiles.show(state.faces));
animate(function* () {
  if (!$("scene").hidden) yield scene.face;
  yield* tiles.faces();
  yield* live.faces();
});
