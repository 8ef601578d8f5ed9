// The condition of a motor: what was found, and for each fault whether it would have been seen.
import {html} from "../core/html.js";
import {dayAndTime, decimalsOf, fixed} from "../core/numbers.js";
import {_} from "../core/text.js";
import {Advice, confidenceName, indexInWords} from "./alarm_facts.js";
import {Marked} from "./marked.js";
import {Panel} from "./panel.js";

/** condition: of the API. zone: of the plant. */
export function Condition({condition, zone}) {
  const {faults} = condition;
  const found = faults.filter((fault) => fault.verdict === "finding");
  const count = (verdict) => faults.filter((fault) => fault.verdict === verdict).length;
  const noted = condition.t ? _("as of {time}", {time: dayAndTime(condition.t, zone, false)}) : "";
  return html`<${Panel} title=${_("Condition")} note=${noted} class="condition mt">
    <p class="answer-line"><b>${inWords(condition, found)}</b>${condition.why && html` <span class="soft"><${Marked} text=${condition.why} /></span>`}</p>
    ${found.map((fault) => html`<${Found} key=${fault.code} fault=${fault} zone=${zone} />`)}
    ${faults.length ? html`<h3>${_("{n} found, {clear} clear, {unseen} not observable", {n: found.length, clear: count("clear"), unseen: count("not_observable")})}</h3>
      <ul class="faults">${faults.filter((fault) => fault.verdict !== "not_observable").map((fault) => html`<${Fault} key=${fault.code} fault=${fault} />`)}</ul>
      <${Unseen} condition=${condition} />` : null}
  <//>`;
}

/** Only what the agent says; it never says that a motor can be touched. */
function inWords({condition}, found) {
  if (condition === "healthy") return _("Healthy: nothing was found, and the faults that count would have been seen.");
  if (condition === "finding") return _("Found: {faults}", {faults: found.filter((fault) => fault.severity !== "note").map((fault) => fault.title).join(_("; "))});
  return _("Not known: nothing was found, but not all faults that count would have been seen.");
}

function Found({fault, zone}) {
  return html`<div class="found">
    <h3>${fault.title}</h3><span class="small">${[severityName(fault.severity), confidenceName(fault.confidence), fault.since ? _("since {time}", {time: dayAndTime(fault.since, zone, false)}) : ""].filter(Boolean).join(" · ")}</span>
    ${fault.why && html`<p><${Marked} text=${fault.why} /></p>`}
    <${Advice} advice=${fault.advice} />
  </div>`;
}

/** One line: the fault, the answer, its index; below how the index moves. */
function Fault({fault}) {
  const index = fault.index === null ? "" : indexInWords({value: fault.index, u95: fault.u95, limit: fault.limit, unit: fault.unit});
  const moves = fault.trend ? trendInWords(fault.trend) : "";
  return html`<li class=${fault.verdict}>
    <span class="fault-name">${fault.title}</span><span class="fault-answer">${verdictName(fault.verdict)}</span>
    ${(index || moves) && html`<span class="small"><${Marked} text=${[index, moves].filter(Boolean).join(" · ")} /></span>`}
  </li>`;
}

/** One line for each reason; it opens to the faults that are not observable because of it. */
function Unseen({condition: {faults, unseen}}) {
  const titles = Object.fromEntries(faults.map((fault) => [fault.code, fault.title]));
  return unseen.length ? html`<h3>${_("Not observable, by reason")}</h3>
    ${unseen.map(({why, codes}) => html`<details class="unseen" key=${codes[0]}>
      <summary><span class="reason"><${Marked} text=${why} /></span><span class="fault-answer">${_("faults: {n}", {n: codes.length})}</span></summary>
      <ul>${codes.map((code) => html`<li key=${code} class="fault-name">${titles[code]}</li>`)}</ul>
    </details>`)}` : null;
}

function verdictName(verdict) {
  const names = {finding: _("found"), clear: _("clear"), not_observable: _("not observable")};
  return names[verdict];
}

function severityName(severity) {
  const names = {note: _("note"), warning: _("warning"), alarm: _("alarm")};
  return names[severity] || "";
}

function trendInWords({per_30d, unit}) {
  const change = fixed(per_30d, decimalsOf(Math.abs(per_30d)));
  return _("trend {change} in 30 d", {change: `${per_30d > 0 ? "+" : ""}${change} ${unit}`.trim()});
}
