// Each line of the input: a payload in hex. Each line of the output: what the package sparkplug-payload makes of it.
const { get } = require("sparkplug-payload");
const decoder = get("spBv1.0");
const plain = (_key, value) => (typeof value === "bigint" || value?.constructor?.name === "Long" ? String(value) : value);
for (const line of require("fs").readFileSync(0, "utf8").split("\n").filter(Boolean)) {
  console.log(JSON.stringify(decoder.decodePayload(Buffer.from(line, "hex")), plain));
}
