// The result of a verification as a part of the page.
import {contractFigures} from "./figures.js";
import {element, factsOf, tableOf} from "./dom.js";
import {reasonText} from "./gateway_reason.js";
import {kwhOf} from "./numbers.js";

const ROLES = ["customer", "energy_service_company"];

// file: its name. result: of verifyBundle. text: code, data → text. language: of the reader.
export const resultView = (file, result, text, language) => {
  const parts = [verdict(file, result, text)];
  if (result.revision && result.revision.month.simulated) {
    parts.push(element("section", {class: "open", "data-part": "simulated"}, element("p", {class: "mark"}, text("simulated"))));
  }
  if (result.revision && result.amount) {
    parts.push(...contractFigures(result, text, language), signatures(result, text), assumptions(result, text, language));
  } else if (result.measured) {
    parts.push(element("section", {}, Object.entries(result.measured).map(([motor, energy]) =>
      element("p", {}, text("measured_only", {motor, energy: kwhOf(energy)})))));
  }
  if (result.fingerprints) parts.push(sources(result, text));
  if (result.revision && result.verdict !== "rejected") parts.push(limits(text));
  parts.push(checks(result, text));
  return element("article", {"data-verdict": result.verdict, "data-reason": result.reason.code}, parts);
};

// The text of a reason, whose codes within the data are translated.
export const reasonOf = ({code, data}, text) => {
  const shown = {...data};
  if (data.role) shown.role = text(`role_${data.role}`);
  if (data.list) shown.list = text(`list_${data.list}`);
  if (data.missing) shown.missing = rolesText(data.missing, text);
  return text(code, shown);
};

const rolesText = (roles, text) => roles.map((role) => text(`role_${role}`)).join(text("and"));

// Of a result that is open for this reason: its own headline.
const HEADLINES = {newer_unsettled: "correction", older_bundle: "older", older_without_month: "older"};

const verdict = (file, result, text) => {
  const {reason, later, confirmed, ownPlan} = result;
  const compared = ownPlan || (confirmed && ROLES.some((role) => confirmed.has(role)));
  const unconfirmed = result.verdict === "settled" && !compared;
  const shown = unconfirmed ? text("settled_unconfirmed", reason.data) : reasonOf(reason, text);
  const headline = text(`verdict_${unconfirmed ? "unconfirmed" : HEADLINES[reason.code] || result.verdict}`, reason.data);
  const lines = [element("p", {class: "soft"}, file), element("p", {class: "mark", "data-part": "headline"}, headline),
    element("p", {"data-part": "reason"}, result.verdict === "rejected" ? text("first_reason", {reason: shown}) : shown)];
  if (result.verdict !== "rejected" && later && later.intervals + later.decisions) {
    lines.push(element("p", {}, text("recorded_later", later)));
  }
  if (result.verdict !== "rejected" && !compared) lines.push(element("p", {}, text("nothing_compared")));
  const colour = unconfirmed ? "open" : result.verdict;
  return element("section", {class: `verdict ${colour}`, role: "status", tabindex: "-1"}, lines);
};

const signatures = ({revision, tariff, plan}, text) => {
  const rows = ["gateway", ...ROLES].map((role) => {
    const found = revision.signatures.find((signature) => signature.role === role);
    const title = role === "gateway" ? plan.project.gateway : plan.party[role].title;
    if (!found) return [text(`role_${role}`), title, element("span", {class: "missing"}, text("not_signed")), "", ""];
    return [text(`role_${role}`), title, found.by, tariff.time.at(found.signed_ms).text, hash(found.key)];
  });
  const columns = ["role", "party", "by", "when", "key"].map((code) => text(code, {zone: plan.project.timezone}));
  return element("section", {}, element("h2", {}, text("signatures_heading")), tableOf(columns, rows, "stacked"));
};

const assumptions = ({revision, tariff}, text, language) => {
  const rows = Object.entries(revision.month.motor).flatMap(([motor, {assumptions: found}]) =>
    found.map((each) => {
      const reason = reasonText(each, language, tariff.time);
      return element("li", {}, each.data.motor === motor ? reason : text("assumption_of", {motor, reason}));
    }));
  const head = revision.missing.length ? "open_assumptions" : "accepted_assumptions";
  return element("section", {"data-part": "assumptions"}, element("h2", {}, text("assumptions_heading")),
    rows.length ? [element("p", {}, text(head)), element("ul", {}, rows)] : element("p", {}, text("no_assumptions")));
};

const sources = ({fingerprints, confirmed, owner, ownPlan, verdict: state, checks: all}, text) => {
  const source = (role) => {
    if (confirmed.has(role)) return "from_person";
    if (ownPlan && (role !== "gateway" || owner === "plan")) return "from_own_plan";
    return role === "gateway" ? (owner === "plan" ? "from_plan" : "from_ledger") : "from_bundle";
  };
  const keys = ["gateway", ...ROLES].map((role) => {
    const name = role === "gateway" ? text("key_gateway") : text("key_party", {role: text(`role_${role}`)});
    return [name, hash(fingerprints[role]), element("div", {}, text(source(role)))];
  });
  const compared = all.find((check) => check.code === "checkpoints");
  const results = {passed: "checkpoints_compared", absent: "checkpoints_none"};
  const checkpoints = text(results[compared.state] || "stopped", compared.data);
  const figures = text(state === "rejected" ? "stopped" : "figures_from");
  return element("section", {}, element("h2", {}, text("sources")),
    factsOf([...keys, [text("stored_checkpoints"), checkpoints], [text("figures"), figures]]));
};

const limits = (text) => element("section", {"data-part": "limits"}, element("h2", {}, text("limits")),
  element("ul", {}, ["not_measured", "not_from_lines", "newest"].map((code) => element("li", {}, text(code)))));

const checks = (result, text) => {
  const shown = result.checks.filter(({code, state}) => code !== "measured" || ["passed", "failed"].includes(state));
  const rows = shown.map((check) => element("tr", {"data-check": check.code, "data-state": check.state},
    element("td", {}, text(`check_${check.code}`)), element("td", {class: check.state}, text(check.state)),
    element("td", {class: "soft"}, detailOf(check, text))));
  return element("section", {}, element("h2", {}, text("checks_heading")),
    element("table", {class: "checks"}, element("tbody", {}, rows)));
};

const WITHOUT_DETAIL = ["bundle", "measured"];

const detailOf = ({code, state, data, reason}, text) => {
  if (state === "failed") return reasonOf(reason, text);
  return state === "passed" && !WITHOUT_DETAIL.includes(code) ? text(`passed_${code}`, data) : "";
};

const hash = (value) => element("span", {class: "hash"}, value);
