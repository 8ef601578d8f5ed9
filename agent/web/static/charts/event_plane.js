// Events as points: duration (logarithmic) and voltage in % of the declared one, with the curve of what is tolerated.
import {html, useState} from "../core/html.js";
import {dayAndTime, fixed} from "../core/numbers.js";
import {_} from "../core/text.js";

const LEFT = 46;
const TOP = 14;
const HEIGHT = 250;
const HIGHEST_PCT = 125;
const LEAST_S = 0.01;
const PERCENTS = [0, 50, 70, 80, 90, 100, 120];
const REACH = 40; // of the line from a point to its label
const LINE = 16;
const LETTER = 7;

/** Events that have a place in the plane. */
export const placed = (events) => events.filter((event) => event.kind !== "rapid_change" && event.pct !== null && event.duration_s !== null);

/** The figures of an event in words. */
export function eventFigures(event) {
  const phases = event.phases.map((phase) => `L${phase}`).join(" ");
  return [event.pct === null ? null : `${fixed(event.pct, 0)} %`, event.duration_s === null ? null : durationText(event.duration_s), phases || null].filter(Boolean).join(", ");
}

export const durationText = (seconds) => (seconds < 10 ? `${fixed(seconds, 2)} s` : `${fixed(seconds, 0)} s`);

export function outcomeText(event) {
  return {ran: _("motor ran on"), stopped: _("motor stopped")}[event.outcome] || "";
}

/** events: of the API, oldest first; last, worst: their t_ms; curve: of the API; none: text without events; zone: of the plant; width: of the drawing. */
export function EventPlane({events, last, worst, curve, none, zone, width}) {
  const [chosen, setChosen] = useState(null);
  const shown = placed(events);
  const longest = Math.max(100, ...shown.map((event) => event.duration_s));
  const decades = Math.ceil(Math.log10(longest / LEAST_S) - 1e-9);
  const right = width - 6;
  const x = (seconds) => LEFT + ((right - LEFT) * Math.min(Math.max(Math.log10(seconds / LEAST_S), 0), decades)) / decades;
  const y = (pct) => TOP + HEIGHT * (1 - Math.min(pct, HIGHEST_PCT) / HIGHEST_PCT);
  const move = (event) => {
    const step = {ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1}[event.key];
    if (!step) return;
    event.preventDefault();
    const points = [...event.currentTarget.querySelectorAll("[data-event]")];
    const next = points[(points.indexOf(document.activeElement) + step + points.length) % points.length];
    if (next) next.focus();
  };
  const named = shown.filter((event) => (chosen === null ? [last, worst] : [chosen]).includes(event.t_ms));
  const labels = labelPlaces(named.map((event) => ({lines: labelLines(event, zone), x: x(event.duration_s), y: y(event.pct)})), right);
  return html`<svg class="plane" viewBox=${`0 0 ${width} ${TOP + HEIGHT + 24}`} role="group" aria-label=${_("Events by duration and voltage; {curve}", {curve: curve.title})} onKeyDown=${move}>
    <path d=${steps(curve.steps, x, y, right)} class="below-curve" />
    ${PERCENTS.map((pct) => html`<path d=${`M${LEFT} ${y(pct)}H${right}`} class=${pct ? "grid" : "base"} /><text x=${LEFT - 7} y=${y(pct) + 4.5} text-anchor="end">${pct}</text>`)}
    <text x=${LEFT + 5} y=${TOP + 9}>${_("% of the declared voltage")}</text>
    ${Array.from({length: decades + 1}, (_unused, k) => {
      const seconds = LEAST_S * 10 ** k;
      return html`<path d=${`M${x(seconds)} ${TOP}V${y(0)}`} class="grid" /><text x=${x(seconds)} y=${y(0) + 18} text-anchor=${k === 0 ? "start" : k === decades ? "end" : "middle"}>${seconds < 0.1 ? "10 ms" : `${fixed(seconds, seconds < 1 ? 1 : 0)} s`}</text>`;
    })}
    <path d=${steps(curve.steps, x, y, right, false)} class="curve" />
    <text x=${right - 4} y=${y(90) - 6} text-anchor="end" class="ink on-panel">${curve.title}</text>
    <text x=${right - 4} y=${y(0) - 9} text-anchor="end">${_("below the curve equipment may stop")}</text>
    ${shown.map((event) => html`<${Point} event=${event} x=${x(event.duration_s)} y=${y(event.pct)} last=${event.t_ms === last} zone=${zone} onChoose=${setChosen} />`)}
    ${labels.map((label) => html`<${Label} ...${label} boxed=${chosen !== null} />`)}
    ${shown.length === 0 && html`<text x=${(LEFT + right) / 2} y=${y(108)} text-anchor="middle" class="ink b">${none}</text>`}
  </svg>`;
}

