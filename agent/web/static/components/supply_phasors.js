// Phasors with their figures.
import {html} from "../core/html.js";
import {fixed} from "../core/numbers.js";
import {_} from "../core/text.js";
import {PhasorDiagram, circlesText} from "../charts/phasors.js";
import {Panel} from "./panel.js";

export function PhasorsPanel({phasors, stale}) {
  if (!phasors) {
    return html`<${Panel} title=${_("Phasors")}><p class="soft">${_("No device measures the voltages of the three phases.")}</p><//>`;
  }
  const meter = phasors.source === "meter";
  const hertz = phasors.frequency_hz === null ? "—" : `${fixed(phasors.frequency_hz, 2)} Hz`;
  const note = meter ? _("from the meter, {frequency}", {frequency: hertz}) : _("fundamental, {frequency}", {frequency: hertz});
  return html`<${Panel} title=${_("Phasors")} note=${note} class=${stale ? "phasors stale" : "phasors"}>
    <${PhasorDiagram} phasors=${phasors} />
    <div><p class="chart-note">${circlesText(phasors)}<br />${_("anti-clockwise, U₁ at 0°")}${order(phasors.sequence)}</p>
    <${PhaseTable} phasors=${phasors} />
    ${notes(phasors).map((text) => html`<p class="chart-note">${text}</p>`)}</div>
  <//>`;
}

const order = (sequence) => (sequence === null ? "" : `${_("; ")}${_("phase order {order}", {order: sequence > 0 ? "L1 L2 L3" : "L1 L3 L2"})}`);

function notes(phasors) {
  const found = [];
  if (phasors.source === "meter") {
    found.push(phasors.assumed
      ? _("Rms values of the meter, harmonics included. φ is from P and Q; the voltages are drawn 120° apart, because the line voltages are not known.")
      : _("Rms values of the meter, harmonics included. φ is from P and Q, the angles between the voltages are from the line voltages; the phase order is not measured."));
  }
  if ([...phasors.u_deg, ...phasors.i_deg].includes(null)) found.push(_("—: the channel is missing, or its angle is not steady."));
  return found;
}

function PhaseTable({phasors}) {
  const kw = phasors.p_w.map((value) => (value === null ? null : value / 1000));
  const largest = Math.max(...kw.map((value) => Math.abs(value || 0)));
  const columns = [[phasors.u_v, 1], [phasors.i_a, 1], [phasors.phi_deg, 1], [kw, largest < 1 ? 3 : largest < 10 ? 2 : 1]];
  return html`<table class="phases"><thead><tr><th scope="col"><span class="hidden">${_("phase")}</span></th>
    ${[["U", "V"], ["I", "A"], ["φ", "°"], ["P", "kW"]].map(([name, unit]) => html`<th scope="col">${name} <span class="unit">${unit}</span></th>`)}</tr></thead>
    <tbody>${[0, 1, 2].map((k) => html`<tr><th scope="row">L${k + 1}</th>${columns.map(([values, decimals]) => html`<td>${fixed(values[k], decimals)}</td>`)}</tr>`)}</tbody>
  </table>`;
}
