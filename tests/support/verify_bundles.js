// Calls of the offline verifier's core in one process of node. Each line of the input: [name, argument]; each line of the
// output: the value, or {rejected: code}. FOLDER: of the verifier; LIBRARY=1: without WebCrypto.
const [folder, library] = process.argv.slice(2);
const load = (name) => import(`${folder}/core/${name}.js`);
const plain = (_key, value) => (typeof value === "bigint" ? String(value) : value);

const calls = async () => {
  const {parse} = await load("strict_json");
  const {canonical} = await load("canonical");
  const {signatureCheck} = await load("signature_check");
  const {readLine, verifyChain, verifyLines} = await load("lines");
  const {PlanHistory, readPlan} = await load("plans");
  const {amountOf} = await load("amounts");
  const {KeyTable} = await load("key_table");
  const {compareBundles} = await load("several");
  const {checkpointsOf, keysOf, sorted} = await load("trust");
  const {verifyBundle} = await load("bundle");
  const check = await signatureCheck(library === "1" ? undefined : crypto.subtle);
  const {bytesOf} = await load("signature_check");
  return {
    method: async () => check.method,
    canonical: async (text) => canonical(parse(text)),
    sha256: (text) => check.sha256(text),
    signature: ([key, message, sig]) => check.verify(key, message, sig),
    signatures: ([key, pairs]) => {
      const table = new KeyTable(bytesOf(key));
      return pairs.map(([message, sig]) => table.verify(bytesOf(sig), bytesOf(message)));
    },
    lines: async ([key, texts]) => {
      const read = texts.map((text, at) => readLine(text, {list: "lines", position: at + 1}));
      await verifyLines(read, key, check, () => {});
      verifyChain([], read, []);
      return read.map((line) => line.hash);
    },
    plan: async (text) => {
      const history = await PlanHistory.of([await readPlan(parse(text), check)], check);
      return {id: history.versions[0].id, problem: history.notInForce(history.versions[0])};
    },
    amount: async ([plan, day, figures]) => {
      const {motors, net, vat, gross, share} = amountOf(plan, day, figures);
      const kwh = Object.entries(motors.fan.kwh).map(([price, each]) => [price, each.text(plan.settlement.energy_decimals)]);
      const amounts = [net, vat, gross].map((each) => each.text(plan.settlement.money_decimals));
      return [Object.fromEntries(kwh), share.text(9), ...amounts];
    },
    sorted: async (texts) => sorted(texts.map((text, at) => ({name: String(at), text}))),
    bundles: async (texts) => {
      const results = [];
      for (const [at, text] of texts.entries()) {
        const result = await verifyBundle(text, {keys: [], checkpoints: [], plans: []}, check, () => {});
        results.push({file: String(at), result});
      }
      return compareBundles(results).map(({result: {verdict, reason}}) => ({verdict, reason}));
    },
    bundle: async ([text, keys, checkpoints, plan]) => {
      const plans = plan ? [parse(plan)] : [];
      const trust = {keys: keysOf(keys || ""), checkpoints: checkpoints ? checkpointsOf(checkpoints) : [], plans};
      const {confirmed, ...found} = await verifyBundle(text, trust, check, () => {});
      const {verdict, reason, checks, owner, later, measured, recalculated} = found;
      return {verdict, reason, checks, owner, confirmed: [...(confirmed || [])], later, measured, recalculated};
    },
  };
};

const main = async () => {
  const known = await calls();
  for (const line of require("fs").readFileSync(0, "utf8").split("\n").filter(Boolean)) {
    const [name, argument] = JSON.parse(line);
    let answer;
    try {
      answer = await known[name](argument);
    } catch (error) {
      if (error.constructor.name !== "Rejection") throw error;
      answer = {rejected: error.code, data: error.data};
    }
    console.log(JSON.stringify(answer, plain));
  }
};

main();
