// What did the month bring, is it proven, under which assumptions? All figures are those of the report, as it wrote them.
import {html, useState} from "../core/html.js";
import {link} from "../core/api.js";
import {useData} from "../core/data.js";
import {go} from "../core/router.js";
import {_, locale} from "../core/text.js";
import {Badge} from "../components/badge.js";
import {ErrorPanel} from "../components/error.js";
import {Panel} from "../components/panel.js";
import {MotorMonth, Overview} from "./savings_month.js";

const PENDING_EVERY_S = 4;

export default function SavingsView({plant, argument}) {
  const list = useData("/savings");
  if (list.error && !list.data) return html`<h1>${_("Savings")}</h1><${ErrorPanel} error=${list.error} onRetry=${list.again} />`;
  if (!list.data) return html`<h1>${_("Savings")}</h1><p class="soft">${_("Loading")}</p>`;
  const months = list.data.months.map((item) => (typeof item === "string" ? {month: item} : item));
  const month = argument || (months[0] && months[0].month);
  if (!month) return html`<h1>${_("Savings")}</h1><${NoMonth} why=${list.data.why} />`;
  return html`<div class="mh"><h1>${_("Savings")}</h1><${Months} months=${months} month=${month} /><span class="end"><${Export} month=${month} /></span></div>
    <${Month} key=${month} month=${month} plant=${plant} />`;
}

const NoMonth = ({why}) => html`<section class="panel note"><h2>${_("No month yet")}</h2><p>${(why && (why.long || why.text)) || _("The state file has no interval of 15 min yet; the first one comes a quarter of an hour after the start.")}</p></section>`;

/** "October 2026". */
function nameOf(month) {
  const [year, number] = month.split("-").map(Number);
  return new Intl.DateTimeFormat(locale(), {month: "long", year: "numeric", timeZone: "UTC"}).format(new Date(Date.UTC(year, number - 1, 15)));
}

function Months({months, month}) {
  const known = months.some((item) => item.month === month) ? months : [{month}, ...months];
  return html`<label class="months"><span class="hidden">${_("Month")}</span><select value=${month} onChange=${(event) => go(`/savings/${event.target.value}`)}>
    ${known.map((item) => html`<option value=${item.month} selected=${item.month === month}>${nameOf(item.month)}</option>`)}</select></label>`;
}

function Export({month}) {
  const files = [["report.html", _("Report")], ["report.csv", "CSV"], ["report.json", "JSON"]];
  return html`<span class="export">${files.map(([file, text]) => html`<a class="btn" href=${link(`/savings/${month}/${file}`)} download=${`${month}-${file}`}>${text}</a>`)}</span>`;
}

function Month({month, plant}) {
  const {data, error, again} = useData(`/savings/${month}`, {}, {every_s: (found) => (found && found.state === "pending" ? PENDING_EVERY_S : null)});
  const [chosen, setChosen] = useState(null);
  if (error && !data) return html`<${ErrorPanel} error=${error} onRetry=${again} />`;
  if (!data || data.state === "pending") return html`<section class="panel note" role="status"><h2>${_("The report of this month is being calculated")}</h2><p class="soft">${_("It takes some seconds and appears here by itself.")}</p></section>`;
  const texts = data.texts && (data.texts[locale() === "zh-CN" ? "zh" : "en"] || data.texts);
  if (data.state === "none" || data.state === "refused" || !texts) return html`<${Refused} data=${data} month=${month} />`;
  const motors = texts.motors;
  const motor = motors.find((item) => item.id === chosen) || motors[0];
  return html`<div>
    ${data.simulated && !plant.simulated && html`<p class="panel note">${_("SIMULATED: data of a simulated plant, not a measurement")}</p>`}
    ${texts.overview && html`<${Overview} overview=${texts.overview} chosen=${motor.id} onChoose=${setChosen} />`}
    <${MotorMonth} key=${motor.id} month=${month} motor=${motor} check=${data.check} alone=${motors.length === 1} />
    <p class="small made">magwatt ${data.version} · ${_("report of {time} ({zone})", {time: data.made, zone: data.zone})} · ${_("configuration {hash}", {hash: data.config})}</p>
  </div>`;
}

function Refused({data, month}) {
  const why = data.why || {};
  const title = data.state === "none" ? _("{month}: no report", {month: nameOf(month)}) : _("{month}: the report was refused", {month: nameOf(month)});
  return html`<${Panel}><div class="line refused">${data.state === "refused" && html`<${Badge} priority="medium" size=${30} />`}<h2 class="big">${title}</h2></div><p>${why.long || why.text || _("There are no data of this month.")}</p></${Panel}>`;
}
