"""Messages pq3s, harmonics, pq10m and event from the waveform of one motor."""

from __future__ import annotations

import logging
import math
from collections import Counter, deque
from collections.abc import Callable
from typing import Any

import numpy as np

from agent.analysis.power_quality.declared_supply import supply_of
from agent.analysis.power_quality.event_message import event_message
from agent.analysis.power_quality.messages import (
    distortion,
    harmonics_values,
    pq3s_values,
    pq10m_values,
    rounded_values,
    rows_of,
    unknown_pq3s_values,
)
from agent.analysis.power_quality.motor_stream import LEFT_OUT, quality_of, stream_of
from agent.config.model import Motor
from agent.core.messages import Message
from drivers.reading import Quality, Waveform
from drivers.recordings.recording import ROLES
from dsp.aggregate import TEN_MINUTES_S, WINDOWS, AggregationInterval, Aggregator, is_flagged, row_of
from dsp.flicker import RATE_MIN_HZ, plt
from dsp.stream import Flag, Stream, Window

log = logging.getLogger(__name__)

STEP_S = 10.0  # a larger difference is a clock step: a delayed stream is late by a few seconds only
TICK_AHEAD_S = 2.0  # time before its samples at which the stream learns the position of a 10 min tick
KEPT_WINDOWS = 2 * WINDOWS + 2  # two 3 s intervals overlap at a tick


