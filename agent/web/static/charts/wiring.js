// The wiring of a meter: which conductor reaches which terminal. A wrong one is dashed, thick, red and marked ✕.
import {html} from "../core/html.js";
import {_} from "../core/text.js";

const ROWS = [40, 106, 172];
const LEFT = 102;
const BOX = 226;

/** picture: {meter, side, wires: [{terminal, phase, own, state, reversed}]} of the API; phase null: another one, which is not known. */
export function Wiring({picture}) {
  const current = picture.side === "current";
  return html`<svg viewBox="0 0 340 250" class="wiring" role="img" aria-label=${sentence(picture)}>
    ${ROWS.map((y, k) => html`<${Conductor} y=${y} name=${`L${k + 1}`} current=${current} lost=${picture.wires[k].state === "lost"} />`)}
    ${picture.wires.map((wire, k) => html`<${Wire} wire=${wire} k=${k} />`)}
    <rect x=${BOX} y="12" width="112" height="188" class="w-box" />
    <${MeterName} text=${_("meter {name}", {name: picture.meter})} />
    <text x="86" y="222" text-anchor="middle" class="w-name">${current ? _("transformers") : _("supply")}</text>
    ${picture.wires.map((wire, k) => html`<${Terminal} wire=${wire} y=${ROWS[k] + 6} />`)}
  </svg>`;
}

/** Its last letter stands below the right edge of the meter; a long name is squeezed into the width of the picture. */
function MeterName({text}) {
  const long = text.length > 38;
  return html`<text x="338" y="242" text-anchor="end" class="w-name" textLength=${long ? 330 : undefined} lengthAdjust=${long ? "spacingAndGlyphs" : undefined}>${text}</text>`;
}

const wrong = (wire) => wire.state !== "ok" || wire.reversed;

function Conductor({y, name, current, lost}) {
  return html`<path d=${`M40 ${y}H${LEFT}`} class=${lost ? "w-wrong" : "w-supply"} />
    <text x="30" y=${y + 6} text-anchor="end" class="ink b w-phase">${name}</text>
    ${current && html`<circle cx="86" cy=${y} r="15" class="w-ring" />`}
    ${lost && html`<text x="70" y=${y + 7} text-anchor="middle" class="w-cross">✕</text>`}`;
}

/** From the conductor that reaches the terminal; with S1 and S2 exchanged, two lines that cross. */
function Wire({wire, k}) {
  const to = ROWS[k];
  const from = wire.phase === null ? to : ROWS[Number(wire.phase.slice(1)) - 1];
  const style = wrong(wire) ? "w-wrong" : "w-right";
  const middle = (LEFT + BOX) / 2;
  if (wire.state === "missing") {
    return html`<path d=${`M${LEFT} ${from}H${middle - 22}M${middle + 22} ${to}H${BOX}`} class=${style} /><text x=${middle} y=${to + 7} text-anchor="middle" class="w-cross">✕</text>`;
  }
  if (wire.reversed && wire.state !== "rotated" && wire.state !== "exchanged") {
    const pair = [-5, 5].map((d) => `M${LEFT} ${from + d}H${middle - 16}L${middle + 16} ${to - d}H${BOX}`).join("");
    return html`<path d=${pair} class="w-wrong thin" />`;
  }
  return html`<path d=${`M${LEFT} ${from}C${middle - 8} ${from} ${middle - 6} ${to} ${BOX} ${to}`} class=${style} />`;
}

function Terminal({wire, y}) {
  const mark = wrong(wire) ? `✕ ${shown(wire)}` : `✓ ${wire.phase}`;
  return html`<text x="240" y=${y} class="ink b w-terminal">${wire.terminal}</text><text x="270" y=${y} class=${wrong(wire) ? "w-bad" : "w-good"}>${mark}</text>`;
}

function shown(wire) {
  if (wire.state === "missing" || wire.state === "lost") return "—";
  if (wire.state === "reversed") return "S1 S2";
  const phase = wire.phase === null ? "?" : wire.phase;
  return wire.reversed ? `${phase} S1 S2` : phase;
}

/** The picture in words. */
export function sentence(picture) {
  return picture.wires.map((wire) => {
    if (wire.state === "missing") return _("{terminal} without a signal", {terminal: wire.terminal});
    if (wire.state === "lost") return _("{phase} interrupted", {phase: wire.own});
    const carried = wire.phase === null ? _("{terminal} carries another phase", {terminal: wire.terminal}) : _("{terminal} carries {phase}", {terminal: wire.terminal, phase: wire.phase});
    return wire.reversed ? _("{text}, reversed", {text: carried}) : carried;
  }).join(_("; "));
}
