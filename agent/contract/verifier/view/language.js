// The language of the page, and its texts.
import {TEXTS} from "./texts.js";

export const LANGUAGES = ["en", "zh"];

export const languageOf = (names) => (names.find((name) => /^(en|zh)/i.test(name)) || "en").slice(0, 2).toLowerCase();

// The text of a code with its fields filled in.
export const textIn = (language) => (code, data = {}) => {
  const found = TEXTS[code];
  if (!found) return code;
  return found[LANGUAGES.indexOf(language)].replace(/\{(\w+)\}/g, (_, name) => (name in data ? data[name] : "–"));
};
