// The texts of the visitor's language. Keys are plain strings, so that a test can compare them with
// the language files.

let texts = {};
/** Pauses before the same thing is asked for again: ever longer, up to the last. */
const PAUSES_MS = [500, 1000, 2000, 5000];

/**
 * What the device answers, as JSON. The page may be there before the device is, or the network be gone
 * for a moment: it is asked until it answers. One that wants a token is met with its form.
 */
export async function ask(path) {
  for (let attempt = 0; ; attempt++) {
    try {
      const response = await fetch(path);
      if (response.ok) return await response.json();
      if (response.status === 401) location.reload();
    } catch {
      // No answer at all: see below.
    }
    const pause = PAUSES_MS[Math.min(attempt, PAUSES_MS.length - 1)];
    await new Promise((done) => setTimeout(done, pause));
  }
}

/** Loads the texts of the page's own language; returns the languages there are. */
export async function load() {
  const language = document.documentElement.lang;
  const loaded = await ask(`/api/v1/texts?lang=${encodeURIComponent(language)}`);
  texts = loaded.texts;
  return loaded.languages;
}

/** A text with its `{names}` filled in. */
export function text(key, values = {}) {
  const found = texts[key] ?? key;
  return found.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

/** A label's name in this language; one of the owner's own labels as it is. */
export function expression(label) {
  return texts[`expression.${label}`] ?? label;
}

/** A number as this language writes it. */
export function number(value, digits = 0) {
  return value.toLocaleString(document.documentElement.lang, {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
}
