// Numbers for people.

// A decimal number as text, with its thousands separated.
export const grouped = (text) => {
  const [whole, decimals] = text.replace("-", "").split(".");
  const parts = whole.replace(/\B(?=(\d{3})+$)/g, ",");
  return `${text.startsWith("-") ? "−" : ""}${parts}${decimals === undefined ? "" : `.${decimals}`}`;
};

// Whole Wh as kWh, exact.
export const kwhOf = (energy) => {
  const digits = String(Math.abs(energy)).padStart(4, "0");
  return grouped(`${energy < 0 ? "-" : ""}${digits.slice(0, -3)}.${digits.slice(-3)}`);
};

// A share of 1 as decimal text, in percent: "0.80" → "80 %".
export const percentOf = (text) => {
  const [whole, decimals = ""] = text.split(".");
  const digits = decimals.padEnd(2, "0");
  const rest = digits.slice(2).replace(/0+$/, "");
  return `${Number(whole + digits.slice(0, 2))}${rest && `.${rest}`} %`;
};

export const hoursOf = (seconds) => `${(seconds / 3600).toFixed(1)} h`;
