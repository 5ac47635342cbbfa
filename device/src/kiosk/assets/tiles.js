// A tile per face in sight.

import { Face, REST, UNSURE, UNSURE_COLOR } from "./face.js";
import { expression, number, text } from "./texts.js";

/** Most tiles; more could not be told apart. */
const MOST = 9;

export class Tiles {
  /** `looks` are the labels' colours and faces by name. */
  constructor(list, more, looks) {
    this.list = list;
    this.more = more;
    this.looks = looks;
    this.tiles = new Map();
  }

  /** The faces that move. */
  *faces() {
    for (const tile of this.tiles.values()) yield tile.face;
  }

  /** Shows these people. */
  show(people) {
    const shown = people.slice(0, MOST);
    // A stable order: people do not jump about when they lean forward.
    shown.sort((a, b) => a.track - b.track);
    const here = new Set(shown.map((person) => person.track));
    for (const [track, tile] of this.tiles) {
      if (!here.has(track)) {
        tile.item.remove();
        this.tiles.delete(track);
      }
    }
    for (const person of shown) this.#update(person);
    this.list.dataset.count = shown.length;
    const columns = this.#columns(shown.length);
    this.list.style.setProperty("--columns", columns);
    this.list.style.setProperty("--rows", Math.max(1, Math.ceil(shown.length / columns)));
    // A tile that is much taller than its face looks like a door.
    const tallest = (this.list.clientWidth / columns) * 1.4;
    this.list.style.setProperty("--tallest", shown.length > 1 ? `${tallest}px` : "none");
    this.more.hidden = people.length <= MOST;
    this.more.textContent = text("people.more", { count: number(people.length - MOST) });
  }

  #columns(count) {
    const { clientWidth: width, clientHeight: height } = this.list;
    let best = 1;
    let most = 0;
    for (let columns = 1; columns <= count; columns++) {
      const side = Math.min(width / columns, height / Math.ceil(count / columns) / 1.25);
      if (side > most) [best, most] = [columns, side];
    }
    return best;
  }

  #update(person) {
    let tile = this.tiles.get(person.track);
    if (!tile) {
      tile = this.#make();
      this.tiles.set(person.track, tile);
      this.list.append(tile.item);
    }
    const look = this.looks.get(person.expression);
    const percent = Math.round(person.probability * 100);
    const name = person.expression === null ? text("uncertain") : expression(person.expression);
    const label = person.expression === null
      ? text("face.uncertain") : text("face.label", { expression: name, percent: number(percent) });
    tile.item.style.setProperty("--hue", look?.color ?? UNSURE_COLOR);
    if (tile.name.textContent !== name) tile.name.textContent = name;
    if (tile.label !== label) {
      tile.label = label;
      tile.face.label = label;
    }
    // The drawn one looks at the one before the camera: what is left for the camera is right for them.
    const { x, y, width, height } = person.box;
    const gaze = { gazeX: (0.5 - (x + width / 2)) * 2, gazeY: (y + height / 2 - 0.5) * 1.4 };
    const goal = person.expression === null ? UNSURE : look?.face ?? REST;
    tile.face.show({ ...goal, ...gaze });
    const labels = Object.keys(person.probabilities);
    // Another model may have other labels.
    if (tile.labels.join() !== labels.join()) this.#split(tile, labels);
    for (const [index, share] of Object.values(person.probabilities).entries()) {
      tile.shares[index].style.setProperty("width", `${(share * 100).toFixed(1)}%`);
    }
  }

  /** A part of the bar for each label. */
  #split(tile, labels) {
    tile.labels = labels;
    tile.shares = labels.map((label) => {
      const part = document.createElement("i");
      part.style.setProperty("--hue", this.looks.get(label)?.color ?? UNSURE_COLOR);
      return part;
    });
    tile.bar.replaceChildren(...tile.shares);
  }

  #make() {
    const item = document.createElement("li");
    item.className = "tile";
    const figure = document.createElement("div");
    figure.className = "figure";
    const name = document.createElement("p");
    name.className = "name";
    name.setAttribute("aria-hidden", "true");
    const bar = document.createElement("div");
    bar.className = "share";
    bar.setAttribute("aria-hidden", "true");
    item.append(figure, name, bar);
    return { item, name, bar, labels: [], shares: [], face: new Face(figure), label: null };
  }
}
