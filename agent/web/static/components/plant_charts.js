// The charts of the plant: where the power goes, and what was saved on each day of the month.
import {html, useMemo} from "../core/html.js";
import {UNKNOWN, fixed} from "../core/numbers.js";
import {_} from "../core/text.js";
import {DayBars, unitOf} from "../charts/day_bars.js";
import {Flow, flowOf, flowRows, flowSentence} from "../charts/flow.js";
import {ChartWithTable} from "./chart_table.js";
import {Marked} from "./marked.js";
import {Measured} from "./measured.js";
import {Panel} from "./panel.js";

/** month: {data, error, again} of `useData`. */
export function PlantCharts({plant, month, outdated}) {
  return html`<div class=${`two plant-charts mt${outdated ? " outdated" : ""}`}>
    <${FlowPanel} flow=${plant.flow} />
    <${MonthPanel} month=${month} plant=${plant} />
  </div>`;
}

function FlowPanel({flow}) {
  const shown = useMemo(() => (flow && flow.parts.length ? flowOf(flow) : null), [flow]);
  const title = _("Where the power goes");
  if (!shown) return html`<${Panel} title=${title} note=${_("kW now")}><p class="soft"><${Marked} text=${(flow && flow.why && (flow.why.long || flow.why.text)) || _("No power is measured.")} /></p><//>`;
  const sentence = flowSentence(shown);
  return html`<${Panel} title=${title} note=${_("kW now")}>
    <${ChartWithTable} caption=${title} head=${[_("Motor"), _("input"), _("shaft"), _("losses")]} rows=${flowRows(shown)} extra=${html`<p class="answer">${sentence}</p>`}>
      <${Measured}>${(width) => html`<${Flow} shown=${shown} width=${width} />`}<//>
    <//>
  <//>`;
}

function MonthPanel({month, plant}) {
  const found = month.data;
  if (!found || !found.days || !found.days.length) return html`<${Panel} title=${_("Saved per day")}><${NoMonth} month=${month} /><//>`;
  const unit = unitOf(found.days);
  const title = _("Saved per day, {month}", {month: found.name});
  const decimals = unit.divisor === 1 ? 0 : 2;
  const rows = found.days.map((day) => [String(day.day), day.saved_kwh === null ? UNKNOWN : fixed(day.saved_kwh / unit.divisor, decimals), day.u_kwh === null ? "" : `± ${fixed(day.u_kwh / unit.divisor, decimals)}`]);
  return html`<${Panel} title=${title} note=${unit.name}>
    <${ChartWithTable} caption=${title} head=${[_("day"), unit.name, "± U"]} rows=${rows} extra=${html`<p class="answer">${_("± is the 95 % uncertainty (k = 2)")}${gapText(found)}</p>`}>
      <${Measured} first=${430}>${(width) => html`<${DayBars} month=${found.month} days=${found.days} today=${todayIn(found.month, plant)} width=${width} label=${title} />`}<//>
    <//>
  <//>`;
}

function NoMonth({month}) {
  const why = month.data && month.data.why;
  if (month.error) return html`<p class="soft"><${Marked} text=${month.error.message} /></p><button type="button" class="btn" onClick=${month.again}>${_("Try again")}</button>`;
  if (!month.data || month.data.state === "pending") return html`<p class="soft">${_("being calculated")}</p>`;
  return html`<p class="soft"><${Marked} text=${(why && (why.long || why.text)) || _("No data of this month yet.")} /></p>`;
}

/** That the month begins later than on its first day. */
const gapText = (month) => (month.days[0].day > 1 ? ` · ${_("{month}: no data before day {day}", {month: month.name, day: month.days[0].day})}` : "");

/** Today's day of the month in the plant's zone; null: another month. */
function todayIn(month, plant) {
  const [year, number, today] = new Intl.DateTimeFormat("en-CA", {year: "numeric", month: "2-digit", day: "2-digit", timeZone: plant.time_zone}).format(new Date(plant.t)).split("-");
  return `${year}-${number}` === month ? Number(today) : null;
}
