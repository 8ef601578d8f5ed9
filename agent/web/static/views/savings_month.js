// The report of one motor and month: result, assumptions, parts, pictures, tables. The texts and figures come rendered.
import {html} from "../core/html.js";
import {link} from "../core/api.js";
import {_} from "../core/text.js";
import {Badge} from "../components/badge.js";
import {Marked} from "../components/marked.js";
import {Panel} from "../components/panel.js";

/** All motors and their sum. */
export function Overview({overview, chosen, onChoose}) {
  const head = [_("motor"), _("saving, kWh"), "U95", _("saving rate"), _("money"), "CO₂", _("verdict")];
  const last = head.length - 1;
  const sum = overview.sum;
  return html`<section class="panel sv-all"><div class="head"><h2>${_("All motors")}</h2>${overview.n < overview.of && html`<span class="note">${_("{n} of {total} motors have a saving", {n: overview.n, total: overview.of})}</span>`}</div>
    <div class="scroll cs" tabindex="0" role="region" aria-label=${_("All motors")}><table class="figures wide">
      <thead><tr>${head.map((text, index) => html`<th scope="col" class=${index === last ? "txt" : ""}>${text}</th>`)}</tr></thead>
      <tbody>${overview.rows.map((row) => html`<tr class=${row.asset === chosen ? "on" : ""}><th scope="row"><button type="button" class="pick" aria-pressed=${row.asset === chosen} onClick=${() => onChoose(row.asset)}>${row.title}</button></th>${row.numbers.map((text) => html`<td>${text}</td>`)}<td class="txt">${row.verdict}</td></tr>`)}
        <tr class="sum"><th scope="row">${_("total")}</th><td>${sum.value}</td><td>${sum.u}</td><td>${sum.share}</td><td>${sum.money}</td><td>${sum.co2}</td><td class="txt">${overview.decided ? "" : _("⚠ not all decided")}</td></tr></tbody>
    </table></div>${overview.n > 0 && html`<p class="small cs">${_("U95 of the total: at most, added linearly")}</p>`}</section>`;
}

export function MotorMonth({month, motor, check, alone}) {
  return html`<${Result} motor=${motor} alone=${alone} />
    ${motor.headline && html`<${Assumptions} motor=${motor} />`}
    ${motor.notes.length > 0 && html`<${Panel} title=${_("Notes")} class="mt"><ul class="sv-list">${motor.notes.map((note) => html`<li><${Marked} text=${note.text} /><${Setting} text=${note.setting} /></li>`)}</ul></${Panel}>`}
    ${motor.parts.length > 0 && html`<${Parts} motor=${motor} />`}
    <${Pictures} month=${month} motor=${motor} />
    ${motor.money.length > 0 && html`<${Money} motor=${motor} />`}
    ${motor.days.length > 0 && html`<${Days} motor=${motor} />`}
    <${Events} motor=${motor} />
    ${motor.alarms.length > 0 && html`<${Alarms} motor=${motor} />`}
    <div class="halves mt"><${Ledger} motor=${motor} check=${check} /><div class="stack">
      ${motor.meter.length > 0 && html`<${Panel} title=${_("Motor and meters")}><${Details} rows=${motor.meter} /></${Panel}>`}
      ${motor.baseline.length > 0 && html`<${Panel} title=${_("Baseline")}><${Details} rows=${motor.baseline} /></${Panel}>`}
    </div></div>`;
}

