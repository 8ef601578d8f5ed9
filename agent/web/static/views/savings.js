// What did the month bring, is it proven, under which assumptions? All figures are those of the report, as it wrote them.
import {html, useState} from "../core/html.js";
import {link} from "../core/api.js";
import {useData} from "../core/data.js";
import {go} from "../core/router.js";
import {_} from "../core/text.js";
import {ErrorPanel} from "../components/error.js";
import {Marked} from "../components/marked.js";
import {Panel} from "../components/panel.js";
import {Contracts} from "./savings_contract.js";
import {MotorMonth, Overview} from "./savings_month.js";

const PENDING_EVERY_S = 4;

export default function SavingsView({plant, argument}) {
  const list = useData("/savings");
  if (list.error && !list.data) return html`<h1>${_("Savings")}</h1><${ErrorPanel} error=${list.error} onRetry=${list.again} />`;
  if (!list.data) return html`<h1>${_("Savings")}</h1><p class="soft">${_("Loading")}</p>`;
  const months = list.data.months;
  const month = argument || (months[0] && months[0].month);
  if (!month) return html`<h1>${_("Savings")}</h1><${NoMonth} why=${list.data.why} />`;
  return html`<div class="mh"><h1>${_("Savings")}</h1><${Months} months=${months} month=${month} /><span class="end"><${Export} month=${month} /></span></div>
    <${Month} key=${month} month=${month} plant=${plant} />`;
}

const NoMonth = ({why}) => html`<section class="panel notice"><h2>${_("No month yet")}</h2><p><${Marked} text=${(why && (why.long || why.text)) || _("The state file has no interval of 15 min yet; the first one comes a quarter of an hour after the start.")} /></p></section>`;

function Months({months, month}) {
  const known = months.some((item) => item.month === month) ? months : [{month, name: month}, ...months];
  return html`<label class="months"><span class="hidden">${_("Month")}</span><select value=${month} onChange=${(event) => go(`/savings/${event.target.value}`)}>
    ${known.map((item) => html`<option value=${item.month} selected=${item.month === month}>${item.name}</option>`)}</select></label>`;
}

function Export({month}) {
  const files = [["report.html", _("Report")], ["report.csv", "CSV"], ["report.json", "JSON"]];
  return html`<span class="export">${files.map(([file, text]) => html`<a class="btn" href=${link(`/savings/${month}/${file}`)} download=${`${month}-${file}`}>${text}</a>`)}</span>`;
}

function Month({month, plant}) {
  const {data, error, again} = useData(`/savings/${month}`, {}, {every_s: (found) => (found && (found.state === "pending" || (found.state === "ready" && !found.current)) ? PENDING_EVERY_S : null)});
  const [chosen, setChosen] = useState(null);
  if (error && !data) return html`<${ErrorPanel} error=${error} onRetry=${again} />`;
  if (!data || data.state === "pending") return html`<section class="panel notice" role="status"><h2>${_("The report of this month is being calculated")}</h2><p class="soft">${_("It takes some seconds and appears here automatically.")}</p></section>`;
  const found = data.rendered;
  if (data.state !== "ready" || !found) return html`<${Missing} data=${data} />`;
  const motor = found.motors.find((item) => item.id === chosen) || found.motors[0];
  return html`<div>
    ${found.simulated && !plant.simulated && html`<p class="panel notice">${_("SIMULATED: data of a simulated plant, not a measurement")}</p>`}
    ${!data.current && html`<p class="soft" role="status">${_("There are newer data; the report is being calculated again.")}</p>`}
    <${Contracts} month=${month} zone=${plant.time_zone} current=${data.made_ms} />
    ${found.overview && html`<${Overview} overview=${found.overview} chosen=${motor.id} onChoose=${setChosen} />`}
    <${MotorMonth} key=${motor.id} month=${month} motor=${motor} check=${found.check} alone=${found.motors.length === 1} />
    <p class="small made">magwatt ${found.version} · ${_("report of {time} ({zone})", {time: found.made, zone: found.zone})} · ${_("configuration {hash}", {hash: found.config})}</p>
  </div>`;
}

function Missing({data}) {
  const why = data.why || {};
  return html`<${Panel}><h2 class="big">${_("{month}: no report", {month: data.name})}</h2><p><${Marked} text=${why.long || why.text || _("There are no data of this month.")} /></p></${Panel}>`;
}
