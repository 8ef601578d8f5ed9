"""The supply of a motor now: phasors, harmonics, their limits, and the headlines of the view."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from agent.analysis.condition.phase_loss import phases_without_current
from agent.core.text import N_, Catalogue
from agent.web.base.context import Web
from agent.web.base.motors import Entry
from agent.web.plant.motor_rows import UNUSABLE_S
from agent.web.power_quality.harmonic_headlines import harmonic_headline, thd_headline, unbalance_headline
from agent.web.power_quality.harmonics import Spectrum, largest, spectrum
from agent.web.power_quality.phasors import Phasors, phasors_of_meter, phasors_of_waveform
from agent.web.power_quality.supply_headline import SupplyHeadline
from agent.web.power_quality.supply_limits import CHOICES, ShownLimits, default_standard, shown_limits

STALE_S = 9.0  # three intervals of 3 s
PLACES = {
    "drive-input": N_("at the drive's input"),
    "motor": N_("at the motor's terminals"),
    "drive-output": N_("at the drive's output"),
    "feeder": N_("at the feeder"),
}
NO_DEVICE = N_(
    "A waveform device is missing: it sends samples of three voltages and three currents (EWS/1, at 2.5 kS/s or more), "
    "measured at the drive's input or, without a drive, at the motor."
)
NO_SAMPLES = N_("The waveform device of this motor has sent nothing yet.")
NO_SAMPLES_SINCE = N_("The waveform device of this motor has sent nothing usable since {t_ms:local}.")
DRIVE_OUTPUT = N_("There are no limits at the output of a drive: its voltage is pulse-width modulated.")
NO_CURRENT_LIMIT = N_(
    "No limit of the current is shown: IEC 61000-3-12 needs the short-circuit ratio Rsce, IEEE 519 Isc/IL, and "
    "GB/T 14549 the short-circuit capacity or the share in the contract; none of them is configured."
)


class LimitSet(Struct):
    """The limits of one standard and the headlines with them.

    place: text where the standard does not apply inside the plant. rule: which share of the values must comply.
    """

    limits: ShownLimits
    place: str | None
    rule: str
    headlines: list[SupplyHeadline]


class SupplyNow(Struct):
    """t_ms: end of the 3 s, or time of the meter's values. event_ms: of the newest event message.

    window_s: 3 with samples; None: the values are of the meter. stale: too old to be called present.
    has_device: whether a waveform device is configured. place: where it measures, in words.
    phasors, u, i: None: unknown. why_no_…: a sentence; None: there are some.
    standards: limits to choose from, the default first; headlines: those without limits.
    """

    id: str
    t_ms: int | None
    event_ms: int | None
    window_s: int | None
    stale: bool
    has_device: bool
    place: str | None
    phasors: Phasors | None
    u: Spectrum | None
    i: Spectrum | None
    why_no_harmonics: str | None
    why_no_limits: str | None
    why_no_current_limits: str
    standards: list[LimitSet]
    headlines: list[SupplyHeadline]


def supply_now(web: Web, entry: Entry, catalogue: Catalogue) -> SupplyNow:
    """From the newest messages. Without samples: from the values of the meter."""
    point = waveform_point(entry)
    message, age_s = entry.messages.get("pq3s", {}), _age_s(entry)
    sampled = age_s <= UNUSABLE_S and any(value is not None for value in message.get("v", {}).values())
    pq3s, harmonics = (entry.messages.get(kind, {}).get("v", {}) if sampled else {} for kind in ("pq3s", "harmonics"))
    telemetry = entry.messages.get("telemetry", {})
    phasors = phasors_of_waveform(pq3s, harmonics) if sampled else phasors_of_meter(telemetry.get("v", {}))
    u, i = (spectrum(harmonics, pq3s, kind) for kind in "ui")
    t_ms = message.get("t") if sampled else telemetry.get("t") if phasors else None
    place = point if sampled else entry.messages.get("meta", {}).get("meter", {}).get("measuring_point")
    measured = phasors, u, i, telemetry.get("v", {})
    return SupplyNow(
        id=entry.id, t_ms=t_ms, event_ms=entry.messages.get("event", {}).get("t"), window_s=3 if sampled else None,
        stale=sampled and age_s > STALE_S, has_device=point is not None,
        place=catalogue(PLACES[place]) if place in PLACES else None, phasors=phasors, u=u, i=i,
        why_no_harmonics=None if u or i else _why_no_harmonics(point, message.get("t"), catalogue),
        why_no_limits=catalogue(DRIVE_OUTPUT) if point == "drive-output" else None,
        why_no_current_limits=catalogue(NO_CURRENT_LIMIT),
        standards=[] if point == "drive-output" else _limit_sets(web, entry, measured, catalogue),
        headlines=_headlines(*measured, None, catalogue),
    )  # fmt: skip


def _age_s(entry: Entry) -> float:
    """Since the last pq3s message arrived; infinite: none did."""
    received_s = entry.followed.received_s.get("pq3s") if entry.followed else None
    return math.inf if received_s is None else time.monotonic() - received_s


def _why_no_harmonics(point: str | None, t_ms: int | None, catalogue: Catalogue) -> str:
    if point is None:
        return catalogue(NO_DEVICE)
    return catalogue(NO_SAMPLES) if t_ms is None else catalogue(NO_SAMPLES_SINCE, t_ms=t_ms)


def waveform_point(entry: Entry) -> str | None:
    """Where the samples of the motor are taken: drive-input, motor or drive-output; None: it has no waveform device."""
    if entry.asset is not None:
        motor = entry.asset.motor
        return motor.waveform.measuring_point if motor and motor.waveform else None
    found = entry.messages.get("meta", {}).get("motor", {}).get("waveform_measuring_point")
    return found if isinstance(found, str) else "drive-input" if "harmonics" in entry.messages else None


def _headlines(
    phasors: Phasors | None, u: Spectrum | None, i: Spectrum | None, telemetry: Mapping[str, Any],
    limits: ShownLimits | None, catalogue: Catalogue,
) -> list[SupplyHeadline]:  # fmt: skip
    u_pct = u.worst_thd_pct if u else largest([telemetry.get(f"thd_u_l{n}_pct") for n in (1, 2, 3)])
    with_current = {1, 2, 3} - phases_without_current(telemetry)
    i_pct = i.worst_thd_pct if i else largest([telemetry.get(f"thd_i_l{n}_pct") for n in with_current])
    return [
        harmonic_headline(u, i, limits, catalogue),
        thd_headline(u_pct, i_pct, limits, catalogue),
        unbalance_headline(phasors, limits, catalogue),
    ]


def _limit_sets(
    web: Web, entry: Entry, measured: tuple[Phasors | None, Spectrum | None, Spectrum | None, Mapping[str, Any]],
    catalogue: Catalogue,
) -> list[LimitSet]:  # fmt: skip
    """The default standard first; those that do not cover the voltage are left out."""
    first = default_standard(web.zone)
    found = [shown_limits(key, _nominal_v(entry)) for key in sorted(CHOICES, key=lambda key: key != first)]
    return [
        LimitSet(
            limits, None if limits.in_plant else catalogue(N_("for the point of common coupling")),
            _rule(limits, catalogue), _headlines(*measured, limits, catalogue),
        )
        for limits in found if limits is not None
    ]  # fmt: skip


def _rule(limits: ShownLimits, catalogue: Catalogue) -> str:
    interval = f"{limits.interval_s // 60} min" if limits.interval_s >= 60 else f"{limits.interval_s} s"
    return catalogue(
        N_("{percent:g} % of the {interval} values of {days:d} d must comply; bars: the last 3 s"),
        percent=limits.percent, interval=interval, days=limits.period_s // 86400,
    )  # fmt: skip


def _nominal_v(entry: Entry) -> float | None:
    """The declared line voltage of the supply; None: not stated."""
    motor = entry.asset.motor if entry.asset else None
    if motor is None or motor.waveform is None:
        return None
    return motor.waveform.supply_v or (motor.volts if motor.waveform.measuring_point == "motor" else None)
