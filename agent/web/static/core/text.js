// Texts in the language of the page. The English text is the key, as in the catalogues of the command line.

let texts = {};
let language = "en";

/** language: "en" or "zh"; found: English text -> translation. */
export function useTexts(chosen, found) {
  language = chosen;
  texts = found;
}

export const pageLanguage = () => language;
export const locale = () => (language === "zh" ? "zh-CN" : "en-GB");

/** The translation of a literal text, its {fields} filled in. A Chinese word stays on the line of its number. */
export function _(text, data = {}) {
  const filled = (texts[text] || text).replace(/\{(\w+)\}/g, (whole, name) => (name in data ? String(data[name]) : whole));
  return language === "zh" ? filled.replace(/(\d) (?=[\u4e00-\u9fff])/g, "$1\u00a0") : filled;
}
