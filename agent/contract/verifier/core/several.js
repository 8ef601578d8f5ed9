// Several bundles that are verified together: of one month an older one is not its state, and one key has one ledger.

// Changes the results of older bundles to open, and of bundles with different documents of one revision or different
// lines of one number to rejected.
// results: {file, result} of verifyBundle in any order; one without a result is left as it is.
export const compareBundles = (results) => {
  const judged = results.filter(({result}) => result && result.verdict !== "rejected")
    .map((each) => ({...each, newest: newestOf(each.result)}));
  return results.map((each) => {
    const own = judged.find(({result}) => result === each.result);
    const others = own ? judged.filter((other) => sameMonth(other.result, own.result)) : [];
    const reason = own && (contradiction(own, others) || otherLedger(own, judged));
    return reason ? {...each, result: {...each.result, ...reason}} : each;
  });
};

const newestOf = ({newest}) => (newest ? {id: newest.id, revision: newest.month.revision} : {id: "", revision: 0});

const sameMonth = (one, two) =>
  one.key === two.key && one.month === two.month && one.plan.contract === two.plan.contract;

const contradiction = ({newest: own}, others) => {
  const other = others.find(({newest}) => newest.revision === own.revision && newest.id !== own.id);
  if (other) {
    return {verdict: "rejected", reason: {code: "revision_of_other_file", data: {revision: own.revision, file: other.file}}};
  }
  const later = others.reduce((last, each) => (each.newest.revision > last.newest.revision ? each : last), {newest: own});
  if (later.newest === own) return null;
  const data = {revision: own.revision, newest: later.newest.revision, file: later.file};
  return {verdict: "open", reason: {code: own.revision ? "older_bundle" : "older_without_month", data}};
};

// Two ledgers of one key: a line of the same number is another one.
const otherLedger = ({result}, judged) => {
  const hashes = new Map(linesOf(result).map(({seq, hash}) => [seq, hash]));
  for (const other of judged.filter((each) => each.result.key === result.key)) {
    const line = linesOf(other.result).find(({seq, hash}) => hashes.has(seq) && hashes.get(seq) !== hash);
    if (line) return {verdict: "rejected", reason: {code: "two_ledgers", data: {seq: line.seq, file: other.file}}};
  }
  return null;
};

const linesOf = ({lines}) => [...lines.before, ...lines.lines, ...lines.after];
