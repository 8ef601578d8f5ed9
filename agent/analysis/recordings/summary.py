"""Aggregated values of a recording: 3 s, 10 min and 2 h values, 10 s frequency, flicker and events."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import numpy as np

from agent.analysis.recordings.reader import RecordingSource
from agent.analysis.recordings.rows import event_object, flag_names, number, numbers

# name in the summary: column of the aggregate, index of its entry (None: all entries)
_QUANTITIES: dict[str, tuple[str, int | None]] = {
    **{name: (name, None) for name in ("u_rms_v", "i_rms_a", "u_dc_v", "i_dc_a", "p_phase_w")},
    **{name: (name, 0) for name in ("frequency_hz", "p_w", "q1_var", "s_va")},
    **{name: (name, None) for name in ("thd_u_pct", "thd_i_pct", "tdd_pct", "k_factor")},
    "u1_v": ("u_sequence_v", 1),
    **{name: (name, 0) for name in ("u2_pct", "u0_pct", "i2_pct", "i0_pct")},
}
_TABLES = ("sg_u_v", "sg_i_a", "isg_u_v", "isg_i_a")


class RecordingSummary:
    """Aggregates the windows of a source.

    intervals: length in seconds → intervals of this length.
    frequency_hz: (start, frequency) of each 10 s.
    pst: (end, short-term flicker by voltage) of each 10 min.
    events: as `event_object`.
    flags: flag → number of windows.
    windows: number of windows.
    energy_j: active energy, joules.
    """

    def __init__(self, source: RecordingSource) -> None:
        from dsp.aggregate import Aggregator, Frequency, columns

        self._source = source
        self._columns = columns()
        self._aggregator, self._frequency = Aggregator.of_windows(), Frequency()
        self.intervals: dict[int, list[Any]] = {3: [], 600: [], 7200: []}
        self.frequency_hz: list[tuple[float, float]] = []
        self.pst: list[tuple[float, Any]] = []
        self.events: list[dict[str, Any]] = []
        self.flags: Counter[str] = Counter()
        self.windows = 0
        self.energy_j = 0.0
        self._energy_whole = True
        self._rest_pct: list[Any] = []  # `rest_pct` of each window

    def add(self, window: Any) -> None:
        """Adds the next window."""
        from dsp.aggregate import is_flagged, row_of
        from dsp.stream import Flag

        rate_hz = self._source.rate_hz
        start_s, end_s = window.start_index / rate_hz, window.end_index / rate_hz
        self.windows += 1
        self.flags.update(flag_names(window.flags, Flag))
        for interval in self._aggregator.add(row_of(window), start_s, end_s, is_flagged(window)):
            self.intervals[interval.seconds].append(interval)
        self.frequency_hz += self._frequency.add(window.n_cycles, start_s, end_s - start_s)
        if math.isfinite(window.energy_j):
            self.energy_j += window.energy_j
        else:
            self._energy_whole = False
        if not np.isnan(window.pst).all():
            self.pst.append((end_s, window.pst))
        self.events += [event_object(event, self._source.time_s) for event in window.events]
        self._rest_pct.append(rest_pct(window))

    def finish(self) -> None:
        """Closes the intervals that end with the recording."""
        self.frequency_hz += self._frequency.add(0, self._source.seconds, 0.0)  # closes 10 s that end with the record
        for interval in self._aggregator.finish():
            self.intervals[interval.seconds].append(interval)

    def column(self, interval: Any, name: str, kind: str = "values") -> Any:
        """The values of a quantity of an interval; of tables with shape (3, orders).

        kind: "values", "low" or "high", the attribute of the interval.
        """
        part = getattr(interval, kind)[self._columns[name]]
        return part.reshape(3, -1) if name in _TABLES else part

    def rest_pct(self) -> float:
        """Median of `rest_pct` over the windows, largest of the phases; NaN without a voltage."""
        every = np.array(self._rest_pct)
        known = every[:, ~np.isnan(every).all(axis=0)] if len(every) else every.reshape(0, 0)
        return float(np.nanmedian(known, axis=0).max()) if known.size else math.nan

    def fundamental_hz(self) -> float:
        """Median frequency of the 3 s values; NaN if none was found."""
        found = (float(self.column(interval, "frequency_hz")[0]) for interval in self.intervals[3])
        measured = list(filter(math.isfinite, found))
        return float(np.median(measured)) if measured else math.nan

    def plt(self) -> list[tuple[float, list[float]]]:
        """(end, long-term flicker by voltage) of each two hours."""
        from dsp.flicker import plt

        return [
            (self.pst[k + 11][0], [plt(float(pst[phase]) for _, pst in self.pst[k : k + 12]) for phase in range(3)])
            for k in range(0, len(self.pst) - 11, 12)
        ]

    def as_object(self) -> dict[str, Any]:
        """The summary with the keys of docs/how-to/replay.md."""
        source = self._source
        return {
            "file": source.name,
            "rate_hz": number(source.rate_hz),
            "from_s": number(source.time_s(0)),
            "to_s": number(source.time_s(source.last - source.first)),
            "windows": self.windows,
            "flags": dict(sorted(self.flags.items())),
            "frequency_10s": [
                {"start_s": self._at(start_s), "frequency_hz": number(f_hz)} for start_s, f_hz in self.frequency_hz
            ],
            "values_3s": [self._values(interval) for interval in self.intervals[3]],
            "values_10min": [self._with_spread(interval) for interval in self.intervals[600]],
            "values_2h": [self._values(interval) for interval in self.intervals[7200] if interval.complete],
            "energy_wh": number(self.energy_j / 3600.0) if any(map(all, self._pairs())) else None,
            "energy_whole": self._energy_whole,
            "pst": [{"end_s": self._at(end_s), "pst": numbers(pst)} for end_s, pst in self.pst],
            "plt": [{"end_s": self._at(end_s), "plt": numbers(plt)} for end_s, plt in self.plt()],
            "events": self.events,
        }

    def _pairs(self) -> list[tuple[bool, bool]]:
        present = self._source.recording.present
        return [(present[k], present[k + 3]) for k in range(3)] + [(self._source.settings.wiring == "3P3W-2",) * 2]

    def _at(self, seconds: float) -> float:
        """Converts seconds from the start of the part into seconds from the start of the file."""
        return round(self._source.time_s(0) + seconds, 6)

    def _selected(self, values: Any) -> dict[str, Any]:
        return {
            name: numbers(part) if entry is None else number(part[entry])
            for name, (column, entry) in _QUANTITIES.items()
            for part in (values[self._columns[column]],)
        }

    def _values(self, interval: Any) -> dict[str, Any]:
        selected = self._selected(interval.values)
        p_w, s_va = selected["p_w"], selected["s_va"]
        return {
            "start_s": self._at(interval.start_s),
            "end_s": self._at(min(interval.end_s, self._source.seconds)),
            "windows": interval.windows,
            "flagged": interval.flagged,
            "whole": interval.complete,
            **selected,
            "pf": number(p_w / s_va) if p_w is not None and s_va else None,
        }

    def _with_spread(self, interval: Any) -> dict[str, Any]:
        """A 10 min value with its extreme windows, the 95th percentile of its 3 s values, and its spectrum."""
        from dsp.aggregate import percentile

        inside = [part.values for part in self.intervals[3] if interval.start_s <= part.start_s + 1e-6 < interval.end_s]
        rows = np.array(inside) if inside else np.full((1, len(interval.values)), np.nan)
        p95 = np.array([percentile(column, 95.0) for column in rows.T])
        return {
            **self._values(interval),
            "min": self._selected(interval.low),
            "max": self._selected(interval.high),
            "p95": self._selected(p95),
            **{name: [numbers(row) for row in self.column(interval, name)] for name in _TABLES},
        }


def rest_pct(window: Any) -> Any:
    """RMS of each voltage without fundamental and DC component, in percent of the fundamental; shape (3,).

    NaN for a voltage without a fundamental.
    """
    u1_v = window.h_u_v[:, 1]
    rest_v = np.sqrt(np.maximum(window.u_rms_v**2 - window.u_dc_v**2 - u1_v**2, 0.0))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(u1_v > 0.0, 100.0 * rest_v / u1_v, np.nan)
