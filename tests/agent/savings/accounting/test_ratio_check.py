"""A wrong transformer ratio leaves no verdict; an ordinary saving and what a drive confirms raise no question."""

from __future__ import annotations

from itertools import product
from random import Random

import pytest
from msgspec.structs import replace
from support.accounting import evaluate
from support.ratio_history import BEGIN_MS, FLOW, after, baseline

from agent.savings import reasons
from agent.savings.accounting.avoided_energy import SavingsAccumulator
from agent.savings.records.model import Baseline, Interval, NonRoutineEvent
from agent.savings.records.non_routine_events import decided

PAIRS = {"150/400": 0.375, "200/400": 0.5, "250/400": 0.625, "300/400": 0.75, "500/400": 1.25, "600/400": 1.5}
SAVINGS = (0.0, 0.05, 0.1, 0.15, 0.2)
# Measured over adjusted energy is asked outside 0.78 to 1.15 (issue 17); in one hour it scatters by 1.4 %, and a saving
# of 20 % is 0.80. Between asked and not asked either is right.
ASKED, NOT_ASKED = (0.72, 1.2), (0.83, 1.11)


def verdict(of: Baseline, items: list[Interval], events: tuple[NonRoutineEvent, ...] = ()) -> str:
    return evaluate(of, items, events=events)[0].verdict


def tally_of(of: Baseline, items: list[Interval], events: tuple[NonRoutineEvent, ...] = ()) -> SavingsAccumulator:
    tally = SavingsAccumulator(of, events=events)
    for item in items:
        tally.add(item)
    return tally


def asked(tally: SavingsAccumulator) -> bool:
    return tally.ratio.question(tally.events) is not None


def times(factor: float, items: list[Interval]) -> list[Interval]:
    return [replace(item, energy_wh=factor * (item.energy_wh or 0.0)) for item in items]


def stored(tally: SavingsAccumulator, *events: NonRoutineEvent) -> tuple[NonRoutineEvent, ...]:
    """The events after the changed ones were stored."""
    found = {event.number: event for event in events}
    for event in tally.ratio.changed_events(events):
        number = event.number or 1 + max(found, default=0)
        found[number] = replace(event, number=number)
    return tuple(found.values())


def keep(event: NonRoutineEvent, decision: str = "keep") -> NonRoutineEvent:
    return decided(event, decision, "Li Wei", "checked", BEGIN_MS)


@pytest.mark.parametrize("length_s", [600, 900, 3600])
@pytest.mark.parametrize(("pair", "saving"), list(product(PAIRS, SAVINGS)))
def test_a_wrong_ratio_is_found_in_the_first_hour_where_energies_show_it(
    pair: str, saving: float, length_s: int
) -> None:  # fmt: skip
    ratio = PAIRS[pair] * (1 - saving)
    for seed in range(5):
        found = verdict(baseline(seed, length_s), after(seed, 1, PAIRS[pair], saving, length_s))
        if ratio <= ASKED[0] or ratio >= ASKED[1]:
            assert found == "undecided"
        elif NOT_ASKED[0] <= ratio <= NOT_ASKED[1]:
            assert found != "undecided"


@pytest.mark.parametrize("seed", range(5))
def test_a_ratio_of_300_to_400_without_a_saving_is_found_within_a_day(seed: int) -> None:
    assert verdict(baseline(seed), after(seed, 24, 0.75)) == "undecided"


@pytest.mark.parametrize("factor", [0.77, 1.17])
def test_a_constant_factor_beyond_the_limits_is_always_asked(factor: float) -> None:
    for seed in range(5):
        assert verdict(baseline(seed, 3600), after(seed, 30 * 24, factor, length_s=3600)) == "undecided"


def retrofits_asked(seeds: range) -> int:
    """Number of retrofits that save 0 to 20 %, some of them more at small loads, whose verdict is undecided."""
    found = 0
    for seed in seeds:
        rng = Random(seed)
        saving, dependence = rng.uniform(0, 0.2), rng.choice((0.0, 0.5, 1.0))
        found += asked(tally_of(baseline(seed % 20, 3600), after(seed, 14 * 24, 1.0, saving, 3600, dependence)))
    return found


