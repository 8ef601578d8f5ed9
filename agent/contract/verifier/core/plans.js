// Versions of plans: which is in force on a day.
import {contains, dayBefore} from "./calendar.js";
import {canonical} from "./canonical.js";
import {CLOCK_TOLERANCE_MS, readDocument, ROLES, signaturesOf} from "./documents.js";
import {checkPlan, partyKeys} from "./plan_form.js";
import {reject} from "./rejection.js";

export const PLAN = "magwatt.plan/1";

// A plan with the state of its signatures: {plan, id, signatures, missing, problems}.
export const readPlan = async (file, check) => {
  const found = await readDocument(file, PLAN, check);
  checkPlan(found.document);
  return withSignatures(found, check);
};

const withSignatures = async (found, check) => {
  const plan = found.document;
  const parties = Object.fromEntries(ROLES.map((role) => [role, partyKeys(plan, role)]));
  return {...found, plan, ...(await signaturesOf(found, parties, check))};
};

export class PlanHistory {
  // versions: of readPlan. A document that is there twice counts once, with all signatures.
  static async of(versions, check) {
    const merged = new Map();
    for (const version of versions) {
      const known = merged.get(version.id);
      const texts = new Set((known ? known.signatures : []).map((each) => canonical(each)));
      const added = version.signatures.filter((each) => !texts.has(canonical(each)));
      merged.set(version.id, known ? {...known, signatures: [...known.signatures, ...added]} : version);
    }
    const read = [];
    for (const each of merged.values()) read.push(await withSignatures(each, check));
    return new PlanHistory(read);
  }

  constructor(versions) {
    this.versions = versions;
    this.byId = new Map(versions.map((version) => [version.id, version]));
  }

  // Why a version binds nobody, {code, data}; null: it is in force.
  notInForce(version) {
    const data = {version: version.plan.version};
    if (version.problems.length) return version.problems[0];
    if (version.missing.length) return {code: "plan_not_signed", data: {...data, missing: version.missing}};
    return this.successorProblem(version);
  }

  successorProblem({plan}) {
    if (plan.version === 1) return null;
    const problem = (code, data) => ({code, data: {version: plan.version, ...data}});
    const before = this.byId.get(plan.replaces);
    if (!before) return problem("plan_replaced_missing");
    const old = before.plan;
    const follows = old.contract === plan.contract && old.version === plan.version - 1 &&
      plan.applies.first >= old.applies.first && plan.drafted_ms >= old.drafted_ms - CLOCK_TOLERANCE_MS;
    if (!follows) return problem("plan_not_successor");
    const unsigned = ROLES.find((role) => {
      const {public_key: own, former_public_key: former} = plan.party[role];
      return own !== old.party[role].public_key && former !== old.party[role].public_key;
    });
    return unsigned ? problem("plan_old_key_missing", {role: unsigned}) : null;
  }

  // The days on which a version is in force; null: on none.
  applies(version) {
    if (this.notInForce(version)) return null;
    const own = version.plan.applies;
    const begins = this.versions
      .filter((each) => each.plan.replaces === version.id && !this.notInForce(each))
      .map((each) => dayBefore(each.plan.applies.first));
    const last = [...begins, own.last].filter(Boolean).sort()[0];
    return last && last < own.first ? null : {first: own.first, last};
  }

  // The versions that apply to a motor on a day.
  applying(motor, day) {
    return this.versions.filter((version) => {
      const days = motor in version.plan.motor ? this.applies(version) : null;
      return days && contains(days, day);
    });
  }

  // The version that applies to a motor on a day. Rejects none, and more than one.
  inForce(motor, day) {
    const found = this.applying(motor, day);
    if (found.length > 1) {
      const names = found.map((each) => `${each.plan.contract}, ${each.plan.version}`);
      reject("plans_overlap", {motor, day, first: names[0], second: names[1]});
    }
    return found.length ? found[0] : reject("plan_none_for_day", {motor, day});
  }
}
