"""A recording as the windows that the live chain would make of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from drivers.errors import FileError
from drivers.files import ROLES, Recording

BLOCK = 4096  # samples pushed at once
_RATE_HZ, _FLICKER_RATE_HZ = 100, 500  # least samples per second
_THD_ORDERS = 40
_SMALL_LAMP_V = 150.0  # up to here lamps are those of 120 V grids


@dataclass(frozen=True, slots=True)
class Settings:
    """How a recording is to be understood; see the options of the command."""

    nominal: str = "auto"
    wiring: str = "3P4W"
    from_s: float = 0.0
    to_s: float | None = None
    supply_v: float | None = None
    demand_a: float | None = None
    lamp: str | None = None


class Source:
    """Windows of a part of a recording. Times are seconds from the file's start; ten minutes count from the part's.

    Raises FileError where the recording and the settings do not fit, with the remedy.
    """

    def __init__(self, recording: Recording, settings: Settings, name: str) -> None:
        rate_hz, total = recording.rate_hz, int(recording.samples.shape[1])
        end_s = math.inf if settings.to_s is None else settings.to_s
        self.first: int
        self.last: int
        self.first, self.last = (round(min(at_s * rate_hz, total)) for at_s in (settings.from_s, end_s))
        if self.last <= self.first:
            end_s = total / rate_hz if settings.to_s is None else settings.to_s
            raise FileError(f"{name}: nothing between {settings.from_s:g} s and {end_s:g} s")
        if rate_hz < _RATE_HZ:
            raise FileError(
                f"{name}: {rate_hz:g} samples per second are too few for waveforms; at least 100 are needed"
            )
        if settings.nominal in ("50", "60") and 0.4 * rate_hz < float(settings.nominal):
            raise FileError(
                f"{name}: {rate_hz:g} samples per second cannot carry {settings.nominal} Hz; "
                f"at least {2.5 * float(settings.nominal):g} are needed"
            )
        self.name = name
        self.rate_hz: float = rate_hz
        self.recording, self.settings = recording, settings
        self.notes: list[str] = []  # for a person; more may come with the windows
        self._noted = False
        self._stream = self._open()
        self._look_at_pairs()

    @property
    def seconds(self) -> float:
        return (self.last - self.first) / self.rate_hz

    def time_s(self, index: float) -> float:
        """Of a window's sample position, in the file."""
        return (self.first + index) / self.rate_hz

    def windows(self, progress: Callable[[int], None] = lambda samples: None) -> Iterator[Any]:
        """All windows of the part; the last tells what the samples behind it complete. progress: samples done."""
        held = None
        for window in self._raw(progress):
            self._tell_of_orders(window)
            if held is not None:
                yield held
            held = window
        if held is not None:
            pst = self._stream.pst_at_end()
            yield held._replace(events=(*held.events, *self._stream.cut_short()), pst=held.pst if pst is None else pst)

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

    def _tell_of_orders(self, window: Any) -> None:
        """A rate that carries few orders is told once."""
        from dsp.resample import BAND

        if self._noted or not window.n_cycles:
            return
        top = int(BAND * self.rate_hz / window.frequency_hz)
        if top < _THD_ORDERS:
            self._noted = True
            self.notes.append(
                f"{self.name}: {self.rate_hz:g} samples per second carry orders up to {top} of "
                f"{window.frequency_hz:.4g} Hz: THD, TDD and K factor end there"
            )

    def _open(self) -> Any:
        from dsp.stream import Stream

        s, missing = self.settings, [r for r, p in zip(ROLES, self.recording.present, strict=True) if not p]
        if s.wiring == "3P3W-2" and (lacks := [role for role in missing if role[1] != "2"]):
            raise FileError(
                f"{self.name}: 3P3W-2 needs u1 (= u12), u3 (= u32), i1 and i3; {', '.join(lacks)} missing: "
                f"name the channels with --map u1=…,u3=…,i1=…,i3=…"
            )
        try:
            return Stream(
                self.rate_hz,
                nominal=s.nominal,
                present=self.recording.present,
                wiring=s.wiring,
                supply=self._supply(),
            )
        except ValueError as error:
            raise FileError(f"{self.name}: {error}") from None

    def _supply(self) -> Any:
        """What the stream is told of the mains; a demand current alone gives events a sliding reference."""
        from dsp.supply import Supply

        s = self.settings
        if s.supply_v is None and s.demand_a is None:
            return None
        lamp = None
        if s.supply_v is not None and not any(self.recording.present[:3]):
            self.notes.append(f"{self.name}: no voltage channel: --supply finds no events and no flicker")
        elif s.supply_v is not None and self.rate_hz < _FLICKER_RATE_HZ:
            self.notes.append(f"{self.name}: {self.rate_hz:g} samples per second are too few for flicker (500)")
        elif s.supply_v is not None:
            phase_v = s.supply_v / math.sqrt(3) if s.wiring == "3P3W-2" else s.supply_v
            lamp = s.lamp or ("120V" if phase_v <= _SMALL_LAMP_V else "230V")
        return Supply(s.supply_v, demand_a=s.demand_a, lamp=lamp)

    def _look_at_pairs(self) -> None:
        if self.settings.wiring == "3P3W-2" or not any(self.recording.present[:3]):
            return
        alone = [ROLES[k + 3] for k in range(3) if self.recording.present[k + 3] and not self.recording.present[k]]
        if alone:
            one = len(alone) == 1
            self.notes.append(
                f"{self.name}: {' and '.join(alone)} {'has' if one else 'have'} no voltage: "
                f"p_w, q1_var and pf are of the other phases only"
            )
