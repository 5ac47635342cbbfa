// The live picture with a drawn face over every face. The device covers faces before a picture
// leaves it; nothing is asked for while the picture is hidden.

import { Face, REST, UNSURE, UNSURE_COLOR } from "./face.js";
import { expression, text } from "./texts.js";

const SVG = "http://www.w3.org/2000/svg";

export class Live {
  constructor(canvas, overlay, none, looks) {
    this.canvas = canvas;
    this.overlay = overlay;
    this.none = none;
    this.looks = looks;
    this.people = new Map();
    this.isOn = false;
  }

  /** The faces that move. */
  *faces() {
    for (const person of this.people.values()) yield person.face;
  }

  /** Shows the picture, or stops. */
  switch(isOn) {
    if (isOn === this.isOn) return;
    this.isOn = isOn;
    if (isOn) this.#follow();
    else this.#place([]);
  }

  async #follow() {
    while (this.isOn) {
      try {
        const response = await fetch("/api/v1/live", { cache: "no-store" });
        this.none.hidden = response.status === 200;
        if (response.status === 200) {
          const faces = JSON.parse(response.headers.get("x-mien-faces"));
          const picture = await createImageBitmap(await response.blob());
          if (this.isOn) this.#draw(picture, faces);
          picture.close();
        } else if (response.status !== 204) {
          await pause(2000);
        }
      } catch {
        this.none.hidden = false;
        await pause(2000);
      }
    }
  }

  #draw(picture, faces) {
    const { canvas } = this;
    if (canvas.width !== picture.width || canvas.height !== picture.height) {
      [canvas.width, canvas.height] = [picture.width, picture.height];
      canvas.parentElement.style.setProperty("aspect-ratio", `${picture.width} / ${picture.height}`);
    }
    canvas.getContext("2d").drawImage(picture, 0, 0);
    this.overlay.setAttribute("viewBox", `0 0 ${canvas.width} ${canvas.height}`);
    this.#place(faces);
  }

  #place(faces) {
    const here = new Set(faces.map((person) => person.track));
    for (const [track, person] of this.people) {
      if (!here.has(track)) {
        person.group.remove();
        this.people.delete(track);
      }
    }
    for (const person of faces) {
      const drawn = this.people.get(person.track) ?? this.#make(person.track);
      const look = this.looks.get(person.expression);
      const { width, height } = this.canvas;
      const box = {
        x: person.box.x * width, y: person.box.y * height,
        width: person.box.width * width, height: person.box.height * height,
      };
      drawn.group.style.setProperty("--hue", look?.color ?? UNSURE_COLOR);
      // Larger than the box, as the cover is, so that nothing of it is to be seen.
      const side = Math.max(box.width, box.height) * 1.66;
      const left = box.x + (box.width - side) / 2;
      const top = box.y + (box.height - side) / 2;
      const { svg } = drawn.face;
      place(svg, { x: left, y: top + side * 0.03, width: side, height: side });
      place(drawn.frame, { x: left + side * 0.08, y: top + side * 0.08, width: side * 0.84, height: side * 0.84 });
      const name = person.expression === null ? text("uncertain") : expression(person.expression);
      if (drawn.name.textContent !== name) drawn.name.textContent = name;
      // The picture is a mirror's; writing is not.
      const y = Math.min(top + side * 1.03, height - 10);
      drawn.name.setAttribute("transform", `translate(${(left + side / 2).toFixed(1)} ${y.toFixed(1)}) scale(-1 1)`);
      drawn.name.setAttribute("font-size", Math.max(side * 0.12, 18).toFixed(1));
      drawn.face.show(person.expression === null ? UNSURE : look?.face ?? REST);
    }
  }

  #make(track) {
    const group = document.createElementNS(SVG, "g");
    const frame = document.createElementNS(SVG, "rect");
    frame.setAttribute("class", "frame");
    frame.setAttribute("rx", "8");
    this.overlay.append(group);
    const face = new Face(group);
    const name = document.createElementNS(SVG, "text");
    group.append(frame, name);
    const person = { group, frame, name, face };
    this.people.set(track, person);
    return person;
  }
}

function place(element, box) {
  for (const [key, value] of Object.entries(box)) element.setAttribute(key, value.toFixed(1));
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
