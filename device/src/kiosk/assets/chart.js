// Bars over time: visits by expression, stacked.

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 960;
const HEIGHT = 300;
const LEFT = 44;
const TOP = 12;
const BOTTOM = 30;

function element(name, attributes, parent) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  parent?.append(made);
  return made;
}

/** A whole step that gives at most five lines. */
export function step(most) {
  const rough = Math.max(most / 5, 1);
  const power = 10 ** Math.floor(Math.log10(rough));
  return [1, 2, 5, 10].map((factor) => factor * power).find((value) => value >= rough);
}

/**
 * Draws `bars`, `{ label, title, parts: [{ color, value }] }` each, into `holder`. `label` (an
 * empty one is left out) stands below a bar, `title` is said of it.
 */
export function draw(holder, bars, { label, format }) {
  const most = Math.max(1, ...bars.map((bar) => bar.parts.reduce((sum, part) => sum + part.value, 0)));
  const every = step(most);
  const top = Math.ceil(most / every) * every;
  const height = HEIGHT - TOP - BOTTOM;
  const y = (value) => TOP + height * (1 - value / top);
  const svg = element("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": label });
  for (let value = 0; value <= top; value += every) {
    element("line", { class: value === 0 ? "axis" : "grid", x1: LEFT, x2: WIDTH, y1: y(value), y2: y(value) }, svg);
    element("text", { x: LEFT - 8, y: y(value) + 4, "text-anchor": "end" }, svg).textContent = format(value);
  }
  const slot = (WIDTH - LEFT) / Math.max(bars.length, 1);
  const width = Math.min(slot * 0.74, 56);
  bars.forEach((bar, index) => {
    const x = LEFT + slot * index;
    const group = element("g", {}, svg);
    element("title", {}, group).textContent = bar.title;
    element("rect", { class: "slot", x, y: TOP, width: slot, height }, group);
    let sum = 0;
    for (const part of bar.parts.filter((part) => part.value > 0)) {
      const from = y(sum);
      sum += part.value;
      const rect = element("rect", {
        class: "mark", x: x + (slot - width) / 2, y: y(sum), width, height: Math.max(from - y(sum) - 0.8, 0.5),
      }, group);
      rect.style.setProperty("--hue", part.color);
    }
    if (bar.label) {
      element("text", { x: x + slot / 2, y: HEIGHT - 9, "text-anchor": "middle" }, svg).textContent = bar.label;
    }
  });
  holder.replaceChildren(svg);
}