function steps(curve, x, y, right, closed = true) {
  let path = `M${LEFT} ${y(curve[0][1])}`;
  for (const [until, pct] of curve) path += `V${y(pct)}H${until === null ? right : x(until)}`;
  return closed ? `${path}V${y(0)}H${LEFT}Z` : path;
}

/** The mark of an event: disc the last one, cross the motor stopped, ring it ran on, dashed ring not known. */
function Point({event, x, y, last, zone, onChoose}) {
  const words = `${event.text}, ${dayAndTime(event.start_ms, zone)}, ${eventFigures(event)}${event.outcome ? `, ${outcomeText(event)}` : ""}`;
  const mark = event.outcome === "stopped" ? html`<path d=${`M${x - 6} ${y - 6}l12 12m0 -12l-12 12`} class="mark-cross" />`
    : last ? html`<circle cx=${x} cy=${y} r="6" class="mark-last" />`
    : html`<circle cx=${x} cy=${y} r="5" class=${event.outcome === "ran" ? "mark-ring" : "mark-ring unknown"} />`;
  return html`<g data-event tabindex="0" role="img" aria-label=${words} class="event-point" onFocus=${() => onChoose(event.t_ms)} onClick=${() => onChoose(event.t_ms)} onBlur=${() => onChoose(null)}><circle cx=${x} cy=${y} r="15" class="target" />${mark}</g>`;
}

/** Time, voltage and duration, and what the motor did. */
const labelLines = (event, zone) => [dayAndTime(event.start_ms, zone), eventFigures({...event, phases: []}), outcomeText(event)].filter(Boolean);

function Label({lines, x, y, at_y, right, boxed}) {
  const anchor = right ? "start" : "end";
  const to = x + (right ? REACH : -REACH);
  const wide = LETTER * Math.max(...lines.map((text) => text.length)) + 10;
  return html`<g class="event-label"><path d=${`M${x + (right ? 9 : -9)} ${y}L${to} ${at_y}`} class="leader" />
    ${boxed && html`<rect x=${right ? to - 2 : to + 2 - wide} y=${at_y - 13} width=${wide} height=${LINE * lines.length + 6} class="label-box" />`}
    ${lines.map((text, k) => html`<text x=${to + (right ? 4 : -4)} y=${at_y + 4 + k * LINE} text-anchor=${anchor} class=${k ? "on-panel" : "ink b on-panel"}>${text}</text>`)}</g>`;
}

/** Labels on the side with room, one below the other where their points are close. */
function labelPlaces(points, right_end) {
  const done = [];
  for (const point of points.sort((a, b) => a.y - b.y)) {
    const needed = REACH + 8 + LETTER * Math.max(...point.lines.map((text) => text.length));
    const right = right_end - point.x >= needed || right_end - point.x >= point.x - LEFT;
    let at_y = point.y;
    for (const other of done) at_y = Math.max(at_y, other.at_y + LINE * other.lines.length + 6);
    done.push({...point, right, at_y: Math.min(Math.max(at_y, TOP + 10), TOP + HEIGHT - LINE * point.lines.length - 8)});
  }
  return done;
}
