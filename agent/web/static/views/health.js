// Is the gateway itself well? What is wrong in words first, then its figures.
import {html} from "../core/html.js";
import {useData} from "../core/data.js";
import {UNKNOWN, dayAndTime, fixed} from "../core/numbers.js";
import {_} from "../core/text.js";
import {Badge, priorityName} from "../components/badge.js";
import {ErrorPanel} from "../components/error.js";
import {Marked} from "../components/marked.js";
import {Panel} from "../components/panel.js";
import {Why} from "../components/value.js";

const EVERY_S = 15;

export default function HealthView({plant}) {
  const {data, error, again} = useData("/health", {}, {every_s: EVERY_S});
  if (error && !data) return html`<h1>${_("Health")}</h1><${ErrorPanel} error=${error} onRetry=${again} />`;
  if (!data) return html`<h1>${_("Health")}</h1><p class="soft">${_("Loading")}</p>`;
  return html`<div class="mh"><h1>${_("Health")}</h1><span class="soft">${_("of gateway {name}", {name: data.gateway || UNKNOWN})}</span><span class="end soft">${ageText(data.message, plant.time_zone)}</span></div>
    <section class="panel verdict" aria-label=${_("Verdict")}>
      <div class="line"><span class="marks">${marks(data.findings).map((priority) => html`<${Badge} priority=${priority} size=${36} />`)}</span><p class="say">${verdict(data)}</p></div>
      ${data.examined && html`<p class="cs soft">${data.examined}</p>`}
      ${data.findings.length > 0 && html`<ul class="hf">${data.findings.map((item) => html`<${Finding} item=${item} zone=${plant.time_zone} />`)}</ul>`}
    </section>
    <${Buses} data=${data} />
    <div class="cards flow mt">${data.groups.map((group) => html`<${Group} group=${group} stale=${data.message.stale} />`)}<${Versions} rows=${data.versions} /></div>`;
}

const marks = (findings) => [...new Set(findings.map((item) => item.priority))].filter((priority) => priority !== "unknown");

function verdict({findings, examined}) {
  const real = findings.filter((item) => item.priority !== "unknown").length;
  if (real) return real === 1 ? _("1 finding needs attention") : _("{n} findings need attention", {n: real});
  return examined ? _("No finding") : _("Nothing is known yet");
}

function ageText(message, zone) {
  if (message.t === null) return _("no figures yet");
  return _("figures of {time}", {time: dayAndTime(message.t, zone)});
}

function Finding({item, zone}) {
  const time = item.since && dayAndTime(item.since, zone);
  const since = !time ? "" : item.counts ? (item.at_least ? _("before {time}", {time}) : _("last at {time}", {time})) : item.at_least ? _("at least since {time}", {time}) : _("since {time}", {time});
  return html`<li><${Badge} priority=${item.priority} size=${26} /><div><b class="first">${[item.where, item.bus].filter(Boolean).join(" ")}</b><p><${Marked} text=${item.text} /></p></div><span class="soft si">${since || priorityName(item.priority)}</span></li>`;
}

function Buses({data}) {
  if (!data.buses.length) return html`<section class="panel mt notice"><h2>${_("Buses")}</h2><p class="soft">— ${_("no figures of a bus yet")}</p></section>`;
  const head = [_("Bus"), _("polls with values"), _("failed"), _("failed %"), _("late"), _("corrupt"), _("no reply now"), _("busy %"), _("response time")];
  const row = (bus) => [fixed(bus.polls), fixed(bus.polls_failed), share(bus), fixed(bus.late_responses), fixed(bus.corrupt_responses), fixed(bus.offline), fixed(bus.utilization_pct, 1), UNKNOWN];
  return html`<section class="panel mt"><div class="head"><h2>${_("Buses")}</h2><span class="note">${_("since the start of the agent")}</span></div>
    <div class="cs"><table class="figures by-bus">
      <thead><tr>${head.map((text) => html`<th scope="col">${text}</th>`)}</tr></thead>
      <tbody>${data.buses.map((bus) => html`<tr><th scope="row" class="nm">${bus.name}</th>${row(bus).map((text, index) => html`<td data-label=${head[index + 1]}>${text}</td>`)}</tr>`)}</tbody>
    </table><p class="small">${_("response time")}${_(": ")}${UNKNOWN} <${Why} why=${data.response_times} /></p></div></section>`;
}

function share(bus) {
  const all = (bus.polls || 0) + (bus.polls_failed || 0);
  return all ? fixed((100 * bus.polls_failed) / all, 2) : UNKNOWN;
}

function Group({group, stale}) {
  return html`<${Panel} title=${group.title}>${group.rows.length ? html`<table class=${stale ? "kv fig-kv old" : "kv fig-kv"}><tbody>${group.rows.map((row) => html`<tr><th scope="row">${row.label}</th><td>${row.text !== undefined ? row.text : html`${fixed(row.value, row.decimals)}${row.unit && html` <span class="unit">${row.unit}</span>`}`}</td></tr>`)}</tbody></table>`
    : html`<p class="soft">— ${_("no figures yet")}</p>`}</${Panel}>`;
}

const Versions = ({rows}) => html`<${Panel} title=${_("Versions")}><table class="kv fig-kv"><tbody>${rows.map((row) => html`<tr><th scope="row">${row.label}</th><td>${row.text}${row.why && html`<div class="why">${row.why}</div>`}</td></tr>`)}</tbody></table></${Panel}>`;
