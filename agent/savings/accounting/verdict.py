"""The verdict on a saving and its caveats."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from msgspec import Struct, field

from agent.savings import reasons as codes
from agent.savings.accounting.assumptions import open_reasons
from agent.savings.accounting.meter_uncertainty import MeterUncertainty
from agent.savings.records.model import Assumption, Baseline, NonRoutineEvent, Saving
from drivers.reasons import Reason

PROVEN, PROVISIONAL, NOT_PROVEN = "proven", "provisional", "not_proven"
NEGATIVE, UNDECIDED = "negative", "undecided"
COVERAGE_LEAST = 0.90  # share of the time; below it there is a caveat
NAMED_MAX = 4
NAMED_WH_MIN = 50.0  # smallest energy of a caveat: less would be 0.0 kWh in the text
OUTSIDE_MUCH = 0.10  # share of the energy outside the baseline range from which advice is given
SLOW_S = 12 * 3600  # correlation time of the residuals from which it is a caveat: a month then has at most 60 of them
# Causes of intervals outside the baseline, without their values
OUTSIDE = frozenset(
    (codes.BELOW_RANGE, codes.ABOVE_RANGE, codes.BELOW_RANGE_IN_STATE, codes.ABOVE_RANGE_IN_STATE,
     codes.IN_COVERAGE_GAP, codes.COMBINATION_UNKNOWN, codes.STATE_UNKNOWN)
)  # fmt: skip
CV_MOST, NMBE_MOST = 0.30, 0.10  # ASHRAE guideline 14 for hourly values [M]


class ExcludedEnergy(Struct):
    """The energy of all intervals, and of those that are not part of the saving.

    intervals: number of all intervals.
    total_wh: energy of all intervals, Wh.
    by_cause: energy of excluded intervals by cause, without the value of the driver, Wh.
    unknown: number of excluded intervals whose energy is not known.
    """

    intervals: int = 0
    total_wh: float = 0.0
    by_cause: Counter[Reason] = field(default_factory=Counter)
    unknown: int = 0

    def add(self, measured_wh: float | None, cause: Reason | None) -> None:
        """Adds an interval. cause: why it is excluded; None: it is part of the saving."""
        self.intervals += 1
        self.total_wh += measured_wh or 0.0
        self.unknown += measured_wh is None
        if cause is not None:
            self.by_cause[codes.without_values(cause)] += round(measured_wh or 0.0)


def verdict(
    saved_wh: float, u95_wh: float, intervals: int, assumptions: Sequence[Assumption], undecided: Reason | None = None
) -> str:
    """UNDECIDED if there is a reason for it; NEGATIVE if the saving is below −U95; if it is larger than U95, PROVEN
    without open assumptions and PROVISIONAL with them; otherwise NOT_PROVEN.

    Coverage and open events do not change the verdict; they are caveats.
    intervals: number of compared intervals; without any the verdict is NOT_PROVEN.
    undecided: what must be decided before the energies can be compared; None: nothing.
    """
    if undecided is not None:
        return UNDECIDED
    if intervals == 0:
        return NOT_PROVEN
    if saved_wh + u95_wh < 0:
        return NEGATIVE
    if saved_wh - u95_wh <= 0:
        return NOT_PROVEN
    return PROVISIONAL if open_reasons(assumptions) else PROVEN


def caveats(
    saving: Saving,
    baseline: Baseline,
    excluded: ExcludedEnergy,
    undecided: Sequence[NonRoutineEvent],
    meters: MeterUncertainty,
    cause: Reason | None = None,
) -> list[Reason]:
    """What limits a saving, in the order in which a reader needs it: the cause of UNDECIDED, the open assumptions, and
    the rest.
    """
    found = [*([cause] if cause else []), *open_reasons(saving.assumptions)]
    if not excluded.intervals:
        found.append(codes.NO_DATA())
    elif saving.intervals == 0:
        found.append(codes.NO_COMPARABLE_INTERVAL())
    if saving.verdict == NEGATIVE:
        found.append(codes.MORE_THAN_BASELINE())
    elif saving.verdict == NOT_PROVEN and saving.intervals:
        found.append(codes.WITHIN_UNCERTAINTY(u95_wh=saving.u95_wh))
    if baseline.fallback:
        found.append(codes.BASELINE_SUBSTITUTE(cause=baseline.fallback))
    if baseline.cv_rmse > CV_MOST or abs(baseline.nmbe) > NMBE_MOST:
        found.append(codes.POOR_BASELINE(cv_rmse=baseline.cv_rmse, nmbe=baseline.nmbe))
    if baseline.n and baseline.n / baseline.n_effective * baseline.length_s >= SLOW_S:
        found.append(codes.AUTOCORRELATED_RESIDUALS(n=baseline.n, n_effective=baseline.n_effective))
    found += _excluded_energy(excluded)
    if advice := outside_baseline(excluded):
        found.append(advice)
    if saving.coverage < COVERAGE_LEAST and excluded.intervals:
        found.append(codes.LOW_COVERAGE(coverage=saving.coverage))
    if not meters.same and not baseline.fallback:
        found.append(codes.METER_CHANGED())
    if meters.current_assumed and saving.intervals:
        found.append(codes.CURRENT_ASSUMED())
    found += [codes.EVENT_UNDECIDED(number=event.number, kind=event.kind, cause=event.cause)
              for event in undecided[:NAMED_MAX]]  # fmt: skip
    if len(undecided) > NAMED_MAX:
        found.append(codes.MORE_EVENTS_UNDECIDED(n=len(undecided) - NAMED_MAX))
    return found


def further_caveats(saving: Saving) -> list[Reason]:
    """The caveats that are shown apart from the verdict and the assumptions."""
    shown = open_reasons(saving.assumptions)
    found = [caveat for caveat in saving.caveats if caveat not in shown]
    return found[1:] if saving.verdict == UNDECIDED else found


def _excluded_energy(excluded: ExcludedEnergy) -> list[Reason]:
    """The excluded energy by cause: the largest causes are named, the others are summed. A cause without energy is left
    out, except for intervals whose energy is not known."""
    sized = [(cause, wh) for cause, wh in excluded.by_cause.most_common() if abs(wh) >= NAMED_WH_MIN]
    found = [codes.ENERGY_EXCLUDED(energy_wh=wh, cause=cause) for cause, wh in sized[:NAMED_MAX]]
    if rest := sized[NAMED_MAX:]:
        found.append(codes.MORE_ENERGY_EXCLUDED(energy_wh=sum(wh for _, wh in rest), n=len(rest)))
    if excluded.unknown:
        found.append(codes.INTERVALS_WITHOUT_ENERGY(n=excluded.unknown))
    return found


def outside_baseline(excluded: ExcludedEnergy) -> Reason | None:
    """How much energy was used outside the baseline range, and the largest cause; None when it is little."""
    causes = Counter({cause: wh for cause, wh in excluded.by_cause.items() if cause.code in OUTSIDE})
    outside_wh = causes.total()
    if not excluded.total_wh > 0 or outside_wh < OUTSIDE_MUCH * excluded.total_wh:
        return None
    cause, most_wh = causes.most_common(1)[0]
    return codes.OUTSIDE_BASELINE(share=outside_wh / excluded.total_wh, part=most_wh / outside_wh, cause=cause)
