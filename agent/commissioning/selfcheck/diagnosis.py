"""Find the single mistake that makes the values consistent: score each hypothesis by the states of the relations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from agent.commissioning.selfcheck.decoding import Key, is_measured, median
from agent.commissioning.selfcheck.fault_hypotheses import hypotheses
from agent.commissioning.selfcheck.fault_hypothesis import Hypothesis
from agent.commissioning.selfcheck.load_estimate import LOADED
from agent.commissioning.selfcheck.model import SelfcheckFinding
from agent.commissioning.selfcheck.register_reader import ReadingRound
from agent.commissioning.selfcheck.rule_evaluation import WINDOW, RuleEvaluation, RuleState
from drivers.profiles import Register
from drivers.reasons import Reason

FINDINGS_MAX = 5
# The weights are design choices; docs/selfcheck.md states the effect of half and double of each.
TIE = 0.9  # hypotheses whose scores differ by less explain the deviations equally well
CANDIDATES_MAX, CORRECTIONS_MAX = 3, 4
_WEIGHT = {"contradicts": -5.0, "neutral": -0.2, "void": 0.0, "missing": -0.6}
_SILENCED = -2.0  # a relation that confirmed before and cannot be evaluated with the hypothesis
INDICATORS = {"active_power", "motor_power", "motor_torque", "motor_current", "current_l1", "current_l2", "current_l3"}
OVERLAP, PARITY = -2.0, -1.2
GAINED, GAINED_MAX = 0.2, 1.5  # for each register that has a value only with the hypothesis; limit of their sum
NEAR = 64  # range of addresses within which the 32-bit values of a map have the same parity


@dataclass(frozen=True, slots=True)
class WeightedHypothesis:
    """A hypothesis and its score.

    healed: relations that no longer contradict, or confirm only with it.
    left: relations that still contradict.
    """

    hypothesis: Hypothesis
    score: float
    healed: int
    left: int


def find_causes(world: RuleEvaluation, foreign: Mapping[Key, list[ReadingRound]]) -> list[SelfcheckFinding]:
    """The likely causes, the best first. Each is corrected in `world` before the next is searched for."""
    found: list[SelfcheckFinding] = []
    for group in range(1, FINDINGS_MAX + 1):
        states = [world.state(index) for index in range(len(world.bound))]
        suspects = suspects_of(world, states)
        if not suspects:
            break
        weighed = [_weigh(world, states, item) for item in hypotheses(world, suspects, foreign)]
        useful = sorted((item for item in weighed if item is not None), key=lambda item: -item.score)
        if not useful:
            break
        best = useful[0]
        found += [SelfcheckFinding(reason, item.quantities, group) for item, reason in _equals(useful)]
        for key, column in best.hypothesis.series.items():
            world.series[key] = column
            world.resolution[key] = world.resolution.get(key, 0.0) * best.hypothesis.factor
        world.rows |= best.hypothesis.rows
        world.loads, world.changes = world.loads_with({}), world.changes_with({})
    return found


def contradicting(world: RuleEvaluation) -> list[int]:
    """Indices of the relations that contradict."""
    return [index for index in range(len(world.bound)) if world.state(index).word == "contradicts"]


def suspects_of(world: RuleEvaluation, states: list[RuleState]) -> set[Key]:
    """Quantities that a relation contradicts, that have no value, or that share words with another quantity."""
    suspects = {
        key
        for state, bound in zip(states, world.bound, strict=True)
        if state.word == "contradicts"
        for key in bound.keys
    }
    for key, column in world.series.items():
        silent = is_measured(key[1]) and column and all(value is None for value in column)
        if silent or _overlaps(world, {}, key):
            suspects.add(key)
    return suspects


def _weigh(world: RuleEvaluation, states: list[RuleState], item: Hypothesis) -> WeightedHypothesis | None:
    touched = {index for key in item.series for index in world.touching.get(key, ())}
    resolution = {key: world.resolution.get(key, 0.0) * item.factor for key in item.series}
    resolution |= {key: world.resolution_of(key, row) for key, row in item.rows.items()}
    loads = world.loads_with(item.series) if any(key[1] in INDICATORS for key in item.series) else world.loads
    changes = world.changes_with(item.series) if loads is not world.loads else world.changes
    if any((loads[name] >= LOADED) != (world.loads[name] >= LOADED) for name in loads):
        touched |= {index for index, bound in enumerate(world.bound) if bound.relation.loaded}
    score, healed, left = -item.cost, 0, 0
    for index in sorted(touched, key=lambda index: world.bound[index].relation is not WINDOW):  # fast ones first
        before, after = states[index], world.state(index, item.series, resolution, loads, changes)
        if after.word in ("void", "missing") and not world.bound[index].relation.over_time:
            # A relation that cannot be evaluated with the hypothesis is not explained by it.
            score += _SILENCED if before.word == "confirms" else 0.0
            left += before.word == "contradicts"
            continue
        score += _value(after) - _value(before)
        if (before.word == "contradicts" and after.word != "contradicts") or (
            before.word in ("void", "missing", "neutral") and after.word == "confirms"
        ):
            healed += 1
        elif after.word == "contradicts" and before.word != "contradicts":
            return None
        left += after.word == "contradicts"
    gained = sum(world.value(key) is None and median(column) is not None for key, column in item.series.items())
    score += min(GAINED_MAX, GAINED * gained)
    before_layout, after_layout = _layout(world, {}, item.rows), _layout(world, item.rows, item.rows)
    score += after_layout - before_layout
    if after_layout > before_layout + 1 and not left:
        healed += 1
    return WeightedHypothesis(item, score, healed, left) if healed and score > 0 else None


def _value(state: RuleState) -> float:
    return 0.4 + 0.6 * state.fit if state.word == "confirms" else _WEIGHT[state.word]


def _equals(useful: list[WeightedHypothesis]) -> Iterable[tuple[Hypothesis, Reason]]:
    """The best hypothesis and those with about the same score; variants of one mistake count once."""
    variants: dict[tuple[str, ...], list[Hypothesis]] = {}
    for item in useful:
        if item.score < useful[0].score - TIE:
            break
        found = item.hypothesis
        variants.setdefault(found.variant_of, []).append(found)
    for found, *others in list(variants.values())[:CANDIDATES_MAX]:
        yield found, _with_corrections(found.reason, [item.reason for item in others])


def _with_corrections(reason: Reason, others: Iterable[Reason]) -> Reason:
    """The reason with the possible corrections of all variants, the best first."""
    if "corrections" not in reason.data:
        return reason
    corrections = dict.fromkeys(each for item in (reason, *others) for each in item.data["corrections"])
    return Reason(reason.code, {**reason.data, "corrections": tuple(corrections)[:CORRECTIONS_MAX]})


def _layout(world: RuleEvaluation, rows: Mapping[Key, Register], keys: Iterable[Key]) -> float:
    """Score of the layout of a map: values that share a word and 32-bit values of unusual parity are penalized."""
    total = 0.0
    for key in keys:
        row = rows.get(key, world.rows[key])
        if _overlaps(world, rows, key):
            total += OVERLAP
        if row.own_words > 1:
            peers = [
                rows.get(other, peer).address % 2
                for other, peer in world.rows.items()
                if other[0] == key[0]
                and other != key
                and peer.own_words > 1
                and peer.function == row.function
                and abs(peer.address - row.address) <= NEAR
            ]
            if len(peers) >= 4 and sum(value == row.address % 2 for value in peers) < 0.2 * len(peers):
                total += PARITY
    return max(total, -8.0)


def _overlaps(world: RuleEvaluation, rows: Mapping[Key, Register], key: Key) -> bool:
    row = rows.get(key, world.rows[key])
    if row.mask is not None or row.alone or row.parts:
        return False
    start, end = row.address + row.at, row.address + row.at + row.own_words
    for other, plain in world.rows.items():
        if other[0] == key[0] and other != key:
            peer = rows.get(other, plain)
            if peer.function != row.function or peer.mask is not None or peer.alone or peer.parts:
                continue
            first = peer.address + peer.at
            if first < end and start < first + peer.own_words:
                return True
    return False
