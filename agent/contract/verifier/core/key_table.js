// Ed25519 verification of many signatures by one key: multiples of the base point and of the key are calculated once,
// with the points of noble-ed25519, so that a verification consists of additions only. RFC 8032, 5.1.7, without cofactor,
// as in BoringSSL and OpenSSL. Everything here is public, so the time may depend on the values.
import {Point} from "../vendor/noble-ed25519/index.js";
import {sha512} from "../vendor/noble-hashes/sha2.js";

const {p: P, n: N, d: D} = Point.CURVE();
const BITS = 6n;  // of a scalar that one table covers
const SIZE = 1 << Number(BITS);
const TABLES = Math.ceil(256 / Number(BITS));

const mod = (value) => {
  const found = value % P;
  return found < 0n ? found + P : found;
};

// The number of bytes in little-endian order.
const numberOf = (bytes) => {
  let hex = "";
  for (let at = bytes.length - 1; at >= 0; at -= 1) hex += bytes[at].toString(16).padStart(2, "0");
  return BigInt(`0x${hex}`);
};

// For each digit of a scalar the multiples 1 to 63 of a point, as (y + x, y − x, 2dxy).
const tablesOf = (point) => {
  const tables = [];
  let base = point;
  for (let number = 0; number < TABLES; number += 1) {
    const multiples = [];
    let multiple = base;
    for (let factor = 1; factor < SIZE; factor += 1) {
      multiples.push(multiple);
      multiple = multiple.add(base);
    }
    tables.push(affine(multiples).map(([x, y]) => [mod(y + x), mod(y - x), mod(2n * D * x * y)]));
    base = multiple;
  }
  return tables;
};

// The points as [x, y], with one inversion for all.
const affine = (points) => {
  const products = [1n];
  for (const {Z} of points) products.push(mod(products[products.length - 1] * Z));
  let inverse = inverted(products[points.length]);
  const found = [];
  for (let at = points.length - 1; at >= 0; at -= 1) {
    const {X, Y, Z} = points[at];
    const own = mod(inverse * products[at]);
    found.unshift([mod(X * own), mod(Y * own)]);
    inverse = mod(inverse * Z);
  }
  return found;
};

// 1 / value, by Euclid.
const inverted = (value) => {
  let [a, b, x, u] = [value, P, 1n, 0n];
  while (a > 1n) {
    const quotient = b / a;
    [a, b, x, u] = [b - quotient * a, a, u - quotient * x, x];
  }
  return mod(x);
};

// Adds the multiple of the point of the tables to a sum [X, Y, Z, T]: Hisil et al. 2008, 3.1, with Z₂ = 1.
const addMultiple = (sum, tables, scalar) => {
  let [X, Y, Z, T] = sum;
  for (let rest = scalar, number = 0; rest > 0n; rest >>= BITS, number += 1) {
    const digit = Number(rest & BigInt(SIZE - 1));
    if (digit === 0) continue;
    const [plus, minus, product] = tables[number][digit - 1];
    const [a, b, c, d] = [((Y - X) * minus) % P, ((Y + X) * plus) % P, (T * product) % P, 2n * Z];
    const [e, f, g, h] = [b - a, d - c, d + c, b + a];
    [X, Y, Z, T] = [(e * f) % P, (g * h) % P, (f * g) % P, (e * h) % P];
  }
  return [X, Y, Z, T];
};

let baseTables = null;

export class KeyTable {
  // key: 32 bytes. Throws for bytes that are no point.
  constructor(key) {
    baseTables = baseTables || tablesOf(Point.BASE);
    this.key = key;
    this.tables = tablesOf(Point.fromBytes(key, false).negate());
  }

  // Whether a signature (64 bytes) of a message verifies: S·B − h·A = R.
  verify(sig, message) {
    const scalar = numberOf(sig.subarray(32));
    if (scalar >= N) return false;
    const hashed = new Uint8Array(64 + message.length);
    hashed.set(sig.subarray(0, 32));
    hashed.set(this.key, 32);
    hashed.set(message, 64);
    const sum = addMultiple([0n, 1n, 1n, 0n], baseTables, scalar);
    const [X, Y, Z] = addMultiple(sum, this.tables, numberOf(sha512(hashed)) % N).map(mod);
    const inverse = inverted(Z);
    const expected = numberOf(sig.subarray(0, 32));
    return expected === mod(Y * inverse) + ((mod(X * inverse) & 1n) << 255n);
  }
}
