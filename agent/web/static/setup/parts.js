// Parts of all pages of the setup: steps, choices, a field with its error, warnings, the buttons at the bottom.
import {html} from "../core/html.js";
import {_} from "../core/text.js";
import {Badge} from "../components/badge.js";

const MARKS = {ok: "✓", bad: "✕", open: "–"};
const MARK_TEXTS = () => ({ok: _("done"), bad: _("not in order"), open: _("not checked"), current: _("now"), "": _("later")});

/** steps: [{name, state}]; current: index. */
export function Steps({steps, current}) {
  const texts = MARK_TEXTS();
  return html`<ol class="steps" style=${{"--count": steps.length}}>${steps.map(({name, state}, n) => {
    const shown = n === current && state !== "bad" ? "current" : state;
    return html`<li class=${shown || "later"} aria-current=${n === current ? "step" : undefined} aria-label=${`${n + 1} ${name}: ${texts[shown]}`}><span>${n + 1}${MARKS[shown] ? ` ${MARKS[shown]}` : ""}</span></li>`;
  })}</ol>`;
}

/** notes: [{text, warning: safety | medium | null}]. */
export function Notes({notes}) {
  return notes.map(({text, warning}) =>
    warning ? html`<div class=${`warn ${warning}`}><${Badge} priority=${warning} size=${36} /><span>${text}</span></div>` : html`<p class="note">${text}</p>`,
  );
}

/** choices: [{typed, name, label}]; one of them is chosen. */
export function Choices({choices, chosen, onChoose, label}) {
  return html`<div class="choices" role="radiogroup" aria-label=${label}>${choices.map(({typed, name, label: meaning}) => html`<label class=${typed === chosen ? "choice on" : "choice"}>
    <input type="radio" name="choice" value=${typed} checked=${typed === chosen} onChange=${() => onChoose(typed)} />
    <span><b>${name}</b>${meaning && html`<small>${meaning}</small>`}</span></label>`)}</div>`;
}

export function Field({label, value, onInput, error, type = "text", numeric, hidden_label}) {
  return html`<label class="field"><span class=${hidden_label ? "visually-hidden" : ""}>${label}</span>
    <input type=${type} value=${value} onInput=${(event) => onInput(event.target.value)} inputmode=${numeric ? "decimal" : undefined}
      autocapitalize="off" autocomplete="off" autocorrect="off" spellcheck=${false} enterkeyhint="next"
      aria-invalid=${Boolean(error)} aria-describedby=${error ? "field-error" : undefined} /></label>
    <${FieldError} error=${error} />`;
}

export const FieldError = ({error}) => html`<p id="field-error" class="field-error" role="alert">${error && html`<b aria-hidden="true">✕ </b>${error}`}</p>`;

/** back: {text, onClick} or nothing; next: {text, disabled} submits the form of the page. */
export function Foot({back, next, waiting}) {
  return html`<div class=${back ? "foot" : "foot one"}>
    ${back && html`<button type="button" class="btn" onClick=${back.onClick} disabled=${back.disabled}>${back.text}</button>`}
    ${next && html`<button type="submit" class="btn main" disabled=${next.disabled || waiting}>${next.text}</button>`}</div>`;
}

export const List = ({texts}) => html`<ul class="plain-list">${texts.map((text) => html`<li>${text}</li>`)}</ul>`;
