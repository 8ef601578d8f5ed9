// SHA-256 and Ed25519 by the browser (WebCrypto), or by the bundled libraries noble-hashes and noble-ed25519 where the
// browser lacks them.
import {KeyTable} from "./key_table.js";
import {hashes, verify as nobleVerify} from "../vendor/noble-ed25519/index.js";
import {sha256, sha512} from "../vendor/noble-hashes/sha2.js";

const PROBE = {  // RFC 8032, 7.1, test 2
  key: "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
  message: "72",
  sig: "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da" +
    "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
};
const encoder = new TextEncoder();

export const utf8 = (text) => encoder.encode(text);
export const isHex = (value, digits) => typeof value === "string" && value.length === digits && /^[0-9a-f]*$/.test(value);
export const bytesOf = (hex) => Uint8Array.from(hex.match(/../g) || [], (pair) => parseInt(pair, 16));
export const hexOf = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

hashes.sha512 = sha512;

// How this browser verifies.
export class SignatureCheck {
  constructor(digest, verifies, method) {
    this.digest = digest;
    this.verifies = verifies;
    this.method = method;
  }

  // SHA-256 of a text as 64 hexadecimal digits.
  async sha256(text) {
    return hexOf(await this.digest(utf8(text)));
  }

  // The first 16 digits of the SHA-256 of a public key.
  async fingerprint(key) {
    return hexOf(await this.digest(bytesOf(key))).slice(0, 16);
  }

  // Whether a signature of a text verifies. Signature and key: lower-case hexadecimal digits.
  async verify(key, text, sig) {
    return isHex(key, 64) && isHex(sig, 128) && this.verifies(key, utf8(text), bytesOf(sig));
  }
}

// subtle: crypto.subtle of the browser, or undefined where it has none (a page without a secure context).
export const signatureCheck = async (subtle) => {
  const digest = subtle ? async (bytes) => new Uint8Array(await subtle.digest("SHA-256", bytes)) : sha256;
  return (await verifiesItself(subtle))
    ? new SignatureCheck(digest, byBrowser(subtle), "browser") : new SignatureCheck(digest, byLibrary(), "library");
};

const byBrowser = (subtle) => {
  const keys = new Map();
  const imported = (hex) => {
    if (!keys.has(hex)) keys.set(hex, subtle.importKey("raw", bytesOf(hex), "Ed25519", false, ["verify"]));
    return keys.get(hex);
  };
  return async (key, bytes, sig) => {
    try {
      return await subtle.verify("Ed25519", await imported(key), sig, bytes);
    } catch {
      return false;  // not the key of a point of the curve
    }
  };
};

const MANY = 32;  // signatures by one key from which on its table is worth the time

const byLibrary = () => {
  const keys = new Map();
  return (key, bytes, sig) => {
    const known = keys.get(key) || {count: 0, bytes: bytesOf(key), table: null};
    keys.set(key, known);
    known.count += 1;
    try {
      if (known.count === MANY) known.table = new KeyTable(known.bytes);
      return known.table ? known.table.verify(sig, bytes) : nobleVerify(sig, bytes, known.bytes, {zip215: false});
    } catch {
      return false;  // not the key or the signature of a point of the curve
    }
  };
};

// Whether WebCrypto has Ed25519: it accepts a published signature and rejects a changed one.
const verifiesItself = async (subtle) => {
  if (!subtle) return false;
  const verifies = byBrowser(subtle);
  const [message, sig] = [bytesOf(PROBE.message), bytesOf(PROBE.sig)];
  const changed = sig.map((byte, at) => (at === 40 ? byte ^ 1 : byte));
  return (await verifies(PROBE.key, message, sig)) && !(await verifies(PROBE.key, message, changed));
};
