"""The windows of a recording, computed by the signal processing of the agent."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from msgspec import Struct

from agent.analysis.recordings import reasons as codes
from agent.analysis.recordings.reasons import ReplayError
from drivers.reading import SAMPLING_RATE_MIN_HZ
from drivers.reasons import Reason
from drivers.recordings.recording import ROLES, Recording

BLOCK = 4096  # samples per call of the stream
_RATE_PER_HZ = 2.5  # minimum samples per second for each hertz of the fundamental
_THD_ORDERS = 40
_SMALL_LAMP_V = 150.0  # highest phase voltage of 120 V grids


class RecordingSettings(Struct, frozen=True):
    """How a recording is interpreted.

    nominal: "50", "60", "auto" or "drive", for the length of the windows.
    wiring: "3P4W", "3P3W", or "3P3W-2" for the two-wattmeter method.
    from_s, to_s: part to analyse, seconds from the start of the file. to_s None: up to its end.
    supply_v: declared voltage as the channels measure it, volts. None: no detection of dips, swells and flicker.
    demand_a: maximum demand load current, amperes. None: no TDD.
    lamp: lamp model of the flickermeter, "230V" or "120V". None: from supply_v.
    """

    nominal: str = "auto"
    wiring: str = "3P4W"
    from_s: float = 0.0
    to_s: float | None = None
    supply_v: float | None = None
    demand_a: float | None = None
    lamp: str | None = None


class RecordingSource:
    """Windows of a part of a recording.

    Times are seconds from the start of the file; ten-minute intervals count from the start of the part.
    notes: what is missing in the results; `windows` may add to it.
    Raises ReplayError if the recording cannot be analysed with these settings.
    """

    def __init__(self, recording: Recording, settings: RecordingSettings, name: str) -> None:
        rate_hz, total = recording.rate_hz, int(recording.samples.shape[1])
        end_s = math.inf if settings.to_s is None else settings.to_s
        self.first, self.last = round(min(settings.from_s * rate_hz, total)), round(min(end_s * rate_hz, total))
        if self.last <= self.first:
            end_s = total / rate_hz if settings.to_s is None else settings.to_s
            raise ReplayError(codes.RANGE_WITHOUT_SAMPLES, file=name, from_s=settings.from_s, to_s=end_s)
        if rate_hz < SAMPLING_RATE_MIN_HZ:
            raise ReplayError(codes.SAMPLE_RATE_LOW, file=name, rate_hz=rate_hz, min_hz=SAMPLING_RATE_MIN_HZ)
        if settings.nominal in ("50", "60") and rate_hz < _RATE_PER_HZ * (nominal_hz := float(settings.nominal)):
            raise ReplayError(
                codes.SAMPLE_RATE_LOW_FOR_NOMINAL,
                file=name,
                rate_hz=rate_hz,
                nominal_hz=nominal_hz,
                min_hz=_RATE_PER_HZ * nominal_hz,
            )
        if settings.nominal == "drive" and (settings.supply_v is not None or settings.demand_a is not None):
            raise ReplayError(codes.SUPPLY_AT_DRIVE_OUTPUT)
        self.name = name
        self.rate_hz: float = rate_hz
        self.recording, self.settings = recording, settings
        self.notes: list[Reason] = []
        self._noted = False
        self._skip_blank_edges()
        self._stream = self._open()
        self._check_pairs()

    def _skip_blank_edges(self) -> None:
        """Leaves out samples without a value at both ends, at most a window each: they would blank a whole window."""
        from dsp.windows import WINDOW_S

        samples = self.recording.samples[list(self.recording.present)]
        most = min(math.ceil(WINDOW_S * self.rate_hz), (self.last - self.first) // 2)
        count = 0
        for edge, step in ((self.first, 1), (self.last - 1, -1)):
            blank = 0
            while blank < most and not np.isfinite(samples[:, edge + step * blank]).all():
                blank += 1
            if blank == most:
                continue  # a longer gap: a channel begins or ends here, the others are analysed
            count += blank
            if step > 0:
                self.first += blank
            else:
                self.last -= blank
        if count:
            self.notes.append(codes.BLANK_EDGE(file=self.name, count=count))

    @property
    def seconds(self) -> float:
        """Length of the part, seconds."""
        return (self.last - self.first) / self.rate_hz

    def time_s(self, index: float) -> float:
        """Time of a sample position of the part, seconds from the start of the file."""
        return (self.first + index) / self.rate_hz

    def windows(self, progress: Callable[[int], None] = lambda samples: None) -> Iterator[Any]:
        """All windows of the part. The last one also has the events and the flicker that end with the samples after it.

        progress: called with the number of analysed samples.
        """
        last = None
        for window in self._raw(progress):
            self._check_orders(window)
            if last is None:
                self._check_length(window)
            else:
                yield last
            last = window
        if last is not None:
            if (pst := self._stream.pst_at_end()) is not None:
                last.pst[:] = pst
            yield last._replace(events=(*last.events, *self._stream.cut_short()))

    def _raw(self, progress: Callable[[int], None]) -> Iterator[Any]:
        from dsp.aggregate import TEN_MINUTES_S

        tick = 0
        for start in range(self.first, self.last, BLOCK):
            end = min(start + BLOCK, self.last)
            due = round((tick + 1) * TEN_MINUTES_S * self.rate_hz)
            if end - self.first > due - 10 * self.rate_hz and self.settings.nominal != "drive":
                tick += 1
                self._stream.tick(due)
            yield from self._stream.push(np.ascontiguousarray(self.recording.samples[:, start:end]))
            progress(end - self.first)
        yield from self._stream.finish()

    def _check_length(self, window: Any) -> None:
        """Notes that the recording is shorter than a regular window."""
        from dsp.windows import cycles_for

        if not window.n_cycles:
            return
        regular = cycles_for(float(window.frequency_hz), self.settings.nominal)
        if window.n_cycles < regular:
            self.notes.append(
                codes.SHORT_RECORDING(
                    file=self.name, cycles=window.n_cycles, regular=regular,
                    resolution_hz=float(window.frequency_hz) / window.n_cycles,
                )
            )  # fmt: skip

    def _check_orders(self, window: Any) -> None:
        """Notes once that the sampling rate limits the orders."""
        from dsp.resample import BAND

        if self._noted or not window.n_cycles:
            return
        top = int(BAND * self.rate_hz / window.frequency_hz)
        if top < _THD_ORDERS:
            self._noted = True
            self.notes.append(
                codes.ORDERS_LIMITED(
                    file=self.name, rate_hz=self.rate_hz, order_max=top, frequency_hz=float(window.frequency_hz)
                )
            )

    def _open(self) -> Any:
        from dsp.stream import Stream

        s, missing = self.settings, [r for r, p in zip(ROLES, self.recording.present, strict=True) if not p]
        if s.wiring == "3P3W-2" and (lacks := [role for role in missing if role[1] != "2"]):
            raise ReplayError(codes.TWO_WATTMETER_CHANNELS_MISSING, file=self.name, channels=tuple(lacks))
        return Stream(
            self.rate_hz,
            nominal=s.nominal,
            present=self.recording.present,
            wiring=s.wiring,
            supply=self._supply(),
        )

    def _supply(self) -> Any:
        """Parameters of the mains. With a demand current only, events have a sliding reference."""
        from dsp.flicker import RATE_MIN_HZ
        from dsp.supply import Supply

        s = self.settings
        if s.supply_v is None and s.demand_a is None:
            return None
        lamp = None
        if s.supply_v is not None and not any(self.recording.present[:3]):
            self.notes.append(codes.NO_VOLTAGE_CHANNEL(file=self.name))
        elif s.supply_v is not None and self.rate_hz < RATE_MIN_HZ:
            self.notes.append(
                codes.SAMPLE_RATE_LOW_FOR_FLICKER(file=self.name, rate_hz=self.rate_hz, min_hz=RATE_MIN_HZ)
            )
        elif s.supply_v is not None:
            phase_v = s.supply_v / math.sqrt(3) if s.wiring == "3P3W-2" else s.supply_v
            lamp = s.lamp or ("120V" if phase_v <= _SMALL_LAMP_V else "230V")
        return Supply(s.supply_v, demand_a=s.demand_a, lamp=lamp)

    def _check_pairs(self) -> None:
        """Notes currents without a voltage."""
        if self.settings.wiring == "3P3W-2" or not any(self.recording.present[:3]):
            return
        if alone := [ROLES[k + 3] for k in range(3) if self.recording.present[k + 3] and not self.recording.present[k]]:
            self.notes.append(codes.CURRENT_WITHOUT_VOLTAGE(file=self.name, channels=tuple(alone)))
