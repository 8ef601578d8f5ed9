// A text whose parts between backticks are commands or keys: they are shown as code.
import {html} from "../core/html.js";

export const Marked = ({text}) => (text || "").split("`").map((part, index) => (index % 2 ? html`<code>${part}</code>` : part));

/** The same where there can be no code: in a label, or read aloud. */
export const unmarked = (text) => text.replaceAll("`", "");
