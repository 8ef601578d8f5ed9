// What was configured. Of passwords and keys only that they are set; nothing can be changed here.
import {html} from "../core/html.js";
import {useData} from "../core/data.js";
import {UNKNOWN, dayAndTime, fixed} from "../core/numbers.js";
import {_} from "../core/text.js";
import {Badge} from "../components/badge.js";
import {ErrorPanel} from "../components/error.js";
import {Marked} from "../components/marked.js";
import {Panel} from "../components/panel.js";

const EVERY_S = 30;

export default function ConfigurationView({plant}) {
  const {data, error, again} = useData("/configuration", {}, {every_s: EVERY_S});
  if (error && !data) return html`<h1>${_("Configuration")}</h1><${ErrorPanel} error=${error} onRetry=${again} />`;
  if (!data) return html`<h1>${_("Configuration")}</h1><p class="soft">${_("Loading")}</p>`;
  if (!data.configured) return html`<h1>${_("Configuration")}</h1><div class="panel notice"><p>${_("The page follows a broker and does not know a configuration. Start it with:")}</p><pre><code>magwatt web --config FILE</code></pre></div>`;
  return html`<div class="mh"><h1>${_("Configuration")}</h1><span class="soft">${_("read-only; it is changed in the file")}</span></div>
    <${File} data=${data} zone=${plant.time_zone} />
    ${data.buses.map((bus) => html`<${Bus} key=${bus.name} bus=${bus} />`)}
    <h2 class="sec">${_("Motors")}</h2><div class="cards">${data.motors.map((motor) => html`<${Panel} title=${motor.title} note=${motor.id === motor.title ? "" : motor.id}><${Rows} rows=${motor.rows} /></${Panel}>`)}</div>
    ${data.signals.length > 0 && html`<h2 class="sec">${_("Signals of the plant")}</h2><div class="cards">${data.signals.map((signal) => html`<${Panel} title=${signal.name}><${Rows} rows=${signal.rows} /></${Panel}>`)}</div>`}
    <h2 class="sec">${_("Tariff")}</h2><${Tariff} tariff=${data.tariff} />
    <h2 class="sec">${_("Site, broker, store")}</h2><div class="cards flow">${data.tables.map((table) => html`<${Panel} title=${table.title}><${Rows} rows=${table.rows} /></${Panel}>`)}</div>`;
}

function File({data: {file, force, problems, notes}, zone}) {
  const wrong = force.state === "invalid" || force.state === "differs";
  const words = {same: _("In force"), differs: _("Changed, not in force"), invalid: _("Changed, with errors: not in force"), unknown: _("Not known whether in force")};
  return html`<section class="panel verdict" aria-label=${_("Verdict")}>
    <div class="line">${wrong && html`<${Badge} priority="medium" size=${36} />`}<p class="say">${words[force.state]}</p>
      <p class="sub"><code>${file.path}</code><br />${file.modified ? _("last change {time}", {time: dayAndTime(file.modified, zone)}) : _("the file cannot be read")} · ${_("hash {hash}", {hash: file.hash})}</p></div>
    ${force.state !== "same" && html`<p class="cs"><${Marked} text=${force.text} /></p>`}
    ${problems.length > 0 && html`<${Diagnostics} title=${_("Errors")} items=${problems} />`}
    ${notes.length > 0 && html`<details class="cs"><summary>${_("{n} findings and notes of magwatt check", {n: notes.length})}</summary><${Diagnostics} items=${notes} /></details>`}
  </section>`;
}

const Diagnostics = ({title, items}) => html`<div class="cs diag">${title && html`<h3>${title}</h3>`}<ul>${items.map((item) => html`<li><code>${item.place}</code><p><${Marked} text=${item.text} /></p></li>`)}</ul></div>`;

export function Rows({rows}) {
  return html`<table class="kv"><tbody>${rows.map((row) => html`<tr><th scope="row">${row.label}</th><td>${row.secret ? html`<span aria-hidden="true">${row.value}</span> <span class="small">${_("set, not shown")}</span>` : row.value}</td></tr>`)}</tbody></table>`;
}

function Bus({bus}) {
  return html`<section class="panel mt"><div class="head"><h2>${_("Bus {name}", {name: bus.name})}</h2><span class="note">${bus.devices.length === 1 ? _("1 device") : _("{n} devices", {n: bus.devices.length})}</span></div>
    <div class="bus"><div><${Rows} rows=${bus.rows} /></div><${Load} plan=${bus.plan} /></div>
    <div class="cards inner">${bus.devices.map((device) => html`<div class="dev"><h3>${device.name} <span class="soft">${device.kind === "meter" ? _("meter") : _("drive")}</span></h3><${Rows} rows=${device.rows} /></div>`)}</div></section>`;
}

/** The load of a bus: the answer as a figure, and a bar to 100 %. */
function Load({plan}) {
  if (!plan) return html`<div class="load"><span class="lab">${_("Load of the bus")}</span><p class="soft">— ${_("no device to poll")}</p></div>`;
  const used = Math.min(100, plan.utilization_pct);
  return html`<div class="load"><span class="lab">${_("Load of the bus, as planned")}</span><b class="v">${fixed(plan.utilization_pct, 1)}</b> <span class="unit">%</span>
    <svg viewBox="0 0 300 14" class="load-bar" preserveAspectRatio="none" role="img" aria-label=${_("{n} % of the time", {n: fixed(plan.utilization_pct, 1)})}><rect x="0" y="2" width="300" height="10" class="lb-all" /><rect x="0" y="2" width=${3 * used} height="10" class="lb-used" /><line x1="210" x2="210" y1="0" y2="14" class="lb-limit" /></svg>
    <p class="small">${_("mark: 70 %, above it retries have no margin")}</p>
    <p class="small">${_("{n} requests; all take {cycle} s, with a silent device {worst} s", {n: plan.requests, cycle: fixed(plan.cycle_s, 2), worst: fixed(plan.worst_cycle_s, 2)})}</p>
    ${[...plan.problems, ...plan.disabled].map((text) => html`<p class="e"><${Marked} text=${text} /></p>`)}</div>`;
}

function Tariff({tariff}) {
  if (!tariff) return html`<p class="panel notice soft">— ${_("no prices are configured: savings have no money")}</p>`;
  return html`<div class="halves"><section class="panel"><div class="body"><table class="figures left"><thead><tr><th scope="col">${_("price")}</th><th scope="col">${_("per kWh")}</th><th scope="col">${_("when")}</th></tr></thead>
    <tbody>${tariff.prices.map((price) => html`<tr><th scope="row">${price.name}</th><td>${price.price}</td><td>${price.when.length ? price.when.map((text) => html`<div>${text}</div>`) : UNKNOWN}</td></tr>`)}</tbody></table></div></section>
    <${Panel}><${Rows} rows=${tariff.rows} />${tariff.months.map((item) => html`<p class="small">${item.month}: ${item.prices}</p>`)}</${Panel}></div>`;
}