class WaveformChannel:
    """Stream of one motor, for the pipeline thread. `emit` receives the messages. lost: missing samples."""

    def __init__(self, asset: str, emit: Callable[[Message], None], motor: Motor | None = None) -> None:
        self._asset, self._emit = asset, emit
        self._supply = supply_of(motor)
        self._stream: Stream | None = None
        self._channels: tuple[str, ...] = ()
        self._rate_hz = 0.0
        self._next = 0
        self._origin = (0, 0)  # start of the latest block: index, UTC ns
        self._recent: deque[tuple[float, float, Window]] = deque(maxlen=KEPT_WINDOWS)
        self._aggregator = Aggregator.of_windows()
        self._tick: tuple[float, float] = (math.inf, math.inf)  # sample and UTC second of the last announced tick
        self._quality = self._quality_10m = Quality.GOOD
        self._windows_10m = Counter[Flag]()  # flags of a window → number of windows in the current 10 min interval
        self._aliasing_logged = False
        self._pst: np.ndarray = np.full(3, np.nan)  # of the current 10 min interval
        self._psts: deque[np.ndarray] = deque(maxlen=12)
        self._all_phases = True
        self._first = 0
        self.lost = 0

    def on_block(self, block: Waveform) -> None:
        if self._stream is None or block.channels != self._channels or block.rate_hz != self._rate_hz:
            self._start(block)
        elif abs(block.start_ns / 1e9 - self._at_s(block.index - self._first)) > STEP_S:
            self._clock_stepped()
        assert self._stream is not None
        if block.index > self._next:
            missing = block.index - self._next
            self.lost += missing
            self._stream.lost(missing)
        self._next = block.index + block.samples.shape[1]
        self._origin = (block.index - self._first, block.start_ns)
        self._quality |= block.quality
        self._announce_tick(block.samples.shape[1])
        for window in self._stream.push(rows_of(block)):
            self._window(window)
        for event in self._stream.cut_short():
            self._emit(event_message(self._asset, event, self._rate_hz, self._utc_ms, block.quality))

    def _start(self, block: Waveform) -> None:
        self._channels, self._rate_hz, self._next = block.channels, block.rate_hz, block.index
        self._first = block.index  # index 0 of dsp
        present = tuple(role in block.channels for role in ROLES)
        self._all_phases = all(present)  # total powers need all three voltages and currents
        if not self._all_phases:
            missing = ", ".join(role for role in ROLES if role not in block.channels)
            log.warning("waveform %s: no total powers because %s are missing; the stream has %s", self._asset, missing,
                        ", ".join(block.channels) or "no channels")  # fmt: skip
        if self._supply is not None and block.rate_hz < RATE_MIN_HZ:
            log.warning("waveform %s: no flicker, because it needs %g samples per second; the stream has %g",
                        self._asset, RATE_MIN_HZ, block.rate_hz)  # fmt: skip
        self._stream = stream_of(block, self._supply)
        self._aggregator = Aggregator.of_windows()
        self._recent.clear()
        self._tick = (math.inf, math.inf)

    # --- time

    def _utc_s(self, index: float) -> float:
        """UTC of a sample position. A position stays on its side of the last tick, also when the clock drifts."""
        at_s = self._at_s(index)
        tick_index, tick_s = self._tick
        return max(at_s, tick_s) if index >= tick_index - 0.5 else min(at_s, tick_s)

    def _at_s(self, index: float) -> float:
        origin, start_ns = self._origin
        return start_ns / 1e9 + (index - origin) / self._rate_hz

    def _clock_stepped(self) -> None:
        """Publishes unfinished intervals, because none may contain the step, and discards the tick of the old time."""
        for interval in self._aggregator.finish():
            self._interval(interval)
        self._recent.clear()
        self._tick = (math.inf, math.inf)

    def _utc_ms(self, index: float) -> int:
        return math.floor(self._utc_s(index) * 1000 + 1e-3)

    def _announce_tick(self, count: int) -> None:
        assert self._stream is not None
        index, start_ns = self._origin
        start_s = start_ns / 1e9
        tick_s = math.ceil(start_s / TEN_MINUTES_S) * TEN_MINUTES_S
        if tick_s != self._tick[1] and tick_s - start_s < TICK_AHEAD_S + count / self._rate_hz:
            at = round(index + (tick_s - start_s) * self._rate_hz)
            self._stream.tick(at)
            self._tick = (at, tick_s)

    # --- windows

    def _window(self, window: Window) -> None:
        start_s, end_s = self._utc_s(window.start_index), self._utc_s(window.end_index)
        self._recent.append((start_s, end_s, window))
        self._windows_10m[window.flags] += 1
        if Flag.ALIAS_RISK in window.flags and not self._aliasing_logged:
            self._log_aliasing(window)
        if not np.isnan(window.pst).all():
            self._pst = window.pst
        for event in window.events:
            message = event_message(self._asset, event, self._rate_hz, self._utc_ms, self._quality)
            log.info("%s: %s, %s %%, %s s", self._asset, message.values["event_kind"],
                     message.values["event_extreme_pct"], message.values["event_duration_s"])  # fmt: skip
            self._emit(message)
        for interval in self._aggregator.add(row_of(window), start_s, end_s, is_flagged(window)):
            self._interval(interval)

    def _interval(self, interval: AggregationInterval) -> None:
        if interval.seconds == TEN_MINUTES_S:
            self._ten_minutes(interval)
        elif interval.seconds < TEN_MINUTES_S:
            self._three_seconds(interval)

    def _log_aliasing(self, window: Window) -> None:
        self._aliasing_logged = True
        which = ", ".join(r for r, flag in zip(ROLES, window.channel_flags, strict=True) if Flag.ALIAS_RISK in flag)
        source = "PWM of a drive" if Flag.UNFILTERED_PWM in window.flags else "signal"
        log.warning("waveform %s: %s near half the sampling rate in %s; without an anti-aliasing filter the harmonics "
                    "are uncertain and carry UNVERIFIED", self._asset, source, which)  # fmt: skip

    def _three_seconds(self, interval: AggregationInterval) -> None:
        limits_s = interval.start_s - 1e-6, interval.end_s + 1e-6
        windows = [window for start_s, end_s, window in self._recent if limits_s[0] <= start_s and end_s <= limits_s[1]]
        quality, self._quality = self._quality, Quality.GOOD
        self._quality_10m |= quality
        quality |= quality_of(window.flags for window in windows)
        usable = [window for window in windows if not window.flags & LEFT_OUT]
        left_out = max(len(windows), WINDOWS) - len(usable)
        if left_out:
            quality |= Quality.GAP
        values = pq3s_values(usable, self._all_phases) if usable else unknown_pq3s_values()
        values |= {"windows": len(windows), "windows_left_out": left_out}
        end_ms = math.floor(interval.end_s * 1000 + 1e-3)
        aliased = any(Flag.ALIAS_RISK in window.flags for window in windows)
        self._publish("pq3s", end_ms, rounded_values("pq3s", values), quality, aliased)
        if usable:
            self._publish("harmonics", end_ms, harmonics_values(usable), quality, aliased)

    def _publish(self, kind: str, t_ms: int, values: dict[str, Any], quality: Quality, aliased: bool) -> None:
        flags = dict.fromkeys(distortion(values), Quality.UNVERIFIED) if aliased else {}
        self._emit(Message(self._asset, kind, t_ms, values, flags=flags, quality=quality))

    def _ten_minutes(self, interval: AggregationInterval) -> None:
        windows, self._windows_10m = self._windows_10m, Counter()
        quality, self._quality_10m = self._quality_10m | quality_of(windows), Quality.GOOD
        if not interval.complete:
            quality |= Quality.GAP
        values = pq10m_values(interval, self._all_phases)
        left_out = sum(count for flags, count in windows.items() if flags & LEFT_OUT)
        values |= {"windows": windows.total(), "windows_left_out": left_out}
        values |= {f"flicker_pst_l{n + 1}": float(self._pst[n]) for n in range(3)}
        self._psts.append(self._pst)
        for n in range(3):  # from the last twelve Pst; unknown when one is missing
            values[f"flicker_plt_l{n + 1}"] = plt([pst[n] for pst in self._psts]) if len(self._psts) == 12 else None
        self._pst = np.full(3, np.nan)
        aliased = any(Flag.ALIAS_RISK in flags for flags in windows)
        self._publish("pq10m", round(interval.end_s * 1000), rounded_values("pq10m", values), quality, aliased)
