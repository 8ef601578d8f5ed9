"""The possible mistakes: every single one that the self-check tries."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec.structs import replace

from agent.commissioning.selfcheck import reasons as codes
from agent.commissioning.selfcheck.ct_wiring import wiring
from agent.commissioning.selfcheck.decoding import Key, Series, median
from agent.commissioning.selfcheck.fault_hypothesis import Hypothesis, counts, scaled
from agent.commissioning.selfcheck.register_reader import ReadingRound
from agent.commissioning.selfcheck.rule_evaluation import RuleEvaluation
from agent.config.model import Meter
from agent.config.transformer_ratio import CT_QUANTITIES
from drivers.profiles import Register
from drivers.reasons import Reason

DUST = 1e-6
DECADES = (-1, 1, -2, 2, -3, 3)
# Rated primaries of IEC 61869-2 and usual neighbours, in A.
PRIMARIES = (1, 5, 10, 15, 20, 25, 30, 40, 50, 60, 75, 80, 100, 120, 125, 150, 160, 200, 250, 300, 400, 500, 600,
             750, 800, 1000, 1200, 1250, 1500, 1600, 2000, 2500, 3000, 4000, 5000)  # fmt: skip
PAIRS = (("l1", "l2"), ("l2", "l3"), ("l1", "l3"), ("l12", "l23"), ("l23", "l31"), ("l12", "l31"),
         ("l1n", "l2n"), ("l2n", "l3n"), ("l1n", "l3n"))  # fmt: skip


def hypotheses(
    evaluation: RuleEvaluation, suspects: Iterable[Key], foreign: Mapping[Key, list[ReadingRound]]
) -> Iterator[Hypothesis]:
    """The hypotheses for these keys. foreign: (device, other device) → map of the device, read at the other unit."""
    suspects = sorted(set(suspects))
    for key in suspects:
        if key in evaluation.rows and evaluation.rows[key].type != "string":
            yield from (item for item in _of_register(evaluation, key) if _is_number(item.series[key]))
    for name in sorted({key[0] for key in suspects}):
        yield from _of_map(evaluation, name)
        yield from _of_groups(evaluation, name)
        yield from _swapped_phases(evaluation, name, {key[1] for key in suspects if key[0] == name})
        if isinstance(evaluation.subjects[name].device, Meter):
            yield from _ratios(evaluation, name)
            yield from wiring(evaluation, name)
    yield from _units(evaluation, {key[0] for key in suspects}, foreign)


def _is_number(column: Series) -> bool:
    """Whether other is a value of a usual magnitude: a float decoded from other words is often close to 0."""
    value = median(column)
    return value is not None and (value == 0 or abs(value) > DUST)


def _of_register(evaluation: RuleEvaluation, key: Key) -> Iterator[Hypothesis]:
    device, name = key
    row = evaluation.rows[key]
    for step in (-1, 1):
        other = replace(row, address=row.address + step)
        reason = codes.REGISTER_ADDRESS_WRONG(
            device=device, quantity=name, address=row.address, correct_address=other.address
        )
        yield _reread(evaluation, reason, {key: other}, 1.0)
    if row.own_words > 1:
        other = replace(row, big_words_first=not row.big_words_first)
        reason = codes.REGISTER_WORDS_SWAPPED(device=device, quantity=name, word_order=_word_order(other))
        yield _reread(evaluation, reason, {key: other}, 1.0)
    scale = row.scale_for(evaluation.subjects[device].rating_kw)
    for decade in DECADES:
        factor = 10.0**decade
        data = {"device": device, "quantity": name, "factor": 1 / factor}
        reason = (
            codes.REGISTER_SCALE_WRONG(**data, scale=scale, correct_scale=scale * factor)
            if scale else codes.RATED_SCALE_WRONG(**data, correction=factor)
        )  # fmt: skip
        yield _scaled(evaluation, reason, [key], 0.5 + 0.7 * abs(decade), factor)


def _scaled(
    evaluation: RuleEvaluation, reason: Reason, keys: Sequence[Key], cost: float, factor: float, tag: str = ""
) -> Hypothesis:
    """All these quantities have a wrong factor."""
    series = {key: scaled(evaluation.series[key], factor) for key in keys}
    return Hypothesis(reason, tuple(key[1] for key in keys), cost, series, tag=tag, factor=factor)


def _reread(evaluation: RuleEvaluation, reason: Reason, rows: Mapping[Key, Register], cost: float) -> Hypothesis:
    """These registers are decoded in another way."""
    series = {key: evaluation.read(key, row) for key, row in rows.items()}
    return Hypothesis(reason, tuple(key[1] for key in rows), cost, series, rows)


def _word_order(row: Register) -> str:
    """The word order as the key `word_order` of a profile states it."""
    return "big" if row.big_words_first else "little"


def _of_map(evaluation: RuleEvaluation, device: str) -> Iterator[Hypothesis]:
    keys = [key for key, row in evaluation.rows.items() if key[0] == device and row.type != "string"]
    for step in (-1, 1):
        rows = {key: replace(evaluation.rows[key], address=evaluation.rows[key].address + step) for key in keys}
        reason = codes.MAP_ADDRESS_OFFSET(device=device, correction=step)
        yield _reread(evaluation, reason, rows, 1.5)
    wide = [key for key in keys if evaluation.rows[key].own_words > 1]
    if len(wide) > 1:
        rows = {
            key: replace(evaluation.rows[key], big_words_first=not evaluation.rows[key].big_words_first) for key in wide
        }
        reason = codes.MAP_WORDS_SWAPPED(device=device, word_order=_word_order(rows[wide[0]]))
        yield _reread(evaluation, reason, rows, 1.5)


def _of_groups(evaluation: RuleEvaluation, device: str) -> Iterator[Hypothesis]:
    """One wrong scale for all currents, voltages or powers: manufacturers often state one scale for a group."""
    for units, group in zip((("A",), ("V",), ("W", "var", "VA"), ("W",)), codes.GROUPS, strict=True):
        keys = [key for key, row in evaluation.rows.items() if key[0] == device and row.unit in units]
        if len(keys) > 1:
            for decade in DECADES:
                factor = 10.0**decade
                reason = codes.GROUP_SCALE_WRONG(device=device, group=group, factor=1 / factor, correction=factor)
                yield _scaled(evaluation, reason, keys, 2.0 + 0.7 * abs(decade), factor)


def _swapped_phases(evaluation: RuleEvaluation, device: str, suspects: set[str]) -> Iterator[Hypothesis]:
    """Two phases of one quantity swapped in the map."""
    for a, b in PAIRS:
        for name in sorted(suspects):
            if name.endswith(f"_{a}") or name.endswith(f"_{b}"):
                stem = name.rsplit("_", 1)[0]
                one, two = (device, f"{stem}_{a}"), (device, f"{stem}_{b}")
                if one in evaluation.rows and two in evaluation.rows and (name == one[1] or one[1] not in suspects):
                    reason = codes.MAP_PHASES_SWAPPED(device=device, quantity=one[1], other_quantity=two[1])
                    swapped = {one: evaluation.series[two], two: evaluation.series[one]}
                    yield Hypothesis(reason, (one[1], two[1]), 1.5, swapped)


def _ratios(evaluation: RuleEvaluation, device: str) -> Iterator[Hypothesis]:
    """Another ratio of the current transformers: all quantities that depend on a current have the same factor."""
    item = evaluation.subjects[device].device
    assert isinstance(item, Meter)
    keys = [key for key, row in evaluation.rows.items() if key[0] == device and row.unit in CT_QUANTITIES]
    primary, secondary = item.ct or (5.0, 5.0)
    code = codes.CT_SETTING_WRONG if item.ratio_applied_by == "agent" else codes.METER_CT_SETTING_WRONG
    for factor, correction in _corrections(primary, secondary, item.ratio_applied_by if item.ct else None):
        reason = code(
            device=device, factor=1 / factor, primary_a=primary, secondary_a=secondary, corrections=(correction,)
        )
        yield _scaled(evaluation, reason, keys, 1.5 + 0.3 * abs(math.log(factor)), factor, f"ct:{device}")


def _corrections(primary_a: float, secondary_a: float, applied_by: str | None) -> Iterator[tuple[float, Reason]]:
    """Possible corrections of a ratio, each with the factor of the currents. applied_by: None without a ratio."""
    for other_a in PRIMARIES:
        if other_a != primary_a:
            yield other_a / primary_a, codes.CT_RATIO_OPTION(primary_a=other_a, secondary_a=secondary_a)
    other_secondary_a = 1.0 if secondary_a == 5 else 5.0
    yield (
        secondary_a / other_secondary_a,
        codes.CT_RATIO_OPTION(primary_a=primary_a, secondary_a=other_secondary_a),
    )
    if applied_by == "agent":
        yield secondary_a / primary_a, codes.CT_APPLIED_BY_METER_OPTION()
        yield primary_a / secondary_a, codes.CT_NOT_APPLIED_OPTION()
    elif applied_by is not None:
        yield secondary_a / primary_a, codes.CT_APPLIED_TWICE_OPTION()
        yield primary_a / secondary_a, codes.CT_APPLIED_BY_AGENT_OPTION()


def _units(
    evaluation: RuleEvaluation, suspects: set[str], foreign: Mapping[Key, list[ReadingRound]]
) -> Iterator[Hypothesis]:
    """Two devices of one kind on one bus with swapped unit identifiers."""
    for a, b in itertools.combinations(sorted(evaluation.subjects), 2):
        one, two = evaluation.subjects[a], evaluation.subjects[b]
        if one.device.bus != two.device.bus or not {a, b} & suspects or type(one.device) is not type(two.device):
            continue
        same_model = one.profile.id == two.profile.id
        series: dict[Key, Series] = {}
        for name, other in ((a, b), (b, a)):
            if rounds := evaluation.rounds[other] if same_model else foreign.get((name, other)):
                size = len(evaluation.rounds[name])
                series |= {  # the counters of another model were read at other times
                    key: _length(evaluation.read(key, row, rounds) if same_model or not counts(row) else [], size)
                    for key, row in evaluation.rows.items()
                    if key[0] == name
                }
        if series:
            reason = codes.UNIT_IDS_SWAPPED(
                device=a, other_device=b, unit_id=one.device.unit_id, other_unit_id=two.device.unit_id
            )
            yield Hypothesis(reason, tuple(sorted({key[1] for key in series})), 2.0, series, tag=f"unit:{a}:{b}")


def _length(column: Series, size: int) -> Series:
    return [*column, *([None] * size)][:size]