def test_ordinary_retrofits_have_a_verdict() -> None:
    assert retrofits_asked(range(100)) <= 1


@pytest.mark.soak
def test_at_most_one_of_a_hundred_ordinary_retrofits_is_undecided() -> None:
    assert retrofits_asked(range(1000)) <= 10


def test_a_caveat_names_the_factor_and_the_command() -> None:
    caveat = evaluate(baseline(1), after(1, 4, 0.5))[0].caveats[0]
    assert caveat.code == reasons.RATIO_NOT_NUMBERED
    assert caveat.data["factor"] == pytest.approx(0.5, rel=0.05)
    assert caveat.data["from_ms"] == BEGIN_MS
    assert "magwatt adjustment list pump" in str(caveat)


def test_a_decision_closes_the_question() -> None:
    of, items = baseline(1), after(1, 48, 0.5)
    [event] = stored(tally_of(of, items))
    assert (event.kind, event.from_ms, event.to_ms, event.proposal) == ("ct_ratio", BEGIN_MS, None, "exclude")
    waiting = evaluate(of, items, events=(event,))[0]
    assert (waiting.verdict, waiting.intervals) == ("undecided", 0)
    assert waiting.caveats[0].data["number"] == 1
    assert [caveat.code for caveat in waiting.caveats].count(reasons.EVENT_UNDECIDED) == 0, "it is named once"
    kept = evaluate(of, items, events=(keep(event),))[0]
    assert kept.verdict not in ("undecided", "negative")
    assert kept.share == pytest.approx(0.5, abs=0.03)
    excluded = evaluate(of, items, events=(keep(event, "exclude"),))[0]
    assert (excluded.verdict != "undecided", excluded.intervals) == (True, 0)


@pytest.mark.parametrize("factor", [0.5, 0.75, 1.5])
def test_a_change_within_a_period_is_found_in_an_hour_and_ends_with_its_correction(factor: float) -> None:
    of, items = baseline(1), after(1, 24 * 12, 1.0, 0.08)
    first, last = 96 * 5 + 40, 96 * 8 + 10
    wrong = items[:first] + times(factor, items[first:last]) + items[last:]
    assert not asked(tally_of(of, wrong[:first]))
    tally = tally_of(of, wrong[: first + 6])  # an hour, and intervals at a load that had not occurred before
    assert asked(tally)
    [opened] = stored(tally)
    assert opened.from_ms == wrong[first].start_ms
    later = tally_of(of, wrong, (opened,))
    [ended] = stored(later, opened)
    assert ended.to_ms == wrong[last].start_ms
    assert asked(later), "what was measured with the wrong ratio is still in question"
    saving = evaluate(of, wrong, events=(keep(ended, "exclude"),))[0]
    assert saving.verdict != "undecided"
    assert saving.share == pytest.approx(0.08, abs=0.02)


def test_a_kept_factor_does_not_answer_for_a_later_one() -> None:
    of, items = baseline(1), after(1, 24 * 12)
    wrong = times(0.6, items[: 96 * 6]) + times(0.3, items[96 * 6 :])
    [event] = stored(tally_of(of, wrong[: 96 * 6]))
    tally = tally_of(of, wrong, (keep(event),))
    assert asked(tally)
    assert [event.from_ms for event in stored(tally, keep(event))] == [BEGIN_MS, items[96 * 6].start_ms]


@pytest.mark.parametrize("hours", [2, 24 * 5])
def test_another_meter_with_a_wrong_ratio_is_found_in_its_first_hour(hours: int) -> None:
    of, items, cut = baseline(1), after(1, hours + 1), 4 * hours
    exchanged = [replace(item, meter="mcc-1 2 400/5") for item in times(0.5, items[cut:])]
    tally = tally_of(of, items[:cut] + exchanged)
    assert asked(tally)
    [event] = stored(tally)
    assert event.from_ms == items[cut].start_ms


