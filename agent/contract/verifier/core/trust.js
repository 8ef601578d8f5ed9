// What the user has from another source: public keys, checkpoints, and signed plans.
import {isObject} from "./canonical.js";
import {reject, Rejection} from "./rejection.js";
import {isHex} from "./signature_check.js";
import {parse} from "./strict_json.js";

const ED25519_DER = "302a300506032b6570032100";  // what precedes the 32 bytes of a public key, RFC 8410, 4

// Public keys (64 digits) or fingerprints (16 digits) of a typed text.
export const keysOf = (text) => {
  const found = text.toLowerCase().split(/[\s,;"]+/).filter(Boolean);
  for (const key of found) if (!isHex(key, 64) && !isHex(key, 16)) reject("typed_key_form", {key});
  return [...new Set(found)];
};

// {seq, hash, site, gateway} of each checkpoint of a pasted text: one JSON object, a list, or one object a line.
export const checkpointsOf = (text) => {
  const objects = [];
  try {
    const found = parse(text);
    objects.push(...(Array.isArray(found) ? found : [found]));
  } catch (error) {
    if (!(error instanceof Rejection)) throw error;
    for (const line of text.split("\n")) if (line.trim()) objects.push(parsedLine(line));
  }
  return objects.map(checkpointOf);
};

const parsedLine = (line) => {
  try {
    return parse(line);
  } catch {
    return reject("checkpoint_form");
  }
};

// Of a checkpoint as it is published, of a report, or of the line in the ledger.
const checkpointOf = (value) => {
  const found = isObject(value) && isObject(value.ledger) ? value.ledger : value;
  if (!isObject(found)) return reject("checkpoint_form");
  const [seq, hash] = found.kind === "checkpoint" ? [found.last, found.hash] : [found.seq, found.hash];
  if (!Number.isSafeInteger(seq) || seq <= 0 || !isHex(hash, 64)) reject("checkpoint_form");
  return {seq, hash, site: found.site, gateway: found.gateway};
};

// Sorts files {name, text} into bundles, plans (parsed), checkpoints and public keys; what is nothing else is taken for a
// bundle.
export const sorted = (files) => {
  const found = {bundles: [], plans: [], checkpoints: [], keys: []};
  for (const file of files) {
    const key = keyOfPem(file.text);
    if (key) {
      found.keys.push(key);
      continue;
    }
    const value = valueOf(file.text);
    const isPlan = isObject(value) && isObject(value.document) && /^magwatt\.plan\//.test(value.document.s);
    const isBundle = isObject(value) && "lines" in value;
    const checkpoints = isPlan || isBundle ? null : foundIn(file.text);
    if (isPlan) found.plans.push(value);
    else if (checkpoints) found.checkpoints.push(...checkpoints);
    else found.bundles.push(file);
  }
  return found;
};

// The public key of a PEM file (RFC 8410), 64 digits; null: it is none.
const keyOfPem = (text) => {
  const found = /^\s*-----BEGIN PUBLIC KEY-----\s+([A-Za-z0-9+/=]{60})\s+-----END PUBLIC KEY-----\s*$/.exec(text);
  if (!found) return null;
  const hex = [...atob(found[1])].map((byte) => byte.charCodeAt(0).toString(16).padStart(2, "0")).join("");
  return hex.startsWith(ED25519_DER) && hex.length === 88 ? hex.slice(ED25519_DER.length) : null;
};

const valueOf = (text) => {
  try {
    return parse(text);
  } catch {
    return null;
  }
};

const foundIn = (text) => {
  try {
    const found = checkpointsOf(text);
    return found.length ? found : null;
  } catch {
    return null;
  }
};

// The roles of a plan whose keys were typed. Rejects a typed key that belongs to nobody in the bundle.
// owners: role → public keys.
export const confirmedRoles = async (typed, owners, check) => {
  const confirmed = new Set();
  const known = [];
  for (const [role, keys] of Object.entries(owners)) {
    for (const key of keys) known.push({role, names: [key, await check.fingerprint(key)]});
  }
  for (const key of typed) {
    const owner = known.find(({names}) => names.includes(key));
    if (!owner) reject("typed_key_unknown", {key: key.slice(0, 16)});
    confirmed.add(owner.role);
  }
  return confirmed;
};

// How many checkpoints lie in the lines. Rejects one that differs from its line.
export const compareCheckpoints = (checkpoints, lines) => {
  const bySeq = new Map(lines.map((line) => [line.seq, line]));
  let compared = 0;
  for (const {seq, hash} of checkpoints) {
    const line = bySeq.get(seq);
    const next = bySeq.get(seq + 1);
    const found = line ? line.hash : next && next.body.prev;
    if (!found) continue;
    if (found !== hash) reject("checkpoint_differs", {seq});
    compared += 1;
  }
  return compared;
};
