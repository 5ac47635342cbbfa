// Today's counts: a line per expression.

import { Face, REST } from "./face.js";
import { expression, number, text } from "./texts.js";

export class Counts {
  constructor(panel, looks) {
    this.panel = panel;
    this.looks = looks;
    this.lines = new Map();
  }

  /** Shows the counts; hidden where nothing counts. */
  show(counts) {
    this.panel.hidden = !counts.counting;
    if (!counts.counting) return;
    const part = (id) => this.panel.querySelector(`#${id}`);
    part("visits").textContent = number(counts.visits);
    part("visits-unit").textContent = counts.visits === 1 ? text("counts.visit") : text("counts.visits");
    part("degraded").hidden = counts.degraded === null;
    part("degraded").textContent = text("counts.degraded");
    const entries = Object.entries(counts.expressions);
    const most = Math.max(1, ...entries.map(([, count]) => count));
    for (const [label, count] of entries) {
      const line = this.lines.get(label) ?? this.#make(label, part("counts-list"));
      line.count.textContent = number(count);
      line.bar.style.setProperty("width", `${(count / most) * 100}%`);
    }
  }

  #make(label, list) {
    const item = document.createElement("li");
    const look = this.looks.get(label);
    if (look) item.style.setProperty("--hue", look.color);
    const figure = document.createElement("span");
    figure.className = "figure";
    const face = new Face(figure);
    face.goal = { ...(look?.face ?? REST) };
    face.snap();
    const name = document.createElement("span");
    name.className = "name";
    name.textContent = expression(label);
    const count = document.createElement("span");
    count.className = "number";
    const bar = document.createElement("span");
    bar.className = "bar";
    bar.setAttribute("aria-hidden", "true");
    const filled = document.createElement("i");
    bar.append(filled);
    item.append(figure, name, count, bar);
    list.append(item);
    const line = { count, bar: filled };
    this.lines.set(label, line);
    return line;
  }
}
