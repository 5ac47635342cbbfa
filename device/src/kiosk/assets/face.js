// A face drawn from a few numbers, and moved from one set of them to the next. The numbers are
// those of the device's other outputs (lights, small display), from /api/v1/about.

const SVG = "http://www.w3.org/2000/svg";

/** At rest. Everything is -1..1 or 0..1; `lid` closes the eyes, `quirk` raises one brow. */
export const REST = Object.freeze({
  browRaise: 0, browSlant: 0, eyeOpen: 0.6, mouthCurve: 0, mouthOpen: 0, sneer: 0,
  gazeX: 0, gazeY: 0, tilt: 0, quirk: 0, lid: 0, bob: 0,
});
export const UNSURE = Object.freeze({ ...REST, quirk: 1, mouthCurve: -0.12, sneer: 0.35, tilt: 5, browRaise: 0.1 });
export const SMILE = Object.freeze({ ...REST, browRaise: 0.25, mouthCurve: 0.75, mouthOpen: 0.12 });
export const ASLEEP = Object.freeze({ ...REST, lid: 1, browRaise: -0.1, mouthCurve: 0.15, tilt: 4 });

/** The colour of a face whose expression is uncertain. */
export const UNSURE_COLOR = "#b7aec6";

/** A label's face, from percent as the device has them. */
export function ofLook(look) {
  return {
    ...REST,
    browRaise: look.brow_raise / 100,
    browSlant: look.brow_slant / 100,
    eyeOpen: look.eye_open / 100,
    mouthCurve: look.mouth_curve / 100,
    mouthOpen: look.mouth_open / 100,
    sneer: look.sneer / 100,
  };
}

const calm = matchMedia("(prefers-reduced-motion: reduce)");
/** Whether the visitor asked for less motion. */
export const isCalm = () => calm.matches;

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
const round = (value) => Math.round(value * 10) / 10;
const point = (x, y) => `${round(x)} ${round(y)}`;

let faces = 0;

function element(name, attributes, parent) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  parent?.append(made);
  return made;
}

/** A drawing in `holder`. `label` is what a screen reader says; without one the face is a decoration. */
export class Face {
  constructor(holder) {
    this.id = `face-${++faces}`;
    this.now = { ...REST };
    this.goal = { ...REST };
    this.speed = {};
    this.nextBlink = 1 + Math.random() * 3;
    this.phase = Math.random() * 7;
    this.time = 0;
    this.svg = element("svg", { viewBox: "10 10 180 190", "aria-hidden": "true" });
    this.#build();
    this.#draw();
    holder.append(this.svg);
  }

  /** What is said of the face. */
  set label(text) {
    if (text) {
      this.svg.removeAttribute("aria-hidden");
      this.svg.setAttribute("role", "img");
      this.svg.setAttribute("aria-label", text);
    } else {
      this.svg.setAttribute("aria-hidden", "true");
      this.svg.removeAttribute("role");
      this.svg.removeAttribute("aria-label");
    }
  }

  /** Where the face goes from here. */
  show(goal) {
    this.goal = { ...this.goal, ...goal };
    if (isCalm()) this.snap();
  }

  /** Is there at once. */
  snap() {
    this.now = { ...this.goal, gazeX: 0, gazeY: 0 };
    this.speed = {};
    this.#draw();
  }

  /** Moves by `seconds`: springs that barely overshoot, a blink now and then, a slow breath. */
  step(seconds) {
    if (isCalm()) return;
    const dt = Math.min(seconds, 0.1);
    this.time += dt;
    for (const [key, goal] of Object.entries(this.goal)) {
      const stiffness = key === "gazeX" || key === "gazeY" ? 60 : 150;
      const damping = key === "gazeX" || key === "gazeY" ? 15 : 19;
      let value = this.now[key];
      let speed = this.speed[key] ?? 0;
      // Small steps: a slow machine must not make the spring explode.
      for (let left = dt; left > 0; left -= 0.02) {
        const part = Math.min(left, 0.02);
        speed += ((goal - value) * stiffness - speed * damping) * part;
        value += speed * part;
      }
      this.now[key] = value;
      this.speed[key] = speed;
    }
    this.nextBlink -= dt;
    if (this.nextBlink < -0.16) this.nextBlink = 2 + Math.random() * 4;
    this.#draw();
  }

