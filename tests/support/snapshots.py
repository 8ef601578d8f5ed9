"""Waveforms of a mains supply in closed form, blocks of a stream, and snapshots of them in a lake."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agent.delivery.files.lake.parts import Origin
from agent.delivery.files.lake.snapshots import convert_snapshot
from agent.delivery.files.snapshots import SnapshotHeader, write_waiting
from drivers.reading import Quality, Waveform

ROLES = ("u1", "u2", "u3", "i1", "i2", "i3")
START_NS = 1_790_784_000_000_000_000  # 2026-09-30 16:00 UTC
U_V, I_A, HZ, ANGLE_DEG, FIFTH = 230.0, 40.0, 50.0, 30.0, 0.1
Samples = NDArray[np.float32]


def sines(seconds: float, rate_hz: float, amps: float = I_A, begin: int = 0) -> NDArray[np.float64]:
    """Balanced voltages, and currents that lag by ANGLE_DEG and have FIFTH of their amplitude at five times 50 Hz."""
    t = (begin + np.arange(round(seconds * rate_hz))) / rate_hz
    rows = []
    for peak, lag, fifth in ((math.sqrt(2) * U_V, 0.0, 0.0), (math.sqrt(2) * amps, math.radians(ANGLE_DEG), FIFTH)):
        for number in range(3):
            phase = 2 * math.pi * HZ * t - number * 2 * math.pi / 3 - lag
            rows.append(peak * (np.cos(phase) + fifth * np.cos(5 * phase)))
    return np.array(rows)


def blocks(
    seconds: float, rate_hz: float, *, amps: float = I_A, begin: int = 0, start_ns: int = START_NS, length: int = 100
) -> Iterator[Waveform]:
    """Contiguous blocks of a stream that began at start_ns, from sample `begin` on."""
    samples = sines(seconds, rate_hz, amps, begin)
    for at in range(0, samples.shape[1], length):
        index = begin + at
        yield Waveform(
            "p1", start_ns + round(index / rate_hz * 1e9), index, rate_hz, ROLES,
            np.ascontiguousarray(samples[:, at : at + length]), (600.0,) * 3 + (math.nan,) * 3, Quality.SIMULATED,
            (0.02,) * 6,
        )  # fmt: skip


def snapshot(lake: Path, samples: Samples, rate_hz: float, gateway: str = "gw-07", **fields: Any) -> Path:
    """A file of the lake. fields: of its header."""
    known: dict[str, Any] = {
        "asset": "p1", "start_ns": START_NS, "rate_hz": rate_hz, "channels": ROLES, "wiring": "3P4W",
        "samples": samples.shape[1], "missing": int(np.isnan(samples).any(axis=0).sum()), "config": "c0ffee",
    }  # fmt: skip
    header = SnapshotHeader(**{**known, **fields})
    waiting = write_waiting(lake, header, np.ascontiguousarray(samples, np.float32))
    written = convert_snapshot(waiting, lake, Origin("mill-2", gateway, "1.2.3"))
    assert written is not None
    return written
