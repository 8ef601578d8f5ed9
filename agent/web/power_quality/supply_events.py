"""Dips, swells and interruptions of a motor's supply: as points of duration and voltage, and as words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from msgspec import Struct

from agent.core.text import N_, Catalogue
from agent.web.power_quality.supply_headline import SupplyHeadline
from dsp.voltage_tolerance import ToleranceCurve

DAY_MS = 86_400_000
KINDS = {
    "dip": N_("voltage dip"),
    "swell": N_("voltage swell"),
    "interruption": N_("voltage interruption"),
    "rapid_change": N_("rapid voltage change"),
}
OUTCOMES = {"ran": N_("motor ran on"), "stopped": N_("motor stopped")}
NIGHT_FROM_H, NIGHT_TO_H = 20, 8  # local hours


class SupplyEvent(Struct):
    """t_ms: time of its message (its end), which identifies it. start_ms, duration_s: of the event.

    kind: key of KINDS. text: its name. pct: extreme voltage, % of the reference; of a rapid change its size.
    phases: 1 to 3. reference_v: what counts as 100 %.
    below_curve: whether a dip or interruption is lower than equipment must ride through; None: no dip.
    has_waveform: whether its waveform is kept.
    outcome: "ran": the motor took power before and after; "stopped": only before; None: not known.
    """

    t_ms: int
    start_ms: int
    duration_s: float | None
    kind: str
    text: str
    pct: float | None
    phases: list[int]
    reference_v: float | None
    below_curve: bool | None
    has_waveform: bool
    outcome: str | None = None


def supply_event(
    t_ms: int, values: Mapping[str, Any], has_waveform: bool, curve: ToleranceCurve, catalogue: Catalogue
) -> SupplyEvent | None:
    """From the values of an event message; None: it is no event of the supply."""
    kind = values.get("event_kind")
    if kind not in KINDS:
        return None
    duration_s, pct = values.get("event_duration_s"), values.get("event_extreme_pct")
    below = None
    if kind in ("dip", "interruption") and duration_s is not None and pct is not None:
        below = pct < curve.lowest_pct(duration_s)
    return SupplyEvent(
        t_ms, values.get("event_start_ms", t_ms), duration_s, kind, catalogue(KINDS[kind]), pct,
        list(values.get("event_phases") or ()), values.get("event_reference_v"), below, has_waveform,
    )  # fmt: skip


def worst_event(events: Iterable[SupplyEvent]) -> SupplyEvent | None:
    """The deepest dip or interruption; of equals the longest."""
    dips = [event for event in events if event.below_curve is not None]
    return min(dips, key=lambda event: (event.pct or 0.0, -(event.duration_s or 0.0)), default=None)


def night_headline(events: Sequence[SupplyEvent], now_ms: int, catalogue: Catalogue) -> SupplyHeadline:
    """What happened last night, else today, else before."""
    begin_ms, end_ms = last_night_ms(now_ms, catalogue.zone)
    night = [event for event in events if begin_ms <= event.start_ms < end_ms]
    today = [event for event in events if end_ms <= event.start_ms]
    if night:
        title = N_("Last night: {what}")
        detail = _detail(night, catalogue)
        if today:
            detail = catalogue(N_("{detail}; since then: {n:d}"), detail=detail, n=len(today))
        return SupplyHeadline(catalogue(title, what=_what(night, catalogue)), detail)
    if today:
        return SupplyHeadline(catalogue(N_("Today: {what}"), what=_what(today, catalogue)), _detail(today, catalogue))
    if events:
        last = max(events, key=lambda event: event.start_ms)
        figures = _figures(last, catalogue)
        before = catalogue(N_("the last one: {day:local}, {figures}"), day=last.start_ms, figures=figures)
        return SupplyHeadline(catalogue(N_("Last night: no event")), before)
    return SupplyHeadline(catalogue(N_("Last night: no event")), catalogue(N_("none in 30 days")))


def last_night_ms(now_ms: int, zone: tzinfo) -> tuple[int, int]:
    """Start and end of the night before the present day, 20:00 to 08:00 on the plant's clock, UTC milliseconds."""
    today = datetime.fromtimestamp(now_ms / 1000, UTC).astimezone(zone).replace(minute=0, second=0, microsecond=0)
    begin = (today - timedelta(days=1)).replace(hour=NIGHT_FROM_H)
    return round(begin.timestamp() * 1000), round(today.replace(hour=NIGHT_TO_H).timestamp() * 1000)


def _what(events: Sequence[SupplyEvent], catalogue: Catalogue) -> str:
    return events[0].text if len(events) == 1 else catalogue(N_("{n:d} events"), n=len(events))


def _detail(events: Sequence[SupplyEvent], catalogue: Catalogue) -> str:
    """Time, voltage and duration of the only event, or of the worst one."""
    shown = worst_event(events) or events[-1]
    clock = datetime.fromtimestamp(shown.start_ms / 1000, UTC).astimezone(catalogue.zone).strftime("%H:%M:%S")
    figures = f"{clock}, {_figures(shown, catalogue)}"
    return figures if len(events) == 1 else catalogue(N_("worst: {figures}"), figures=figures)


def _figures(event: SupplyEvent, catalogue: Catalogue) -> str:
    """Such as "62 %, 0.14 s, L1 L2 L3, motor ran on"."""
    parts = [] if event.pct is None else [f"{event.pct:.0f} %"]
    parts += [] if event.duration_s is None else [f"{event.duration_s:.2f} s"]
    parts += [" ".join(f"L{phase}" for phase in event.phases)] if event.phases else []
    parts += [catalogue(OUTCOMES[event.outcome])] if event.outcome else []
    return catalogue.translate(", ").join(parts)
