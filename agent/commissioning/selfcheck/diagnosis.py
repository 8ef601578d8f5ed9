"""Find the single mistake that makes the values consistent: score each hypothesis by the outcomes of the relations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec import Struct

from agent.commissioning.selfcheck.decoding import Key, is_measured
from agent.commissioning.selfcheck.fault_hypotheses import hypotheses
from agent.commissioning.selfcheck.fault_hypothesis import Hypothesis
from agent.commissioning.selfcheck.load_estimate import LOADED
from agent.commissioning.selfcheck.model import SelfcheckFinding
from agent.commissioning.selfcheck.register_reader import ReadingRound
from agent.commissioning.selfcheck.rule_evaluation import WINDOW, RuleEvaluation, RuleOutcome, RuleState
from drivers.profiles import Register
from drivers.reasons import Reason

FINDINGS_MAX = 5
# The weights are design choices; docs/how-to/selfcheck.md states the effect of half and double of each.
TIE = 0.9  # hypotheses whose scores differ by less explain the deviations equally well
CANDIDATES_MAX, CORRECTIONS_MAX = 3, 4
_WEIGHT = {
    RuleOutcome.FAIL: -5.0, RuleOutcome.NEUTRAL: -0.2, RuleOutcome.NOT_APPLICABLE: 0.0, RuleOutcome.MISSING: -0.6,
}  # fmt: skip
_SILENCED = -2.0  # a relation that confirmed before and cannot be evaluated with the hypothesis
OVERLAP, PARITY = -2.0, -1.2
GAINED, GAINED_MAX = 0.2, 1.5  # for each register that has a value only with the hypothesis; limit of their sum
NEAR = 64  # range of addresses within which the 32-bit values of a map have the same parity


class WeightedHypothesis(Struct, frozen=True):
    """A hypothesis and its score.

    evaluation: the evaluation without the mistake.
    explained: relations that no longer contradict, or confirm only with it.
    failing: relations that still contradict.
    """

    hypothesis: Hypothesis
    evaluation: RuleEvaluation
    score: float
    explained: int
    failing: int


def find_causes(
    evaluation: RuleEvaluation, foreign: Mapping[Key, list[ReadingRound]]
) -> tuple[list[SelfcheckFinding], RuleEvaluation]:
    """The likely causes, the best first, and the evaluation without them. Each is corrected before the next search."""
    found: list[SelfcheckFinding] = []
    for group in range(1, FINDINGS_MAX + 1):
        if not (suspects := suspects_of(evaluation)):
            break
        states = evaluation.states()
        weighted = (_score(evaluation, states, item) for item in hypotheses(evaluation, suspects, foreign))
        if not (useful := sorted(filter(None, weighted), key=lambda item: -item.score)):
            break
        found += [SelfcheckFinding(reason, item.quantities, group) for item, reason in _equals(useful)]
        evaluation = useful[0].evaluation
    return found, evaluation


def suspects_of(evaluation: RuleEvaluation) -> set[Key]:
    """Quantities that a relation contradicts, that have no value, or that share words with another quantity."""
    suspects = {key for bound in evaluation.with_outcome(RuleOutcome.FAIL) for key in bound.keys}
    return suspects | {
        key
        for key, column in evaluation.series.items()
        if (is_measured(key[1]) and column and all(value is None for value in column)) or _overlaps(evaluation, key)
    }


def _score(evaluation: RuleEvaluation, states: list[RuleState], item: Hypothesis) -> WeightedHypothesis | None:
    affected = {index for key in item.series for index in evaluation.rules_of.get(key, ())}
    corrected = evaluation.corrected(item)
    if any((load >= LOADED) != (evaluation.loads[name] >= LOADED) for name, load in corrected.loads.items()):
        affected |= {index for index, bound in enumerate(evaluation.bound) if bound.relation.loaded}
    score, explained, failing = -item.cost, 0, 0
    for index in sorted(affected, key=lambda index: evaluation.bound[index].relation is not WINDOW):  # fast ones first
        bound = evaluation.bound[index]
        state = corrected.state(bound)
        before, after = states[index].outcome, state.outcome
        if after in (RuleOutcome.NOT_APPLICABLE, RuleOutcome.MISSING) and not bound.relation.over_time:
            # A relation that cannot be evaluated with the hypothesis is not explained by it.
            score += _SILENCED if before is RuleOutcome.PASS else 0.0
            failing += before is RuleOutcome.FAIL
            continue
        if after is RuleOutcome.FAIL and before is not RuleOutcome.FAIL:
            return None
        score += _value(state) - _value(states[index])
        explained += before is not after and (before is RuleOutcome.FAIL or after is RuleOutcome.PASS)
        failing += after is RuleOutcome.FAIL
    gained = sum(evaluation.value(key) is None and corrected.value(key) is not None for key in item.series)
    layout = _layout(corrected, item.rows) - _layout(evaluation, item.rows)
    score += min(GAINED_MAX, GAINED * gained) + layout
    explained += layout > 1 and not failing
    return WeightedHypothesis(item, corrected, score, explained, failing) if explained and score > 0 else None


def _value(state: RuleState) -> float:
    return 0.4 + 0.6 * state.fit if state.outcome is RuleOutcome.PASS else _WEIGHT[state.outcome]


def _equals(useful: list[WeightedHypothesis]) -> Iterable[tuple[Hypothesis, Reason]]:
    """The best hypothesis and those with about the same score; variants of one mistake count once."""
    variants: dict[tuple[str, ...], list[Hypothesis]] = {}
    for item in useful:
        if item.score >= useful[0].score - TIE:
            variants.setdefault(item.hypothesis.variant_of, []).append(item.hypothesis)
    for found, *others in list(variants.values())[:CANDIDATES_MAX]:
        yield found, _with_corrections(found.reason, [item.reason for item in others])


def _with_corrections(reason: Reason, others: Iterable[Reason]) -> Reason:
    """The reason with the possible corrections of all variants, the best first."""
    if "corrections" not in reason.data:
        return reason
    corrections = dict.fromkeys(each for item in (reason, *others) for each in item.data["corrections"])
    return Reason(reason.code, {**reason.data, "corrections": tuple(corrections)[:CORRECTIONS_MAX]})


def _layout(evaluation: RuleEvaluation, keys: Iterable[Key]) -> float:
    """Score of the layout of a map: values that share a word and 32-bit values of unusual parity are penalized."""
    total = 0.0
    for key in keys:
        row = evaluation.rows[key]
        total += OVERLAP * _overlaps(evaluation, key)
        if row.own_words > 1:
            peers = [
                peer.address % 2
                for other, peer in evaluation.rows.items()
                if other[0] == key[0]
                and other != key
                and peer.own_words > 1
                and peer.function == row.function
                and abs(peer.address - row.address) <= NEAR
            ]
            total += PARITY * (len(peers) >= 4 and peers.count(row.address % 2) < 0.2 * len(peers))
    return max(total, -8.0)


def _overlaps(evaluation: RuleEvaluation, key: Key) -> bool:
    """Whether a value shares a word with another one of the device; masks and separate requests share legitimately."""

    def span(row: Register) -> range:
        shares = row.mask is not None or row.alone or row.parts
        return range(0) if shares else range(row.address + row.at, row.address + row.at + row.own_words)

    row, own = evaluation.rows[key], span(evaluation.rows[key])
    return any(
        max(own.start, other.start) < min(own.stop, other.stop)
        for name, peer in evaluation.rows.items()
        if name[0] == key[0] and name != key and peer.function == row.function
        for other in (span(peer),)
    )