function Result({motor, alone}) {
  const found = motor.headline;
  const name = alone ? null : html`<span class="soft">${motor.title}</span>`;
  if (!found) return html`<section class="panel sv-result none mt">${name}<p class="amount">${_("No saving is calculated for this month")}</p>${motor.measured && html`<p>${_("measured energy: {energy} kWh", {energy: motor.measured})}</p>`}<${Tiles} motor=${motor} /></section>`;
  return html`<section class=${`panel sv-result ${found.kind} mt`} aria-label=${_("Result")}>
    ${name}<p class="word">${["negative", "undecided"].includes(found.kind) && html`<${Badge} priority="medium" size=${26} />`} ${found.verdict}</p>
    <p class=${found.bold ? "amount" : "amount light"}>${found.amount}</p>
    ${found.sums.map((line) => html`<p class="e"><${Marked} text=${line} /></p>`)}
    ${motor.largest && html`<p class="small"><${Marked} text=${motor.largest} /><${Setting} text=${motor.largest_setting} /></p>`}
    <${Tiles} motor=${motor} /></section>`;
}

const Tiles = ({motor}) => html`<dl class="tiles">${motor.tiles.map((tile) => html`<div><dt>${tile.name}</dt><dd class=${motor.decided ? "v" : "v light"}><${Marked} text=${tile.value} /></dd>${tile.notes.map((note) => html`<dd class="small"><${Marked} text=${note} /></dd>`)}</div>`)}</dl>`;

/** What an engineer changes in the configuration, closed until it is opened. */
const Setting = ({text}) => (text ? html` <details class="setting"><summary>${_("for the engineer")}</summary><code>${text}</code></details>` : null);

function Assumptions({motor}) {
  const items = motor.headline.assumptions;
  if (!items.length) return null;
  const open = items.filter((item) => item.status === "open").length;
  const answer = open === 0 ? _("none is open") : open === 1 ? _("1 is open: until it is settled the saving is not proven") : _("{n} are open: until they are settled the saving is not proven", {n: open});
  return html`<${Panel} title=${_("Assumptions")} note=${answer} class="mt"><ul class="sv-assume">${items.map((item) => html`<li class=${item.status}><${Marked} text=${item.text} /><${Setting} text=${item.setting} /></li>`)}</ul></${Panel}>`;
}

function Parts({motor}) {
  return html`<${Panel} title=${_("Sources of the saving")} class="mt"><div class="scroll" tabindex="0" role="region" aria-label=${_("Sources of the saving")}><table class="figures">
    <thead><tr><th scope="col">${_("part")}</th><th scope="col"><span class="hidden">${_("bar")}</span></th><th scope="col">kWh</th><th scope="col">U95</th><th scope="col">${_("share of the adjusted baseline")}</th></tr></thead>
    <tbody>${motor.parts.map((row, index) => html`<tr class=${index === motor.parts.length - 1 ? "sum" : ""}><th scope="row">${row.name}</th><td>${row.width !== undefined && html`<svg viewBox="0 0 100 10" class="sv-bar" preserveAspectRatio="none" aria-hidden="true"><rect x=${row.x} y="1" width=${row.width} height="8" class=${row.lost ? "lost" : "won"} /><line x1="50" x2="50" y1="0" y2="10" class="zero" /></svg>`}</td><td>${row.value}</td><td>${row.u}</td><td>${row.share}</td></tr>`)}</tbody></table></div>
    ${motor.parts_rounded && html`<p class="small">${_("Each number is rounded to its U95: the parts that are shown do not add up exactly to the total.")}</p>`}
    ${motor.parts_less_certain && html`<p class="small">${_("The parts are less certain than the total: the meter measures the total, the losses of drive and motors only divide it.")}</p>`}
    ${motor.creep && html`<p>${_("The control part includes {energy} kWh of additional consumption, because the new motor has no slip", {energy: motor.creep})}</p>`}
  </${Panel}>`;
}

/** The report's own pictures, as it drew them. */
function Pictures({month, motor}) {
  if (!motor.pictures.length) return null;
  return html`<div class="sv-pictures mt">${motor.pictures.map((item) => html`<figure class="panel"><figcaption class="head"><h2>${item.title}</h2></figcaption><div class="scroll" tabindex="0" role="region" aria-label=${item.title}><img src=${link(`/savings/${month}/${item.file}`)} alt=${item.title} width="520" height="300" loading="lazy" /></div></figure>`)}</div>`;
}

