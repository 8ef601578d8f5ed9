"""From a motor's waveform to the pq3s and harmonics messages: dsp windows in, 3 s means out."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import numpy as np

from agent.messages import Message
from agent.metrics import by_name, rounded, rounded_all
from drivers.files import ROLES
from drivers.reading import Quality, Waveform
from dsp.stream import Flag, Stream, Window

log = logging.getLogger(__name__)

MEAN_S = 3.0  # 150/180 cycles of IEC 61000-4-30; on a drive's output as many whole windows
_FLAGS = (
    (Flag.GAP, Quality.GAP),
    (Flag.CLIPPED, Quality.CLIPPED),
    (Flag.SYNC_LOST, Quality.GAP),
    (Flag.MISSING_PHASE, Quality.UNVERIFIED),
    (Flag.UNSTEADY, Quality.UNVERIFIED),
)


class WaveformLane:
    """One motor's stream. Use from the computing thread; `emit` gets each finished message."""

    def __init__(self, asset: str, emit: Callable[[Message], None]) -> None:
        self._asset, self._emit = asset, emit
        self._stream: Stream | None = None
        self._channels: tuple[str, ...] = ()
        self._rate_hz = 0.0
        self._next = 0
        self._origin = (0, 0)  # (index, UTC ns) of the newest block's start
        self._windows: list[Window] = []
        self._quality = Quality.GOOD
        self._whole = True
        self._first = 0
        self.lost = 0

    def take(self, block: Waveform) -> None:
        if self._stream is None or block.channels != self._channels or block.rate_hz != self._rate_hz:
            self._start(block)
        assert self._stream is not None
        if block.index > self._next:
            missing = block.index - self._next
            self.lost += missing
            if missing > MEAN_S * self._rate_hz:
                self._publish()  # a mean over three seconds does not reach across a hole of that length
            self._stream.lost(missing)
        self._next = block.index + block.samples.shape[1]
        self._origin = (block.index - self._first, block.start_ns)
        self._quality |= block.quality
        for window in self._stream.push(self._rows(block)):
            if self._windows and window.end_index - self._windows[0].start_index > (MEAN_S + 0.5) * self._rate_hz:
                self._publish()
            self._windows.append(window)
            if window.end_index - self._windows[0].start_index >= (MEAN_S - 0.01) * self._rate_hz:
                self._publish()

    def _start(self, block: Waveform) -> None:
        self._channels, self._rate_hz, self._next = block.channels, block.rate_hz, block.index
        self._first = block.index  # dsp counts from here
        present = tuple(role in block.channels for role in ROLES)
        self._whole = all(present)  # totals of a motor need all three voltages and currents
        if not self._whole:
            missing = ", ".join(role for role in ROLES if role not in block.channels)
            log.warning("waveform %s: without %s there are no total powers; the stream has %s", self._asset, missing,
                        ", ".join(block.channels) or "no channels")  # fmt: skip
        limits = [float("nan")] * 6
        for name, limit in zip(block.channels, block.clipping, strict=False):
            if name in ROLES:
                limits[ROLES.index(name)] = limit
        self._stream = Stream(block.rate_hz, present=present, limits=limits)
        self._windows.clear()

    def _rows(self, block: Waveform) -> np.ndarray:
        if block.channels == ROLES:
            return block.samples
        rows = np.full((6, block.samples.shape[1]), np.nan)
        for number, name in enumerate(block.channels):
            if name in ROLES:
                rows[ROLES.index(name)] = block.samples[number]
        return rows

    def _publish(self) -> None:
        windows, quality = self._windows, self._quality
        self._windows, self._quality = [], Quality.GOOD
        if not windows:
            return
        index, start_ns = self._origin
        end_ms = (start_ns + round((windows[-1].end_index - index) / self._rate_hz * 1e9)) // 1_000_000
        for flag, seen in _FLAGS:
            if any(flag in window.flags for window in windows):
                quality |= seen
        usable = [window for window in windows if not window.flags & (Flag.GAP | Flag.SYNC_LOST)]
        each = sum(window.end_index - window.start_index for window in windows) / len(windows)
        left_out = max(len(windows), round(MEAN_S * self._rate_hz / each)) - len(usable)
        if left_out:
            quality |= Quality.GAP
        values = pq3s_values(usable, self._whole) if usable else dict.fromkeys(_PQ3S)
        values |= {"windows": len(windows), "windows_left_out": left_out}
        table = by_name("pq3s")
        shown = {name: None if value is None else rounded(table[name], value) for name, value in values.items()}
        self._emit(Message(self._asset, "pq3s", end_ms, shown, quality=quality))
        if usable:
            self._emit(Message(self._asset, "harmonics", end_ms, harmonics_values(usable), quality=quality))


def pq3s_values(windows: list[Window], whole: bool = True) -> dict[str, Any]:
    """3 s values: quadratic means (IEC 61000-4-30, 4.5 [M]), plain ones of powers and frequency.

    whole: whether all three phases are there; otherwise totals are None.
    """
    values: dict[str, Any] = {name: _aggregate(windows, *source) for name, source in _PQ3S.items()}
    return values if whole else values | dict.fromkeys(_TOTALS)


def harmonics_values(windows: list[Window]) -> dict[str, Any]:
    """Subgroups by order 0…50 for each phase; components where a window holds fewer than three cycles."""
    table = by_name("harmonics")
    values: dict[str, Any] = {"fundamental_hz": round(float(np.mean([window.frequency_hz for window in windows])), 4)}
    few = any(Flag.FEW_CYCLES in window.flags for window in windows)
    for letter, unit in (("u", "v"), ("i", "a")):
        field = f"{'h' if few else 'sg'}_{letter}_{unit}"
        mean = np.sqrt(np.mean([getattr(window, field) ** 2 for window in windows], axis=0))
        for phase in range(3):
            name = f"harmonic_{letter}_l{phase + 1}_{unit}"
            if not np.isnan(mean[phase]).all():
                values[name] = rounded_all(table[name], mean[phase].tolist())
    return values


def _aggregate(windows: list[Window], field: str, phase: int | None, quadratic: bool) -> float:
    rows = [getattr(window, field) for window in windows]
    picked = np.array([row if phase is None else row[phase] for row in rows], dtype=np.float64)
    return float(np.sqrt(np.mean(picked**2)) if quadratic else np.mean(picked))


_TOTALS = ("active_power_w", "reactive_power_fund_var", "apparent_power_va", "power_factor")
_PQ3S: dict[str, tuple[str, int | None, bool]] = {
    **{f"voltage_l{n + 1}n_v": ("u_rms_v", n, True) for n in range(3)},
    **{f"current_l{n + 1}_a": ("i_rms_a", n, True) for n in range(3)},
    "active_power_w": ("p_w", None, False),
    "reactive_power_fund_var": ("q1_var", None, False),
    "apparent_power_va": ("s_va", None, False),
    "power_factor": ("pf", None, False),
    "frequency_hz": ("frequency_hz", None, False),
    **{f"thd_u_l{n + 1}_pct": ("thd_u_pct", n, True) for n in range(3)},
    **{f"thd_i_l{n + 1}_pct": ("thd_i_pct", n, True) for n in range(3)},
    "voltage_positive_sequence_v": ("u1_v", None, True),
    "voltage_unbalance_pct": ("u2_pct", None, True),
    "voltage_zero_sequence_pct": ("u0_pct", None, True),
    "current_unbalance_pct": ("i2_pct", None, True),
    "current_zero_sequence_pct": ("i0_pct", None, True),
}
