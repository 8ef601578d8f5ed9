"""The verdict on a saving (proven, not yet proven, negative) and its caveats."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from agent.savings import reasons as codes
from agent.savings.accounting.meter_uncertainty import MeterUncertainty
from agent.savings.baseline.baseline import STEADY
from agent.savings.records.model import Baseline, NonRoutineEvent, Saving
from drivers.reasons import Reason

if TYPE_CHECKING:
    from agent.savings.accounting.avoided_energy import IntervalResult

PROVEN, NOT_YET, NEGATIVE = "proven", "not_yet_proven", "negative"
COVERAGE_LEAST = 0.90
SHOWN = 4
SHOWN_WH = 50.0  # smallest energy of a caveat: less would be shown as 0.0 kWh
OUTSIDE_MUCH = 0.10  # share of the energy outside the baseline range from which advice is given
SLOW_S = 12 * 3600  # correlation time of the residuals from which it is a caveat: a month then has at most 60 of them
CV_MOST, NMBE_MOST = 0.30, 0.10  # ASHRAE guideline 14 for hourly values [M]


def verdict(saved_wh: float, u95_wh: float, intervals: int) -> str:
    if intervals == 0:
        return NOT_YET
    return PROVEN if saved_wh - u95_wh > 0 else NEGATIVE if saved_wh + u95_wh < 0 else NOT_YET


def caveats(
    saving: Saving,
    baseline: Baseline,
    lines: Sequence[IntervalResult],
    open_events: Iterable[NonRoutineEvent],
    meters: MeterUncertainty,
) -> list[Reason]:
    """What limits a saving, in the order in which a reader needs it."""
    found: list[Reason] = []
    if not lines:
        found.append(codes.NO_DATA())
    elif saving.intervals == 0:
        found.append(codes.NO_COMPARABLE_INTERVAL())
    if saving.verdict == NEGATIVE:
        found.append(codes.MORE_THAN_BASELINE())
    elif saving.verdict == NOT_YET and saving.intervals:
        found.append(codes.WITHIN_UNCERTAINTY(u95_wh=saving.u95_wh))
    if baseline.fallback:
        found.append(codes.BASELINE_SUBSTITUTE(cause=baseline.fallback))
    if baseline.n and baseline.kind == "constant" and baseline.cv_rmse > STEADY:
        found.append(codes.LOAD_UNEXPLAINED(cv=baseline.cv_rmse))
    if baseline.cv_rmse > CV_MOST or abs(baseline.nmbe) > NMBE_MOST:
        found.append(codes.POOR_BASELINE(cv_rmse=baseline.cv_rmse, nmbe=baseline.nmbe))
    if baseline.n and baseline.n / baseline.n_effective * baseline.length_s >= SLOW_S:
        found.append(codes.AUTOCORRELATED_RESIDUALS(n=baseline.n, n_effective=baseline.n_effective))
    found += _excluded_energy(lines)
    if advice := outside_baseline(lines):
        found.append(advice)
    if saving.coverage < COVERAGE_LEAST and lines:
        found.append(codes.LOW_COVERAGE(coverage=saving.coverage))
    if not meters.same and not baseline.fallback:
        found.append(codes.METER_CHANGED())
    waiting = list(open_events)
    found += [codes.EVENT_UNDECIDED(number=event.number, kind=event.kind, cause=event.cause)
              for event in waiting[:SHOWN]]  # fmt: skip
    if len(waiting) > SHOWN:
        found.append(codes.MORE_EVENTS_UNDECIDED(n=len(waiting) - SHOWN))
    return found


def _excluded_energy(lines: Sequence[IntervalResult]) -> list[Reason]:
    """The excluded energy by cause: the largest causes are named, the others are summed. A cause without energy is left
    out, except for intervals whose energy is not known."""
    by_cause: Counter[Reason] = Counter()
    for line in lines:
        if line.excluded:
            by_cause[codes.without_values(line.excluded)] += round(line.measured_wh or 0.0)
    sized = [(cause, wh) for cause, wh in by_cause.most_common() if abs(wh) >= SHOWN_WH]
    found = [codes.ENERGY_EXCLUDED(energy_wh=wh, cause=cause) for cause, wh in sized[:SHOWN]]
    if rest := sized[SHOWN:]:
        found.append(codes.MORE_ENERGY_EXCLUDED(energy_wh=sum(wh for _, wh in rest), n=len(rest)))
    if unknown := sum(line.measured_wh is None for line in lines):
        found.append(codes.INTERVALS_WITHOUT_ENERGY(n=unknown))
    return found


def outside_baseline(lines: Sequence[IntervalResult]) -> Reason | None:
    """How much energy was used outside the baseline range, and the largest cause; None when it is little."""
    total_wh = sum(line.measured_wh or 0.0 for line in lines)
    causes: Counter[Reason] = Counter()
    for line in lines:
        if line.excluded and (line.excluded.code in codes.OUT_OF_RANGE or line.excluded.code == codes.STATE_UNKNOWN):
            causes[codes.without_values(line.excluded)] += round(line.measured_wh or 0.0)
    outside_wh = causes.total()
    if not total_wh > 0 or outside_wh < OUTSIDE_MUCH * total_wh:
        return None
    cause, most_wh = causes.most_common(1)[0]
    return codes.OUTSIDE_BASELINE(share=outside_wh / total_wh, part=most_wh / outside_wh, cause=cause)
