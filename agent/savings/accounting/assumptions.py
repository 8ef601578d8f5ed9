"""The assumptions on which a saving rests: checked by the data, stated by the plant, or open.

IPMVP takes static factors as unchanged unless a non-routine adjustment is made [M]. Here each is named, and a saving is
only proven if none is open.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from agent.savings import reasons as codes
from agent.savings.accounting.driver_error import DriverError
from agent.savings.accounting.expired_times import ExpiredTime
from agent.savings.baseline.models import is_state
from agent.savings.records.model import Assumption, Baseline, StaticFactor
from drivers.reasons import Reason

OPEN, CHECKED, STATED, ACCEPTED = "open", "checked", "stated", "accepted"
DAY_MS = 86_400_000
YEAR_D = 365.2425  # mean Gregorian year
SEASON_D = 45  # half a season, in which the mean temperature of a continental climate moves by up to about 10 K [M]
TEMPERATURE_ENDS = ("_degc",)
# Of the names of signals that count a solid product; the flow of a fluid (m3/h, l/s) has no mix
PRODUCT_ENDS = (
    "_t", "_t_h", "_t_d", "_t_min", "_kg", "_kg_h", "_kg_min", "_kg_s", "_pcs", "_pcs_h", "_pcs_min", "_m_min",
    "_m_h", "_m2", "_m2_h", "_m2_min",
)  # fmt: skip
SHARE_ENDS = ("_pct",)
_ORDER = {OPEN: 0, STATED: 1, ACCEPTED: 2, CHECKED: 3}


def assumptions_of(
    baseline: Baseline,
    days: Collection[int],
    driver_errors: Mapping[str, DriverError],
    *,
    u95_wh: float,
    without_u95_wh: float,
    expired: Sequence[ExpiredTime] = (),
) -> tuple[Assumption, ...]:
    """The assumptions of a saving, open ones first.

    days: UTC days since 1970 with intervals of the saving; empty: the season is not judged.
    driver_errors: by name of the driver; of one that is missing nothing is known, one without any error cannot drift.
    u95_wh, without_u95_wh: U95 of the saving, and what it would be without changes of the errors of drivers, Wh.
    expired: times within the period in which a certificate of the meter has expired.
    """
    certificates = [Assumption("certificate", OPEN, time.reason) for time in expired]
    if not baseline.n:
        return (Assumption("driver", OPEN, codes.OLD_LOSSES_ASSUMED()), *certificates)
    stated = {factor.kind: factor for factor in baseline.static_factors}
    found = [_driver(baseline, stated.get("load")), *certificates]
    if days:
        found.append(_season(baseline, days, stated.get("ambient")))
    found += _calibration(baseline, driver_errors, u95_wh, without_u95_wh)
    found += _product_mix(baseline, stated)
    return tuple(sorted(found, key=lambda item: _ORDER[item.status]))


def open_reasons(assumptions: Sequence[Assumption]) -> list[Reason]:
    """The reasons of the open assumptions."""
    return [item.reason for item in assumptions if item.status == OPEN]


def described(item: Assumption) -> Reason:
    """An assumption as one line: its status, who stated it and when, and what is assumed."""
    status, reason = item.status, item.reason
    if item.at_ms is None:
        return codes.ASSUMPTION(status=status, reason=reason)
    return codes.ASSUMPTION_BY(status=status, by=item.by, at_ms=item.at_ms, reason=reason)


def _stated(kind: str, factor: StaticFactor, reason: Reason) -> Assumption:
    return Assumption(kind, STATED, reason, factor.by, factor.stated_ms)


def _driver(baseline: Baseline, load: StaticFactor | None) -> Assumption:
    if baseline.drivers:
        return Assumption("driver", CHECKED, codes.LOAD_MEASURED(drivers=baseline.drivers))
    if load is not None:
        return _stated("driver", load, codes.LOAD_CONSTANT(cv=baseline.cv_rmse))
    return Assumption("driver", OPEN, codes.NO_DRIVER(cv=baseline.cv_rmse))


def _season(baseline: Baseline, days: Collection[int], ambient: StaticFactor | None) -> Assumption:
    if temperatures := tuple(name for name in baseline.drivers if name.endswith(TEMPERATURE_ENDS)):
        return Assumption("season", CHECKED, codes.TEMPERATURE_MEASURED(drivers=temperatures))
    span_d = baseline.from_ms // DAY_MS, (baseline.to_ms - 1) // DAY_MS
    distances_d = [season_distance_d(day, *span_d) for day in days]
    most_d, far = round(max(distances_d)), sum(distance > SEASON_D for distance in distances_d)
    if not far:
        return Assumption("season", CHECKED, codes.SEASON_COVERED(most_d=most_d))
    if ambient is not None:
        return _stated("season", ambient, codes.AMBIENT_STATED(statement=ambient.statement))
    return Assumption("season", OPEN, codes.SEASON_NOT_COVERED(n=far, limit_d=SEASON_D, most_d=most_d))


def season_distance_d(day: int, first: int, last: int) -> float:
    """Days on the circle of the year between a day and the nearest day from `first` to `last`; days since 1970."""
    length, after = last - first, (day - first) % YEAR_D
    return 0.0 if length >= YEAR_D or after <= length else min(after - length, YEAR_D - after)


def _calibration(
    baseline: Baseline, errors: Mapping[str, DriverError], u95_wh: float, without_u95_wh: float
) -> Iterator[Assumption]:
    for k, name in enumerate(baseline.drivers):
        if is_state(baseline, k):
            continue
        error = errors.get(name)
        if error is not None and error.calibrated:
            yield Assumption("calibration", STATED, codes.DRIVER_CALIBRATED(driver=name, error=_size(error)))
        elif error is None or error.relative or error.absolute:  # a count cannot drift
            reason = codes.DRIVER_UNCALIBRATED(
                driver=name, error=_size(error), u95_wh=u95_wh, without_u95_wh=without_u95_wh
            )
            yield Assumption("calibration", OPEN, reason)


def _size(error: DriverError | None) -> Reason:
    if error is None:
        return codes.ERROR_UNKNOWN()
    relative, absolute = codes.ERROR_RELATIVE(share=error.relative), codes.ERROR_ABSOLUTE(value=error.absolute)
    if error.relative and error.absolute:
        return codes.ERROR_SUM(relative=relative, absolute=absolute)
    return absolute if error.absolute else relative


def _product_mix(baseline: Baseline, stated: Mapping[str, StaticFactor]) -> Iterator[Assumption]:
    names = baseline.drivers
    counted = [name for name in names if name.endswith(PRODUCT_ENDS)]
    if names and not counted:
        return
    telling = tuple(
        name for k, name in enumerate(names) if is_state(baseline, k) or (k > 0 and name.endswith(SHARE_ENDS))
    )
    if telling:
        yield Assumption("product_mix", CHECKED, codes.PRODUCT_MIX_MEASURED(drivers=telling))
    elif (mix := stated.get("product_mix")) is not None:
        yield _stated("product_mix", mix, codes.PRODUCT_MIX_STATED(statement=mix.statement))
    elif not names and (load := stated.get("load")) is not None:
        yield _stated("product_mix", load, codes.PRODUCT_MIX_CONSTANT())
    else:
        yield Assumption("product_mix", OPEN, codes.PRODUCT_MIX_UNKNOWN())
