// axe-core in a page. The page's content security policy lets no script in, so it comes in by the
// debugging protocol.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const source = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/**
 * What breaks WCAG 2.2 A or AA, or axe's best practices. Contrast that axe cannot tell, on gradients and
 * mixed colours, is measured by `contrasts`; what neither can tell counts as broken.
 */
export async function violations(page) {
  await page.evaluate(source);
  const found = await page.evaluate(() => window.axe.run(document, {
    runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
  }));
  const broken = found.violations.map(({ id, nodes }) =>
    `${id}: ${nodes.map((node) => `${node.html} ${node.failureSummary}`).join("; ")}`);
  const measured = await contrasts(page);
  broken.push(...measured.filter(isFaint).map((text) => `contrast: ${JSON.stringify(text)}`));
  const open = found.incomplete.filter(({ id }) => id.startsWith("color-contrast")).flatMap(({ nodes }) => nodes);
  for (const node of open) {
    const isMeasured = await page.evaluate((target) =>
      document.querySelector(target)?.hasAttribute("data-measured"), node.target.join(" "));
    if (!isMeasured) broken.push(`contrast that nobody has measured: ${node.html}`);
  }
  return broken;
}

/** Less than WCAG 1.4.3 asks for. */
export const isFaint = ({ ratio, least }) => !(ratio >= least);

/**
 * The least contrast of every visible text with all that can be behind it: the backgrounds from the page's
 * own, of a gradient its ends and steps between them, up to the text's element. The browser itself mixes
 * the colours; a canvas says what comes of it.
 */
export function contrasts(page) {
  return page.evaluate(() => {
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = 1;
    const context = canvas.getContext("2d", { willReadFrequently: true });
    /** The colours laid over each other, the first at the bottom, as linear luminance. */
    const luminance = (colors) => {
      context.clearRect(0, 0, 1, 1);
      for (const color of colors) {
        context.fillStyle = "#010203";
        context.fillStyle = color;
        if (context.fillStyle === "#010203") throw new Error(`no colour: ${color}`);
        context.fillRect(0, 0, 1, 1);
      }
      const [red, green, blue, alpha] = context.getImageData(0, 0, 1, 1).data;
      if (alpha !== 255) throw new Error(`what is behind ${colors} is not known`);
      const linear = (value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
      return 0.2126 * linear(red / 255) + 0.7152 * linear(green / 255) + 0.0722 * linear(blue / 255);
    };
    const ratioOf = (one, other) => (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    const COLOR = /(?:rgba?|hsla?|oklab|oklch|lab|lch|color)\([^()]*\)|#[0-9a-f]{3,8}\b/gi;
    /** What an element paints behind its content: each of its colours, or none. */
    const painted = (element) => {
      const { backgroundColor, backgroundImage } = getComputedStyle(element);
      if (backgroundImage === "none") return [[backgroundColor]];
      const ends = backgroundImage.match(COLOR) ?? [];
      if (!backgroundImage.includes("gradient") || ends.length < 2) throw new Error(`what is ${backgroundImage}?`);
      const steps = [];
      for (let index = 1; index < ends.length; index++) {
        for (const share of [0, 25, 50, 75, 100]) {
          steps.push([backgroundColor, `color-mix(in oklab, ${ends[index]} ${share}%, ${ends[index - 1]})`]);
        }
      }
      return steps;
    };
    /** A probe's colour, since a canvas need not know `color-mix`. */
    const probe = document.createElement("span");
    document.body.append(probe);
    const resolved = (color) => {
      probe.style.setProperty("color", color);
      return getComputedStyle(probe).color;
    };
    const found = [];
    for (const element of document.querySelectorAll("body *")) {
      const text = [...element.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE)
        .map((node) => node.textContent.trim()).join("");
      const isSeen = element.checkVisibility({ visibilityProperty: true, opacityProperty: true });
      const box = element.getBoundingClientRect();
      // What is for screen readers alone, and what comes into sight with the keyboard's focus.
      const isAside = element.closest(".hidden, .skip") !== null || box.width <= 1;
      if (text === "" || !isSeen || isAside) continue;
      let stacks = [[]];
      const { fill, fontSize, fontWeight, paintOrder, stroke, color: ink } = getComputedStyle(element);
      // Drawn text has a colour of its own and, over a picture, an outline that it stands on.
      const isDrawn = element instanceof SVGElement;
      const color = isDrawn ? fill : ink;
      if (isDrawn && stroke !== "none" && paintOrder.startsWith("stroke")) {
        stacks = [[stroke]];
      } else {
        for (let at = element; at !== null; at = at.parentElement) {
          const layers = painted(at);
          stacks = stacks.flatMap((above) => layers.map((layer) => [...layer, ...above]));
        }
      }
      const size = isDrawn ? 0 : parseFloat(fontSize);
      const isLarge = size >= 24 || (size >= 18.66 && Number(fontWeight) >= 700);
      const ratios = stacks.map((stack) => {
        const behind = ["Canvas", ...stack].map(resolved);
        return ratioOf(luminance([...behind, resolved(color)]), luminance(behind));
      });
      element.setAttribute("data-measured", "");
      found.push({ text, ratio: Math.min(...ratios), least: isLarge ? 3 : 4.5, color });
    }
    probe.remove();
    return found;
  });
}
