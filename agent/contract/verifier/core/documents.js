// Files of signed documents, and which signatures of them are valid.
import {canonical, hasMembers, isObject} from "./canonical.js";
import {reject} from "./rejection.js";
import {isHex} from "./signature_check.js";

export const ROLES = ["customer", "energy_service_company"];
const FILE = "magwatt.signed/1";
const SIGNATURE = "magwatt.signature/1";
const STATEMENT = ["s", "document", "type", "role", "by", "key", "signed_ms"];
export const CLOCK_TOLERANCE_MS = 600_000;

// Rejects a format that is not the known one; one with a larger number as newer.
export const checkFormat = (found, known) => {
  if (found === known) return;
  const [name, number] = known.split("/");
  const newer = typeof found === "string" && /^[a-z.]+\/[0-9]{1,9}$/.test(found) && found.startsWith(`${name}/`) &&
    Number(found.split("/")[1]) > Number(number);
  reject(newer ? "format_newer" : "format_unknown", {found: typeof found === "string" ? found : "–", known});
};

// {document, id, signatures} of a file that was parsed; signatures are not verified yet.
export const readDocument = async (file, type, check) => {
  if (!isObject(file)) reject("document_form");
  checkFormat(file.s, FILE);
  if (!hasMembers(file, ["s", "document", "signatures"]) || !Array.isArray(file.signatures)) reject("document_form");
  if (!isObject(file.document)) reject("document_form");
  checkFormat(file.document.s, type);
  for (const signature of file.signatures) {
    if (!isObject(signature)) reject("signature_form");
    checkFormat(signature.s, SIGNATURE);
    if (!hasMembers(signature, [...STATEMENT, "sig"])) reject("signature_form");
    const texts = ["document", "type", "role", "by", "key", "sig"].every((name) => typeof signature[name] === "string");
    if (!texts || !Number.isSafeInteger(signature.signed_ms)) reject("signature_form");
  }
  return {document: file.document, id: await check.sha256(canonical(file.document)), signatures: file.signatures};
};

// What is wrong with a signature, a code; null: nothing.
// keys: fingerprint → public key of the party whose role it states.
export const signatureProblem = async (found, signature, keys, check) => {
  if (signature.document !== found.id || signature.type !== found.document.s) return "signature_other_document";
  const key = keys[signature.key];
  if (!key) return "signature_other_key";
  const statement = Object.create(null);
  for (const name of STATEMENT) statement[name] = signature[name];
  const valid = isHex(signature.sig, 128) && (await check.verify(key, canonical(statement), signature.sig));
  if (!valid) return "signature_invalid";
  return signature.signed_ms < found.document.drafted_ms - CLOCK_TOLERANCE_MS ? "signature_before_draft" : null;
};

// {missing: roles that have not signed, problems: [{code, data}]} of a document.
// signers: role → public keys that must sign for it.
export const signaturesOf = async (found, signers, check) => {
  const roles = Object.keys(signers);
  const keys = {};
  for (const role of roles) {
    keys[role] = Object.create(null);
    for (const key of signers[role]) keys[role][await check.fingerprint(key)] = key;
  }
  const problems = [];
  const valid = new Set();
  for (const signature of found.signatures) {
    const data = {by: signature.by, role: signature.role, key: signature.key, signed_ms: signature.signed_ms};
    const known = roles.includes(signature.role) ? keys[signature.role] : {};
    const code = await signatureProblem(found, signature, known, check);
    const name = `${signature.role} ${signature.key}`;
    if (code) problems.push({code, data});
    else if (valid.has(name)) problems.push({code: "signature_twice", data});
    else valid.add(name);
  }
  const missing = roles.filter((role) => Object.keys(keys[role]).some((key) => !valid.has(`${role} ${key}`)));
  return {missing, problems};
};
