"""What may be said of a saving in words: proven, not yet proven, negative, and everything that speaks against it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from agent.savings.baseline import STEADY
from agent.savings.meters import MeterDoubt
from agent.savings.models import HOLE
from agent.savings.types import Baseline, Event, Saving
from agent.words import counted, figure

if TYPE_CHECKING:
    from agent.savings.adjust import Line

PROVEN, NOT_YET, NEGATIVE = "proven", "not yet proven", "negative"
COVERAGE_LEAST = 0.90
SHOWN = 4
SHOWN_WH = 50.0  # of a reason: less is 0.0 kWh
BEYOND_MUCH = 0.10  # of the energy beyond the baseline's range, before advice is given
_UNKNOWN = "a state that the baseline does not know: "
SLOW_S = 12 * 3600  # τ of residuals, from which a reader is told; ours: then a month is worth sixty of them at most
CV_MOST, NMBE_MOST = 0.30, 0.10  # ASHRAE guideline 14 for hourly values [M]


def verdict(saved_wh: float, u95_wh: float, intervals: int) -> str:
    if intervals == 0:
        return NOT_YET
    return PROVEN if saved_wh - u95_wh > 0 else NEGATIVE if saved_wh + u95_wh < 0 else NOT_YET


def reasons(
    saving: Saving, baseline: Baseline, lines: Sequence[Line], open_events: Iterable[Event], doubt: MeterDoubt
) -> list[str]:
    """In the order in which a reader needs them."""
    found: list[str] = []
    if not lines:
        found.append("no data in this time")
    elif saving.intervals == 0:
        found.append("no interval could be compared with the baseline")
    if saving.verdict == NEGATIVE:
        found.append("more was used than the old plant would have used")
    elif saving.verdict == NOT_YET and saving.intervals:
        found.append(f"the doubt ({saving.u95_wh / 1000:.1f} kWh) is as large as the saving")
    if baseline.fallback:
        found.append(f"baseline: {baseline.fallback}")
    if baseline.n and baseline.kind == "constant" and baseline.cv_rmse > STEADY:
        found.append(f"the old load varied by {100 * baseline.cv_rmse:.0f} % and nothing is known of what it followed")
    if baseline.cv_rmse > CV_MOST or abs(baseline.nmbe) > NMBE_MOST:
        found.append(f"the baseline is poor: CV(RMSE) {100 * baseline.cv_rmse:.0f} %")
    if baseline.n and baseline.n / baseline.n_effective * baseline.length_s >= SLOW_S:
        found.append(
            f"what nobody measured hung together for long: the baseline's {baseline.n} intervals are worth "
            f"{baseline.n_effective:.0f} independent ones; U95 covers what comes and goes, not what drifts on"
        )
    found += _nothing_claimed(lines)
    if advice := beyond_advice(lines):
        found.append(advice)
    if saving.coverage < COVERAGE_LEAST and lines:
        found.append(f"only {100 * saving.coverage:.0f} % of the reporting time was measured")
    if not doubt.same and not baseline.fallback:
        found.append("another meter than in the baseline: both classes count in full")
    waiting = list(open_events)
    for event in waiting[:SHOWN]:
        found.append(f"event {event.number} waits for a decision: {event.kind}, {event.text}")
    if len(waiting) > SHOWN:
        found.append(f"and {len(waiting) - SHOWN} more events wait for a decision")
    return found


def _nothing_claimed(lines: Sequence[Line]) -> list[str]:
    """For how much energy and why; the largest reasons are named, of the rest the sum is told. A reason without energy
    takes nothing off the saving: it is left out, but for intervals whose energy is not known."""
    sized = [(why, wh) for why, wh in _excluded(lines).most_common() if abs(wh) >= SHOWN_WH]
    found = [f"nothing claimed for {figure(wh / 1000, 1)} kWh: {why}" for why, wh in sized[:SHOWN]]
    if rest := sized[SHOWN:]:
        rest_kwh = sum(wh for _, wh in rest) / 1000
        found.append(f"and {figure(rest_kwh, 1)} kWh for {counted(len(rest), 'other reason')}")
    if unknown := sum(line.measured_wh is None for line in lines):
        found.append(f"nothing claimed for {counted(unknown, 'interval')}: no energy is known")
    return found


def beyond_advice(lines: Sequence[Line]) -> str:
    """Which share lies where the baseline never was, of which driver, on which side, and what to do; empty: little."""
    whole = sum(line.measured_wh or 0.0 for line in lines)
    sides: Counter[str] = Counter()
    for line in lines:
        if side := _side(line.why):
            sides[side] += round(line.measured_wh or 0.0)
    beyond = sides.total()
    if not whole > 0 or beyond < BEYOND_MUCH * whole:
        return ""
    side, most = sides.most_common(1)[0]
    word = "all of it" if most == beyond else "most of it" if 2 * most > beyond else "first of all"
    share = f"{100 * beyond / whole:.0f} %"
    return (f"{share} of the energy was used where the baseline never was, {word} {side}: learn it "
            "over a full cycle of production (older history: magwatt import) or from times on bypass, or work out what "
            "the old plant would have used and decide the event with --adjust")  # fmt: skip


def _side(why: str) -> str:
    """In words, of a line that a driver keeps out; empty for others."""
    name, _, rest = why.partition(" ")
    if why.startswith(_UNKNOWN):
        return f"in a state that it does not know ({why.removeprefix(_UNKNOWN)})"
    if " is beyond " not in why:
        return ""
    value, _, limits = rest.partition(" is beyond ")
    if limits.startswith(HOLE):
        return f"with {name} between {limits.removeprefix(HOLE).strip()}"
    if "+" in name:
        return f"with {name.replace('+', ' and ')} as never seen together"
    low, _, high = limits.partition(" to ")
    return f"with {name} below {low}" if float(value) < float(low) else f"with {name} above {high}"


def _excluded(lines: Sequence[Line]) -> Counter[str]:
    """Energy by reason; a driver beyond its range is one reason, whatever its value was."""
    found: Counter[str] = Counter()
    for line in lines:
        if line.why:
            why = line.why
            if " is beyond " in why:
                names = why.split(" ", 1)[0]
                were = "were" if "+" in names else "was"
                why = f"{names.replace('+', ' and ')} {were} beyond {why.split(' is beyond ', 1)[1]}"
            elif why.startswith("only "):
                why = "too little of the time was polled"
            found[why] += round(line.measured_wh or 0.0)
    return found
