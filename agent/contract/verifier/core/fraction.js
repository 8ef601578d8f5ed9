// Exact arithmetic of amounts: fractions of whole numbers of any size, rounded only where the plan rounds.
const DECIMAL = /^-?[0-9]{1,9}(\.[0-9]{1,9})?$/;

const absolute = (value) => (value < 0n ? -value : value);

export class Fraction {
  // top, bottom: BigInt; bottom above 0.
  constructor(top, bottom = 1n) {
    this.top = top;
    this.bottom = bottom;
  }

  // Of an integer, or of a decimal number as text.
  static of(value) {
    if (typeof value === "number") return new Fraction(BigInt(value));
    const [whole, decimals = ""] = value.split(".");
    return new Fraction(BigInt(whole.replace("-", "") + decimals) * (whole.startsWith("-") ? -1n : 1n),
      10n ** BigInt(decimals.length));
  }

  plus(other) {
    return new Fraction(this.top * other.bottom + other.top * this.bottom, this.bottom * other.bottom);
  }

  minus(other) {
    return this.plus(new Fraction(-other.top, other.bottom));
  }

  times(other) {
    return new Fraction(this.top * other.top, this.bottom * other.bottom);
  }

  // other: above 0.
  over(other) {
    return new Fraction(this.top * other.bottom, this.bottom * other.top);
  }

  equals(other) {
    return this.top * other.bottom === other.top * this.bottom;
  }

  get negative() {
    return this.top < 0n;
  }

  // half_up: ties away from zero (四舍五入). half_even: ties to the even digit (四舍六入五成双).
  // down: toward zero.
  rounded(decimals, rule) {
    const scale = 10n ** BigInt(decimals);
    const top = absolute(this.top) * scale;
    const whole = top / this.bottom;
    const twice = 2n * (top - whole * this.bottom);
    const tie = rule === "half_up" || whole % 2n === 1n;
    const up = rule !== "down" && (twice > this.bottom || (twice === this.bottom && tie));
    const found = up ? whole + 1n : whole;
    return new Fraction(this.negative ? -found : found, scale);
  }

  // As text; the value must have no more decimals.
  text(decimals) {
    const found = this.rounded(decimals, "half_up");
    const digits = absolute(found.top).toString().padStart(decimals + 1, "0");
    const point = digits.length - decimals;
    return (found.negative ? "-" : "") + digits.slice(0, point) + (decimals ? `.${digits.slice(point)}` : "");
  }
}

export const ZERO = new Fraction(0n);
export const ONE = new Fraction(1n);

// Whether a value is a decimal number of a document.
export const isDecimal = (value) => typeof value === "string" && DECIMAL.test(value);
