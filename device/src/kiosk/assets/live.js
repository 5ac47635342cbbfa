// The live picture with a drawn face over every face. The device covers faces before a picture
// leaves it; nothing is asked for while the picture is hidden.

import { Face, REST, UNSURE } from "./face.js";

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
      drawn.group.style.setProperty("--hue", look?.color ?? "#b7aec6");
      for (const [key, value] of Object.entries(box)) drawn.frame.setAttribute(key, value.toFixed(1));
      const side = Math.max(box.width, box.height) * 1.5;
      const { svg } = drawn.face;
      svg.setAttribute("x", (box.x + box.width / 2 - side / 2).toFixed(1));
      svg.setAttribute("y", (box.y + box.height / 2 - side / 2).toFixed(1));
      svg.setAttribute("width", side.toFixed(1));
      svg.setAttribute("height", side.toFixed(1));
      drawn.face.show(person.expression === null ? UNSURE : look?.face ?? REST);
    }
  }

  #make(track) {
    const group = document.createElementNS(SVG, "g");
    const frame = document.createElementNS(SVG, "rect");
    frame.setAttribute("class", "frame");
    frame.setAttribute("rx", "8");
    group.append(frame);
    this.overlay.append(group);
    const person = { group, frame, face: new Face(group) };
    this.people.set(track, person);
    return person;
  }
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
