// The texts of the visitor's language. Keys are plain strings, so that a test can compare them with
// the language files.

let texts = {};

/** Loads the texts of the page's own language; returns the languages there are. */
export async function load() {
  const language = document.documentElement.lang;
  const response = await fetch(`/api/v1/texts?lang=${encodeURIComponent(language)}`);
  const loaded = await response.json();
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