function Money({motor}) {
  return html`<${Panel} title=${_("Money")} class="mt"><div class="scroll" tabindex="0" role="region" aria-label=${_("Money")}><table class="figures wide">
    <thead><tr>${motor.money_head.map((text) => html`<th scope="col">${text}</th>`)}</tr></thead>
    <tbody>${motor.money.map((row) => html`<tr class=${row.total && motor.decided ? "sum" : ""}><th scope="row">${row.name}${row.note && html` <small>${row.note}</small>`}</th><td>${row.saved}</td><td>${row.before}</td><td>${row.after}</td><td>${row.difference}</td></tr>`)}</tbody></table></div>
    ${motor.power_factor && html`<p>${motor.power_factor}</p>`}</${Panel}>`;
}

function Days({motor}) {
  return html`<${Panel} title=${_("Daily values")} class="mt full"><div class="scroll" tabindex="0" role="region" aria-label=${_("Daily values")}><table class="figures wide">
    <thead><tr>${motor.days_head.map((text) => html`<th scope="col">${text}</th>`)}</tr></thead>
    <tbody>${motor.days.map((row) => html`<tr>${row.map((text, index) => (index ? html`<td>${text}</td>` : html`<th scope="row">${text}</th>`))}</tr>`)}</tbody></table></div>
    ${motor.added && html`<p class="small">${_("The total includes {energy} kWh of adjustments to non-routine events, which are not part of a day.", {energy: motor.added})}</p>`}</${Panel}>`;
}

function Events({motor}) {
  return html`<${Panel} title=${_("Non-routine events")} class="mt">${motor.events.length ? html`<ul class="sv-list">${motor.events.map((item) => html`<li><b>${item.start} – ${item.end || _("not ended")}</b> ${item.kind}${_(": ")}${item.cause} · ${item.energy} kWh<br />${item.decision} <small class="soft">${item.by}</small></li>`)}</ul>` : html`<p class="soft">${_("none")}</p>`}</${Panel}>`;
}

function Alarms({motor}) {
  const head = [_("alarm"), _("priority"), _("announced"), _("last"), _("state at the end of the month")];
  return html`<${Panel} title=${_("Alarms")} class="mt"><div class="scroll" tabindex="0" role="region" aria-label=${_("Alarms")}><table class="figures wide">
    <thead><tr>${head.map((text, index) => html`<th scope="col" class=${index === 2 ? "" : "txt"}>${text}</th>`)}</tr></thead>
    <tbody>${motor.alarms.map((row) => html`<tr><th scope="row">${row.title}</th><td class="txt">${row.priority}</td><td>${row.announced}</td><td class="txt">${row.last}</td><td class="txt">${row.open ? html`<b>${row.state}</b>` : row.state}</td></tr>`)}</tbody></table></div></${Panel}>`;
}

function Ledger({motor, check}) {
  const words = {whole: _("whole: every record is valid and equals this report"), touched: _("touched: a record is not valid, or its energy is not that of this report"), pending: _("whole so far; not all intervals are recorded yet"), none: _("no record of this month")};
  return html`<${Panel} title=${_("Ledger")} class="sv-ledger"><p class="e state">${motor.ledger_state === "touched" && html`<${Badge} priority="high" size=${26} />`} <b>${words[motor.ledger_state]}</b></p>
    ${motor.ledger.length > 0 && html`<${Details} rows=${motor.ledger} /><p class="small">${_("To verify the ledger (the JSON file of this report contains the checkpoint):")}</p><pre tabindex="0"><code>${check}</code></pre>`}</${Panel}>`;
}

const Details = ({rows}) => html`<table class="kv details"><tbody>${rows.map((row) => html`<tr><th scope="row">${row.name}</th><td>${row.value.map((line, index) => (row.code && index === 0 ? html`<code>${line}</code>` : html`<div><${Marked} text=${line} /></div>`))}</td></tr>`)}</tbody></table>`;
