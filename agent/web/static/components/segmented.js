// A group of buttons of which one is chosen; arrows move within it.
import {html} from "../core/html.js";

/** choices: [[value, text]]; chosen: a value; onChoose: called with a value; label: name of the group. */
export function Segmented({choices, chosen, onChoose, label}) {
  const move = (event) => {
    const step = {ArrowRight: 1, ArrowLeft: -1}[event.key];
    if (!step) return;
    const index = choices.findIndex(([value]) => value === chosen);
    const next = choices[(index + step + choices.length) % choices.length][0];
    onChoose(next);
    event.currentTarget.querySelector(`[data-value="${next}"]`).focus();
  };
  return html`<div class="seg" role="radiogroup" aria-label=${label} onKeyDown=${move}>
    ${choices.map(([value, text]) => html`<button type="button" role="radio" data-value=${value} aria-checked=${value === chosen}
      tabindex=${value === chosen ? 0 : -1} class=${value === chosen ? "on" : ""} onClick=${() => onChoose(value)}>${text}</button>`)}
  </div>`;
}
