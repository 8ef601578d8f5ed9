// The frozen baselines that a plan names by their hashes, so that both parties have signed them.
import {isObject} from "./canonical.js";
import {monthLine} from "./energies.js";
import {reject} from "./rejection.js";
import {memberText} from "./strict_json.js";

// Rejects a month whose baseline is in no line before it, or in one whose text has another hash.
export const checkBaselines = async (month, plan, bundle, check) => {
  const {before, lines, after} = bundle;
  const issued = monthLine(month, bundle);
  const earlier = [...before, ...lines, ...after].filter(({seq, body}) => body.kind === "baseline" && seq < issued.seq);
  let count = 0;
  for (const [name, {baseline}] of Object.entries(plan.motor)) {
    if (!baseline) continue;
    const line = earlier.find(({body}) => isObject(body.baseline) && body.baseline.hash === baseline &&
      body.baseline.asset === name);
    if (!line) reject("baseline_not_recorded", {motor: name, hash: baseline.slice(0, 16)});
    if ((await check.sha256(hashedText(line.text, baseline))) !== baseline) reject("baseline_changed", {seq: line.seq});
    count += 1;
  }
  return count;
};

// The text of which the hash of a baseline is calculated: without the hash, and with escapes beyond ASCII.
const hashedText = (text, hash) => memberText(text, "baseline").replace(`"hash":"${hash}",`, "")
  .replace(/[\u0080-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
