// Harmonics of voltage and current with the limits of a standard that is chosen.
import {html, useState} from "../core/html.js";
import {fixed} from "../core/numbers.js";
import {_} from "../core/text.js";
import {HarmonicBars, beyond} from "../charts/harmonics.js";
import {ChartWithTable} from "./chart_table.js";
import {Fit} from "./fit.js";
import {Panel} from "./panel.js";
import {Segmented} from "./segmented.js";

const WORST = "worst";

export function HarmonicsPanel({data, set, stale, onStandard}) {
  const [phase, setPhase] = useState(WORST);
  if (!data.u && !data.i) {
    return html`<${Panel} title=${_("Harmonics")} class="harmonics"><p>${data.why_no_harmonics}</p>
      ${!data.has_device && html`<p class="soft">${_("To be configured as")} <code>[motor.${data.id}.waveform]</code></p>`}<//>`;
  }
  const limits = set ? set.limits.orders_pct : null;
  const of = (spectrum) => spectrum && (phase === WORST ? spectrum.worst_pct : spectrum.pct[Number(phase) - 1]);
  const [u, i] = [of(data.u), of(data.i)];
  const choices = [[WORST, _("worst")], ["1", "L1"], ["2", "L2"], ["3", "L3"]];
  const over = data.u ? beyond(u, limits) : [];
  const foot = html`<span class="small order-name">${_("order of the harmonic, 2 to 50")}</span>
    ${data.standards.length > 1 && html`<${StandardChoice} data=${data} set=${set} onStandard=${onStandard} />`}
    <${Segmented} choices=${choices} chosen=${phase} onChoose=${setPhase} label=${_("Phase")} />`;
  return html`<section class=${stale ? "panel harmonics stale" : "panel harmonics"}>
    <${ChartWithTable} caption=${`${_("Harmonics, % of the fundamental")} · ${choices.find(([value]) => value === phase)[1]}`} head=${[_("order"), _("voltage"), _("limit"), _("current")]} rows=${rows(u, i, limits)} extra=${foot}>
      <div class="head"><h2>${_("Harmonics of voltage")}</h2><span class="note">${noteOf(data.u, phase)}</span>
        ${set && html`<span class="end note"><i class="limit-mark" aria-hidden="true"></i>${limitName(set)}</span>`}</div>
      ${data.u && html`<${Fit}>${(width) => html`<${HarmonicBars} pct=${u} limits=${limits} name=${_("Harmonics of voltage")} width=${width} />`}<//>`}
      ${over.length > 1 && html`<p class="chart-note">${_("above the limit: orders {orders}", {orders: [...over].sort((a, b) => a - b).join(", ")})}</p>`}
      <p class="chart-note">${set ? [set.rule, set.place, set.limits.mark === "M" ? _("limits quoted from memory") : null].filter(Boolean).join(_("; ")) : data.why_no_limits}</p>
      <div class="head below"><h2>${_("Harmonics of current")}</h2><span class="note">${[noteOf(data.i, phase), indices(data.i, phase)].filter(Boolean).join(" · ")}</span></div>
      ${data.i && html`<${Fit}>${(width) => html`<${HarmonicBars} pct=${i} limits=${null} name=${_("Harmonics of current")} width=${width} />`}<//>`}
      <${NoCurrentLimits} text=${data.why_no_current_limits} />
    <//>
  </section>`;
}

/** The sentence opens in place. */
function NoCurrentLimits({text}) {
  const [open, setOpen] = useState(false);
  return html`<button type="button" class="why" aria-expanded=${open} onClick=${() => setOpen(!open)}>${open ? text : _("no limit of the current: Rsce unknown")}</button>`;
}

function StandardChoice({data, set, onStandard}) {
  return html`<label class="choose"><span>${_("limits")}</span><select value=${set.limits.key} onChange=${(event) => onStandard(event.target.value)}>
    ${data.standards.map(({limits}) => html`<option value=${limits.key} selected=${limits.key === set.limits.key}>${limits.title}</option>`)}
  </select></label>`;
}

const limitName = ({limits}) => _("limit {standard}", {standard: limits.title});

function noteOf(spectrum, phase) {
  if (!spectrum) return _("not measured");
  if (phase !== WORST) return _("% of the fundamental, L{phase}", {phase});
  return spectrum.worst_phase ? _("% of the fundamental, worst phase L{phase}", {phase: spectrum.worst_phase}) : _("% of the fundamental");
}

/** THD, TDD and K factor of the chosen phase, or the largest ones. */
function indices(spectrum, phase) {
  if (!spectrum) return "";
  const of = (values) => {
    const known = (phase === WORST ? values : [values[Number(phase) - 1]]).filter((value) => value !== null && value !== undefined);
    return known.length ? Math.max(...known) : null;
  };
  const parts = [["THD", of(spectrum.thd_pct), 1, " %"], ["TDD", of(spectrum.tdd_pct), 1, " %"], [_("K factor"), of(spectrum.k_factor), 1, ""]];
  return parts.filter(([, value]) => value !== null).map(([name, value, decimals, unit]) => `${name} ${fixed(value, decimals)}${unit}`).join(" · ");
}

function rows(u, i, limits) {
  return Array.from({length: 49}, (_unused, k) => k + 2).map((order) => [
    String(order), fixed(u ? u[order] : null, 2), limits && limits[order] !== null ? fixed(limits[order], 2) : "—", fixed(i ? i[order] : null, 2),
  ]);
}