  #build() {
    const { svg, id } = this;
    const defs = element("defs", {}, svg);
    const light = element("radialGradient", { id: `${id}-light`, cx: "0.36", cy: "0.22", r: "0.75" }, defs);
    element("stop", { offset: "0", "stop-color": "#fff", "stop-opacity": "0.55" }, light);
    element("stop", { offset: "1", "stop-color": "#fff", "stop-opacity": "0" }, light);
    const shade = element("linearGradient", { id: `${id}-shade`, x1: "0", y1: "0.45", x2: "0", y2: "1" }, defs);
    element("stop", { offset: "0", "stop-color": "#3a1d3d", "stop-opacity": "0" }, shade);
    element("stop", { offset: "1", "stop-color": "#3a1d3d", "stop-opacity": "0.16" }, shade);
    this.ground = element("ellipse", { class: "ground", cx: 100, cy: 192, rx: 58, ry: 6 }, svg);
    this.head = element("g", {}, svg);
    const skin = "M100 16C150 16 184 50 184 100S150 184 100 184 16 150 16 100 50 16 100 16Z";
    element("path", { class: "skin", d: skin }, this.head);
    element("path", { d: skin, fill: `url(#${id}-shade)` }, this.head);
    element("path", { d: skin, fill: `url(#${id}-light)` }, this.head);
    this.features = element("g", { class: "features" }, this.head);
    this.cheeks = [-1, 1].map((side) =>
      element("ellipse", { class: "cheek", cx: 100 + side * 53, cy: 117, rx: 14, ry: 9 }, this.features));
    this.wrinkles = [-1, 1].map((side) =>
      element("path", { class: "wrinkle", d: `M${100 + side * 5} 96q${side * 5} 5 ${side * 3} 12` }, this.features));
    this.eyes = [-1, 1].map((side) => {
      const clip = element("clipPath", { id: `${id}-eye${side}` }, defs);
      const hole = element("path", {}, clip);
      const white = element("path", { class: "white" }, this.features);
      const inner = element("g", { "clip-path": `url(#${id}-eye${side})` }, this.features);
      return {
        side, hole, white, inner,
        pupil: element("circle", { class: "pupil" }, inner),
        spark: element("circle", { class: "spark", r: 3 }, inner),
        lid: element("path", { class: "lid" }, this.features),
        brow: element("path", { class: "brow" }, this.features),
      };
    });
    const clip = element("clipPath", { id: `${id}-mouth` }, defs);
    this.mouthHole = element("path", {}, clip);
    this.mouth = element("path", { class: "mouth" }, this.features);
    const inner = element("g", { "clip-path": `url(#${id}-mouth)` }, this.features);
    this.tongue = element("ellipse", { class: "tongue" }, inner);
    this.teeth = element("path", { class: "teeth" }, inner);
    this.rim = element("path", { class: "mouth", "fill-opacity": 0 }, this.features);
  }

  #draw() {
    const f = this.now;
    const breath = isCalm() ? 0 : Math.sin((this.time + this.phase) * 1.6);
    const lift = breath * 1.2 + f.bob;
    this.head.setAttribute("transform",
      `translate(0 ${round(lift)}) rotate(${round(f.tilt)} 100 150)`);
    this.ground.setAttribute("rx", round(58 + lift * 1.2));
    // The features follow the gaze a little, which turns the head.
    this.features.setAttribute("transform", `translate(${round(f.gazeX * 5)} ${round(f.gazeY * 3)})`);
    const blink = this.nextBlink < 0 ? 1 - Math.abs(this.nextBlink + 0.08) / 0.08 : 0;
    const shut = clamp(Math.max(f.lid, blink), 0, 1);
    for (const eye of this.eyes) this.#drawEye(eye, f, shut);
    const joy = clamp(f.mouthCurve, 0, 1);
    for (const cheek of this.cheeks) cheek.setAttribute("opacity", (0.5 * joy).toFixed(2));
    const wrinkled = clamp(f.sneer * 1.6 - 0.6, 0, 1);
    for (const wrinkle of this.wrinkles) wrinkle.setAttribute("opacity", wrinkled.toFixed(2));
    this.#drawMouth(f);
  }

  #drawEye({ side, hole, white, pupil, spark, lid, brow }, f, shut) {
    const x = 100 + side * 31;
    const y = 87;
    const half = 15.5;
    const open = (1 - shut) * 1.25;
    const squint = clamp(f.mouthCurve, 0, 1) * 0.62 + clamp(f.sneer, 0, 1) * 0.45;
    const top = (4 + 21 * clamp(f.eyeOpen, 0, 1.2)) * open;
    const bottom = (3 + 16 * clamp(f.eyeOpen, 0, 1.2)) * (1 - squint) * open;
    // Lids fall towards the nose in anger and away from it in sorrow.
    const inner = clamp(-f.browSlant, 0, 1) * top * 0.62;
    const outer = clamp(f.browSlant, 0, 1) * top * 0.5;
    const [left, right] = side < 0 ? [outer, inner] : [inner, outer];
    const droop = shut * 5;
    const upper = `M${point(x - half, y + droop)}C${point(x - half * 0.62, y - top + left + droop)} ` +
      `${point(x + half * 0.62, y - top + right + droop)} ${point(x + half, y + droop)}`;
    const lower = `C${point(x + half * 0.62, y + bottom + droop * 1.8)} ` +
      `${point(x - half * 0.62, y + bottom + droop * 1.8)} ${point(x - half, y + droop)}Z`;
    hole.setAttribute("d", upper + lower);
    white.setAttribute("d", upper + lower);
    white.setAttribute("opacity", shut > 0.9 ? 0 : 1);
    // Shut, the line is that of the lower lid: a sleeping eye.
    lid.setAttribute("d", shut > 0.9
      ? `M${point(x - half, y + droop)}Q${point(x, y + droop + 9)} ${point(x + half, y + droop)}` : upper);
    const px = x + f.gazeX * 6;
    const py = y - 1.5 + (bottom - top) * 0.14 + f.gazeY * 4;
    pupil.setAttribute("cx", round(px));
    pupil.setAttribute("cy", round(py));
    pupil.setAttribute("r", round(shut > 0.9 ? 0 : 9 - clamp(f.eyeOpen - 0.6, 0, 0.4) * 4));
    spark.setAttribute("cx", round(px + 3));
    spark.setAttribute("cy", round(py - 3.4));
    spark.setAttribute("opacity", shut > 0.5 ? 0 : 1);
    const raise = f.browRaise * 10 + (side > 0 ? f.quirk * 10 : -f.quirk * 2);
    const rest = 57 + shut * 2;
    const outside = rest - raise + f.browSlant * 7;
    const inside = rest - raise - f.browSlant * 9;
    const arch = (outside + inside) / 2 - 6 - clamp(raise, 0, 12) * 0.35 + Math.abs(f.browSlant) * 3;
    brow.setAttribute("d", `M${point(100 + side * 52, outside)}` +
      `Q${point(100 + side * 34, arch)} ${point(100 + side * 16, inside)}`);
  }

  #drawMouth(f) {
    const curve = clamp(f.mouthCurve, -1.2, 1.2);
    const open = clamp(f.mouthOpen, 0, 1.2);
    const sneer = clamp(f.sneer, 0, 1.2);
    const round_ = clamp(1 - 1.6 * curve, 0, 1);
    const half = 29 + 7 * Math.max(curve, 0) - 13 * open * round_ - 3 * Math.max(-curve, 0);
    const cornerLeft = 137 - curve * 10;
    const cornerRight = cornerLeft - sneer * 9;
    const middle = (cornerLeft + cornerRight) / 2;
    const upper = 137 + curve * 8 - open * 12 * round_ - sneer * 4;
    const lower = upper + open * 37 - sneer * open * 6;
    const width = half * (0.38 + 0.6 * clamp(open * round_, 0, 1));
    const control = (y) => (4 * y - middle) / 3;
    const skew = sneer * 5;
    const left = point(100 - half, cornerLeft);
    const right = point(100 + half, cornerRight);
    const over = (dy) => `M${left}C${point(100 - width, control(upper + dy) + skew)} ` +
      `${point(100 + width, control(upper + dy) - skew)} ${right}`;
    const shape = `${over(0)}C${point(100 + width, control(lower))} ${point(100 - width, control(lower))} ${left}Z`;
    this.mouth.setAttribute("d", shape);
    this.rim.setAttribute("d", shape);
    this.mouthHole.setAttribute("d", shape);
    const grin = clamp(open * 3, 0, 1) * clamp(curve * 1.5, 0, 1);
    this.teeth.setAttribute("d", `${over(grin * 8)}L${point(100 + half, upper - 30)}L${point(100 - half, upper - 30)}Z`);
    this.teeth.setAttribute("opacity", grin.toFixed(2));
    this.tongue.setAttribute("cx", 100);
    this.tongue.setAttribute("cy", round(lower + 3));
    this.tongue.setAttribute("rx", round(half * 0.55));
    this.tongue.setAttribute("ry", round(11 * clamp(open * 1.6, 0, 1)));
  }
}

/** Steps all faces of `list()` 30 times a second: enough to be smooth, and a Pi has other work. */
export function animate(list) {
  let last = performance.now();
  const tick = (now) => {
    if (now - last >= 30) {
      for (const face of list()) face.step((now - last) / 1000);
      last = now;
    }
    requestAnimationFrame(tick);
  };
  requestAnimationFrame(tick);
}