def test_a_meter_with_a_wrong_ratio_that_is_corrected_by_its_configuration() -> None:
    """Another ratio in the identity of the meter starts another comparison."""
    of, items, cut = baseline(1), after(1, 24 * 8, 1.0, 0.08), 96 * 2
    fixed = [replace(item, meter="mcc-1 1 200/5") for item in items[cut:]]
    tally = tally_of(of, times(0.5, items[:cut]) + fixed)
    [event] = stored(tally)
    assert (event.from_ms, event.to_ms) == (BEGIN_MS, items[cut].start_ms)


def test_a_large_saving_that_the_drive_confirms_is_no_question() -> None:
    of, items = baseline(1), after(1, 24 * 3, 1.0, 0.47)
    assert asked(tally_of(of, items)), "without a drive it is asked"
    by_drive = [replace(item, drive_output_wh=0.96 * (item.energy_wh or 0.0)) for item in items]
    assert not asked(tally_of(of, by_drive))
    half = [replace(item, energy_wh=0.5 * (item.energy_wh or 0.0)) for item in by_drive]
    assert asked(tally_of(of, half)), "the drive contradicts the meter"
    few = [item if k % 3 == 0 else replace(item, drive_output_wh=None) for k, item in enumerate(by_drive)]
    assert asked(tally_of(of, few)), "the drive was read in a third of the time only"


@pytest.mark.parametrize("factor", [0.75, 0.8, 1.25])
def test_a_drive_with_the_error_of_a_power_estimate_confirms_no_wrong_ratio(factor: float) -> None:
    """±5 % of the power that the drive computes, and 3 % losses."""
    for drive in (0.97 * 0.95, 0.97 * 1.05):
        items = [replace(item, drive_output_wh=drive * (item.energy_wh or 0.0)) for item in after(1, 24)]
        tally = tally_of(baseline(1), times(factor, items))
        assert tally.ratio.question(()) is not None or 0.78 <= factor <= 1.15


@pytest.mark.parametrize(
    ("factor", "error"),
    [(0.75, 0.95), (0.75, 1.05), (0.8, 0.95), (0.8, 1.05), (0.833, 1.0), (1.2, 1.0), (1.25, 0.95), (1.25, 1.05)],
)
def test_the_drive_shows_a_wrong_ratio_that_baseline_and_saving_hide(factor: float, error: float) -> None:
    """R is 0.91, that of a saving of 9 %: the ratio was as wrong when the baseline was learned."""
    true = after(1, 24 * 2, 1.0, 0.09)
    items = [replace(item, drive_output_wh=0.97 * error / factor * (item.energy_wh or 0.0)) for item in true]
    tally = tally_of(baseline(1), items)
    assert asked(tally)
    events = stored(tally)
    question = tally.ratio.question(events)
    assert question is not None
    assert question.code == reasons.RATIO_CONTRADICTED
    assert verdict(baseline(1), items, events) == "undecided"
    assert verdict(baseline(1), items, tuple(map(keep, events))) != "undecided"
    assert not asked(tally_of(baseline(1), items[: 4 * 20])), "not before a day"


@pytest.mark.parametrize("share", [0.86, 0.92, 0.97, 1.02, 1.07])
def test_the_energy_of_an_ordinary_drive_is_no_question(share: float) -> None:
    items = [replace(item, drive_output_wh=share * (item.energy_wh or 0.0)) for item in after(1, 24 * 2, 1.0, 0.09)]
    assert not asked(tally_of(baseline(1), items))


