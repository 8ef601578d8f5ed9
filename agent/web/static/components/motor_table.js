// One row per motor, trouble first; a row is a link to its motor. On a phone a row is a card of three figures.
import {html, useMemo, useRef} from "../core/html.js";
import {ageOf, freshness, inOrder} from "../core/plant.js";
import {_} from "../core/text.js";
import {Sparkline} from "../charts/sparkline.js";
import {Badge} from "./badge.js";
import {Marked} from "./marked.js";
import {Value} from "./value.js";

export function MotorTable({plant, outdated, now_ms}) {
  const decimals = useDecimals(plant.motors);
  return html`<div class="panel tab mt" role="table" aria-label=${_("Motors")}>
    <div class="row head-row" role="row">
      <span role="columnheader"><span class="hidden">${_("Alarm")}</span></span><span role="columnheader">${_("Motor")}</span>
      <${Head} text=${_("Power")} unit="kW" class="num" /><${Head} text=${_("Efficiency")} unit="%" class="num with-u" />
      <${Head} text=${_("Saved now")} unit="kW" class="num with-u" /><${Head} text=${_("Last hour")} unit="kW" class="c-spark" />
      <span role="columnheader">${_("State")}</span>
    </div>
    ${inOrder(plant.motors).map((row) => html`<${Row} key=${row.id} row=${row} spark=${(plant.sparks || {})[row.id]} decimals=${decimals} fresh=${freshness(row, now_ms, outdated)} age_s=${ageOf(row, now_ms)} />`)}
  </div>`;
}

const Head = ({text, unit, class: kind}) => html`<span role="columnheader" class=${kind}>${text} <span class="unit">${unit}</span></span>`;

function Row({row, spark, decimals, fresh, age_s}) {
  const stale = fresh === "stale";
  const lost = fresh === "lost";
  const shown = {stale, lost, age_s: stale ? age_s : null};
  const tint = row.priority === "safety" || (row.priority === "high" && !row.acknowledged) ? row.priority : "";
  return html`<div class=${`row ${tint}`} role="row">
    <span class="c bdg" role="cell"><${Badge} priority=${row.priority} acknowledged=${row.acknowledged} /></span>
    <span class="c who" role="cell"><a class="name" href=${`/m/${encodeURIComponent(row.id)}`}>${row.name}</a><span class="small">${row.rating}</span></span>
    <span class="c num p" role="cell"><${Label} text=${_("Power")} unit="kW" /><${Value} value=${row.power_w} scale=${1000} decimals=${decimals.power} ...${shown} /></span>
    <span class="c num e" role="cell"><${Label} text=${_("Efficiency")} unit="%" /><${Value} value=${row.efficiency_pct} decimals=${1} ...${shown} /></span>
    <span class="c num s" role="cell"><${Label} text=${_("Saved")} unit="kW" /><${Value} value=${row.saved_w} scale=${1000} decimals=${decimals.saved} ...${shown} /></span>
    <span class="c c-spark" role="cell"><${Spark} spark=${spark} ended=${fresh !== "fresh" || row.power_w.v === null} calm=${row.priority === "maintenance"} /></span>
    <span class="c st" role="cell"><${State} state=${row.state} /></span>
    <i class="go" aria-hidden="true">›</i>
  </div>`;
}

function State({state}) {
  const {detail} = state;
  const name = html`<${Marked} text=${state.text} />`;
  return html`${state.strong ? html`<b>${name}</b>` : html`<span class="soft">${name}</span>`}${detail && html`<span class="small"><${Marked} text=${detail} /></span>`}`;
}

/** Name of a figure in a card; the head of the table names it for a screen reader. */
const Label = ({text, unit}) => html`<span class="card-label" aria-hidden="true">${text} ${unit}</span>`;

function Spark({spark, ended, calm}) {
  return useMemo(() => html`<span class=${calm ? "calm" : ""}><${Sparkline} spark=${spark} ended=${ended} /></span>`, [spark, ended, calm]);
}

/** Decimals of powers and savings in kW: one, or two in a plant of small motors; never fewer again, so that no number jumps. */
function useDecimals(motors) {
  const decimals = useRef({power: 1, saved: 1});
  const powers_w = motors.map((row) => row.power_w.v).filter((power_w) => power_w !== null);
  if (powers_w.length && Math.max(...powers_w) < 10000) decimals.current.power = 2;
  if (motors.some((row) => row.saved_w.u > 0 && row.saved_w.u < 95)) decimals.current.saved = 2;
  return decimals.current;
}
