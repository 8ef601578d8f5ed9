"""Compile every kernel once with the types used at run time, so that later processes load them from the cache."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numba.core import event

from dsp import _jit
from dsp._jit import Floats, cache_misses
from dsp.aggregate import Aggregator, row_of
from dsp.stream import Stream
from dsp.supply import Supply

__all__ = ["cache_misses", "compile_all"]

_RATE_HZ = 5000.0  # high enough for a band above 2 kHz


def compile_all(report: Callable[[int, int], None] = lambda done, total: None) -> int:
    """Run short signals through every path of Stream; returns the number of kernels that had to be compiled.

    report: called after each function with the number of compiled functions and of all functions.
    """
    before = cache_misses()
    with event.install_listener("numba:compile", _Compiled(report)):
        _run_all()
    return cache_misses() - before


class _Compiled(event.Listener):
    """Reports each function that numba has compiled."""

    def __init__(self, report: Callable[[int, int], None]) -> None:
        self._report = report

    def on_start(self, event: object) -> None:
        pass

    def on_end(self, event: object) -> None:
        self._report(sum(bool(d.overloads) for d in _jit.dispatchers), len(_jit.dispatchers))


def _run_all() -> None:
    mains = _three_phases(50.0, 1.0)
    gap = mains.copy()
    gap[0, 2100] = np.nan
    stream = Stream(_RATE_HZ)
    stream.push(gap)
    stream.lost(40)
    stream.push(mains)
    stream.finish()
    known = Stream(_RATE_HZ, nominal="drive", present=(True, False, False, True, False, False), limits=(1.0,) * 6)
    known.push(_three_phases(8.0, 1.5))
    known.push(np.zeros((6, int(_RATE_HZ))))
    known.finish()
    fed = Stream(_RATE_HZ, wiring="3P3W-2", supply=Supply(0.7, 1.0, 1.0, lamp="230V"))
    sums = Aggregator.of_windows()
    for window in fed.push(mains) + fed.finish():
        sums.add(row_of(window), 0.0, 0.2, False)
    short = Stream(_RATE_HZ, nominal="60")
    short.push(_three_phases(60.0, 0.06))
    short.finish()


def _three_phases(f_hz: float, seconds: float) -> Floats:
    t = np.arange(int(seconds * _RATE_HZ)) / _RATE_HZ
    shift = 2.0 * np.pi / 3.0 * np.array([[0.0], [1.0], [2.0], [0.5], [1.5], [2.5]])
    wave: Floats = np.clip(np.cos(2.0 * np.pi * f_hz * t - shift), -0.9, 0.9)
    return wave
