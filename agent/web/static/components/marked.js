// A text whose parts between backticks are commands or keys: they are shown as code.
import {html} from "../core/html.js";

export const Marked = ({text}) => joined(text || "").split("`").map((part, index) => (index % 2 ? html`<code>${part}</code>` : part));

const UNIT = /(\d) (?=(?:%|°C|K|Ω|mΩ|[mkM]?[VAW]|[kM]?Wh|k?VA|[km]?Hz|[mk]?s|min|h|d|t|tce|CNY|r\/min|N·m|m³\/h)(?![\w]))/g;

/** A number and its unit stay on one line; so do the digits of a number. */
export const joined = (text) => text.replace(UNIT, "$1\u00a0").replaceAll("\u2009", "\u2060\u2009\u2060");

/** The same where there can be no code: in a label, or read aloud. */
export const unmarked = (text) => text.replaceAll("`", "");
