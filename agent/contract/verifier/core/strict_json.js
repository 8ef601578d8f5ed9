// JSON that is read strictly: a key that occurs twice in one object is rejected, and a number that is not an integer
// below 2^53 keeps its text, so that it is never taken for one. JSON.parse does neither.
import {reject} from "./rejection.js";

const DEPTH_MAX = 64;
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const WORDS = {true: true, false: false, null: null};

// A number that is not an integer below 2^53.
export class OtherNumber {
  constructor(text) {
    this.text = text;
  }
}

// The value of a JSON text; objects have no prototype. Rejects with json_invalid, json_key_twice, json_too_deep.
export const parse = (text) => new Reader(text).complete();

// The text of a member of an object, as it is in the text of the object; null: there is none.
export const memberText = (text, name) => {
  const reader = new Reader(text);
  reader.sign("{");
  do {
    reader.space();
    const key = reader.string();
    reader.sign(":");
    const begin = reader.at;
    reader.value(DEPTH_MAX);
    if (key === name) return text.slice(begin, reader.at);
  } while (reader.follows(","));
  return null;
};

class Reader {
  constructor(text) {
    this.text = text;
    this.at = 0;
  }

  complete() {
    const value = this.value(DEPTH_MAX);
    this.space();
    return this.at === this.text.length ? value : this.invalid();
  }

  invalid() {
    return reject("json_invalid", {at: this.at + 1});
  }

  space() {
    for (;;) {
      const code = this.text.charCodeAt(this.at);
      if (code !== 32 && code !== 10 && code !== 13 && code !== 9) return;
      this.at += 1;
    }
  }

  // Skips white space and the sign that must follow.
  sign(sign) {
    this.space();
    if (this.text[this.at] !== sign) this.invalid();
    this.at += 1;
  }

  // Whether this sign follows; it is skipped.
  follows(sign) {
    this.space();
    const found = this.text[this.at] === sign;
    if (found) this.at += 1;
    return found;
  }

  value(depth) {
    if (depth === 0) reject("json_too_deep");
    this.space();
    const first = this.text[this.at];
    if (first === "{") return this.object(depth);
    if (first === "[") return this.list(depth);
    if (first === '"') return this.string();
    return first === "-" || (first >= "0" && first <= "9") ? this.number() : this.word();
  }

  object(depth) {
    const found = Object.create(null);
    this.sign("{");
    if (this.follows("}")) return found;
    do {
      this.space();
      if (this.text[this.at] !== '"') this.invalid();
      const key = this.string();
      if (key in found) reject("json_key_twice", {key});
      this.sign(":");
      found[key] = this.value(depth - 1);
    } while (this.follows(","));
    this.sign("}");
    return found;
  }

  list(depth) {
    const found = [];
    this.sign("[");
    if (this.follows("]")) return found;
    do found.push(this.value(depth - 1));
    while (this.follows(","));
    this.sign("]");
    return found;
  }

  string() {
    const begin = this.at;
    let escaped = false;
    for (let at = begin + 1; at < this.text.length; at += 1) {
      const code = this.text.charCodeAt(at);
      if (code < 32) break;
      if (code === 92) {
        escaped = true;
        at += 1;
      } else if (code === 34) {
        this.at = at + 1;
        return escaped ? this.unescaped(begin) : this.text.slice(begin + 1, at);
      }
    }
    return this.invalid();
  }

  unescaped(begin) {
    try {
      return JSON.parse(this.text.slice(begin, this.at));
    } catch {
      return this.invalid();
    }
  }

  number() {
    NUMBER.lastIndex = this.at;
    const found = NUMBER.exec(this.text);
    if (!found) return this.invalid();
    this.at = NUMBER.lastIndex;
    const value = Number(found[0]);
    const integer = /^-?[0-9]+$/.test(found[0]) && Number.isSafeInteger(value);
    return integer ? value + 0 : new OtherNumber(found[0]);
  }

  word() {
    for (const [word, value] of Object.entries(WORDS)) {
      if (this.text.startsWith(word, this.at)) {
        this.at += word.length;
        return value;
      }
    }
    return this.invalid();
  }
}
