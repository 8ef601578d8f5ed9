// Lines of the ledger: their form, their signatures and their chain.
import {isObject, isText} from "./canonical.js";
import {reject, Rejection} from "./rejection.js";
import {isHex} from "./signature_check.js";
import {parse} from "./strict_json.js";

const SCHEMA = "magwatt.ledger/1";
const BEGIN = "0".repeat(64);  // prev of the first line
const BATCH = 64;  // signatures that are verified together

// A line, as text and parsed. place: its list in the bundle and its position in it, from 1.
export const readLine = (text, place) => {
  if (typeof text !== "string" || !isText(text)) reject("line_unreadable", place);
  let body;
  try {
    body = parse(text);
  } catch (error) {
    if (!(error instanceof Rejection)) throw error;
    return error.code === "json_key_twice" ? reject("line_key_twice", {...place, key: error.data.key})
      : reject("line_unreadable", place);
  }
  const complete = isObject(body) && body.s === SCHEMA && Number.isSafeInteger(body.seq) && body.seq > 0 &&
    typeof body.kind === "string" && Number.isSafeInteger(body.t_ms) && isHex(body.prev, 64) && isHex(body.sig, 128);
  if (!complete) reject("line_form", place);
  const sig = `"sig":"${body.sig}",`;
  const at = text.indexOf(sig);
  if (at < 0) reject("line_form", place);
  return {text, body, seq: body.seq, signed: text.slice(0, at) + text.slice(at + sig.length)};
};

// Adds `hash` to each line and verifies its signature. Rejects at the first one that is wrong.
// progress: called with the number of lines that were verified.
export const verifyLines = async (lines, key, check, progress) => {
  for (let first = 0; first < lines.length; first += BATCH) {
    const batch = lines.slice(first, first + BATCH);
    const valid = await Promise.all(batch.map((line) => check.verify(key, line.signed, line.body.sig)));
    const wrong = valid.indexOf(false);
    if (wrong >= 0) reject("line_signature", {seq: batch[wrong].seq});
    await Promise.all(batch.map(async (line) => { line.hash = await check.sha256(line.text); }));
    await progress(first + batch.length);
  }
};

// The numbers of all lines increase; within `lines` none is missing; a line that follows another directly names its hash.
export const verifyChain = (before, lines, after) => {
  const all = [...before, ...lines, ...after];
  const [first, end] = [before.length, before.length + lines.length];
  if (all.length && all[0].seq === 1 && all[0].body.prev !== BEGIN) reject("line_chain", {seq: 1});
  for (let at = 1; at < all.length; at += 1) {
    const [one, two] = [all[at - 1], all[at]];
    if (two.seq <= one.seq) reject("line_order", {seq: two.seq, last: one.seq});
    if (at > first && at < end && two.seq !== one.seq + 1) reject("line_missing", {seq: one.seq + 1});
    if (two.seq === one.seq + 1 && two.body.prev !== one.hash) reject("line_chain", {seq: two.seq});
  }
};

// The first line of the ledger, and no other one, declares the key that signs.
export const verifyDeclaration = async (lines, key, check) => {
  const [declared, another] = lines.filter((line) => line.body.kind === "key");
  if (!declared || declared.seq !== 1) reject("key_not_declared");
  if (another) reject("key_declared_other", {seq: another.seq});
  const {kind, public: public_, fingerprint} = isObject(declared.body.key) ? declared.body.key : {};
  const fits = kind === "ed25519" && public_ === key && fingerprint === (await check.fingerprint(key));
  if (!fits) reject("key_declared_other", {seq: declared.seq});
};