def test_the_losses_of_a_drive_at_a_small_load_are_no_contradiction() -> None:
    """Output 0.80 and losses 0.20 of the energy are a whole; without the losses the drive would lack a fifth."""
    items = [
        replace(item, drive_output_wh=0.80 * (item.energy_wh or 0.0), drive_loss_wh=0.20 * (item.energy_wh or 0.0))
        for item in after(1, 24 * 2, 1.0, 0.09)
    ]
    assert not asked(tally_of(baseline(1), items))
    assert asked(tally_of(baseline(1), [replace(item, drive_loss_wh=0.03 * (item.energy_wh or 0.0)) for item in items]))


def test_a_saving_that_depends_on_the_load_is_asked_only_while_small_loads_are_all_that_is_known() -> None:
    """The night saves 28 %, the day 9 %: 17 % in all."""
    of, items = baseline(1), after(1, 24 * 5, 1.0, 0.17, dependence=2.5)
    tally, events = SavingsAccumulator(of), tuple[NonRoutineEvent, ...]()
    for item in items:
        tally.add(item)
        events = stored(tally, *events)
    assert not asked(tally)
    assert all(event.to_ms is not None for event in events)


def test_without_a_driver_a_day_is_compared_unless_the_load_is_constant() -> None:
    items = [replace(item, drivers={}) for item in after(1, 25, 0.375)]
    unknown, stated = baseline(1, by_flow=False), baseline(1, by_flow=False, load_stated=True)
    assert not asked(tally_of(unknown, items[: 4 * 23]))
    assert asked(tally_of(unknown, items))
    assert asked(tally_of(stated, items[:4]))


def test_intervals_that_cannot_be_compared_are_no_evidence() -> None:
    of = baseline(1)
    flagged = [replace(item, flags=("ct_wiring",)) for item in after(1, 24, 0.5)]
    outside = [replace(item, drivers={FLOW: item.drivers[FLOW]._replace(mean=5000.0)}) for item in after(1, 24, 0.5)]
    started = [replace(item, running_s=450.0) for item in after(1, 24, 0.5)]
    for items in (flagged, outside, started):
        assert not asked(tally_of(of, items))


def test_a_question_of_the_drive_leaves_no_verdict() -> None:
    of, items = baseline(1), after(1, 24)
    event = NonRoutineEvent(1, "pump", "ct_ratio", BEGIN_MS, None, reasons.CT_RATIO(), 0.0, "exclude")
    found = evaluate(of, items, events=(event,))[0]
    assert (found.verdict, found.caveats[0].code) == ("undecided", reasons.EVENT_UNDECIDED)
    assert verdict(of, items, (keep(event),)) != "undecided"


def test_a_copy_is_independent() -> None:
    items = after(1, 24, 0.5)
    tally = tally_of(baseline(1), items[:3])
    branch = tally.copy()
    branch.add(items[3])
    assert (asked(tally), asked(branch)) == (False, True)


def test_energy_added_in_an_earlier_month_leaves_no_verdict_in_a_later_one() -> None:
    of, items = baseline(3), after(3, 2, factor=0.72)
    first_ms, end_ms = items[0].start_ms, items[-1].end_ms
    wrong = NonRoutineEvent(1, "pump", "ct_ratio", first_ms, None, reasons.CT_RATIO(), 0.0, "exclude")
    added = decided(wrong, "adjust", "Li Wei", "the meter was set to 300/5", BEGIN_MS, -1e4)

    def first_caveat(event: NonRoutineEvent, from_ms: int) -> str:
        saving = tally_of(of, items, (event,)).saving((from_ms, end_ms))
        return saving.caveats[0].code if saving.verdict == "undecided" else ""

    earlier = reasons.RATIO_ADJUSTED_EARLIER
    assert first_caveat(added, first_ms) == "", "the month in which the event began contains the energy"
    assert first_caveat(added, first_ms + 1) == earlier
    assert first_caveat(replace(added, to_ms=end_ms), first_ms + 1) == earlier
    assert first_caveat(replace(added, from_ms=first_ms - 10, to_ms=first_ms), first_ms + 1) != earlier
    assert first_caveat(keep(wrong, "exclude"), first_ms + 1) == ""
