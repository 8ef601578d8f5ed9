"""Message of a dip, swell, interruption, rapid change or inrush, with the waveform around it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from agent.core.messages import Message
from drivers.reading import Quality
from dsp.events import Event, Kind

POINTS_MAX = 1024  # of each channel of a snapshot; longer ones are decimated
_DIGITS = 5


def event_message(
    asset: str, event: Event, rate_hz: float, utc_ms: Callable[[float], int], quality: Quality
) -> Message:
    """The message, whose time is the end of the event. utc_ms: sample position → UTC milliseconds."""
    unit = "a" if event.kind is Kind.INRUSH else "v"
    values: dict[str, Any] = {
        "event_kind": event.kind.name.lower(),
        "event_start_ms": utc_ms(event.start_index),
        "event_duration_s": round(event.duration_s, 4),
        "event_phases": list(event.phases),
        f"event_extreme_{unit}": _plain(event.extreme),
        f"event_reference_{unit}": _plain(event.reference),
        "event_extreme_pct": _plain(event.extreme_pct),
    }
    if event.kind is Kind.RAPID_CHANGE:
        values["event_steady_change_pct"] = _plain(event.steady_change_pct)
    if event.interruption_s:
        values["event_interruption_s"] = round(event.interruption_s, 4)
    values |= _snapshot(event, rate_hz, utc_ms)
    quality |= Quality.GAP if event.gap else Quality.GOOD
    return Message(asset, "event", utc_ms(event.end_index), values, quality=quality)


def _snapshot(event: Event, rate_hz: float, utc_ms: Callable[[float], int]) -> dict[str, Any]:
    count = event.snapshot.shape[1] if event.snapshot.ndim == 2 else 0
    if not count:
        return {}
    step = -(-count // POINTS_MAX)
    found: dict[str, Any] = {
        "snapshot_start_ms": utc_ms(event.snapshot_index),
        "snapshot_rate_hz": round(rate_hz / step, 6),
    }
    for number, row in enumerate(event.snapshot[:, ::step]):
        if not np.isnan(row).all():
            name = f"snapshot_{'ui'[number // 3]}_l{number % 3 + 1}_{'va'[number // 3]}"
            found[name] = [_plain(float(value)) for value in row]
    return found


def _plain(value: float) -> float | None:
    return float(f"{value:.{_DIGITS}g}") if np.isfinite(value) else None
