"""Power, unbalance, events and flicker against closed forms and the points of the standard.

A part of benchmarks/dsp.py.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np

from benchmarks.dsp_exact import FREQUENCIES_HZ
from dsp.flicker import Flicker
from dsp.stream import Stream
from dsp.supply import Supply

POINTS = Path(__file__).parent.parent / "tests" / "dsp" / "signals" / "cases.json"
FLICKER_RATE_HZ = 4800.0  # an integer number of samples in half a period of all rectangles
RATE_HZ, UDIN_V = 10240.0, 230.0
SHIFT = np.arange(3)[:, None] / 3


def table() -> None:
    print("\n## Power, unbalance, events and flicker\n")
    print(f"Worst of all windows at {RATE_HZ:g} samples per second and the frequencies above, fundamentals unbalanced,")
    print("harmonics as above. Events: each phase alone to 0, 10, 55 and 80 % for 2, 3, 7 and 41 half cycles at 45.7,")
    print("50.13 and 60 Hz. Flicker: rectangles of table 5 of IEC 61000-4-15, which read 1.\n")
    print("| quantity | worst | goal |\n|---|---|---|")
    p_pct, unbalance = np.max([powers(f_hz) for f_hz in FREQUENCIES_HZ], axis=0)
    print(f"| P, % of S | {p_pct:.4f} | 0.05 |")
    print(f"| unbalance u2, u0, i2, i0, points | {unbalance:.4f} | 0.05 |")
    residual, duration, start = np.max([dips(f_hz) for f_hz in (45.7, 50.13, 60.0)], axis=0)
    print(f"| residual voltage, % of Udin | {residual:.3f} | 0.2 |")
    print(f"| duration of a dip, cycles | {duration:.2f} | 1 |")
    print(f"| start of a dip, cycles | {start:.2f} | 1 |")
    points = flicker_points()
    worst = max(abs(severity(*point) - 1.0) for point in points)
    print(f"| Pst, %, {len(points)} points | {100.0 * worst:.2f} | 1 |", flush=True)


def powers(f_hz: float) -> tuple[float, float]:
    """Return the error of P in percent of S, and that of the unbalances in percentage points."""
    rng = np.random.default_rng(int(10 * f_hz))
    rms, angle = np.zeros((6, 51)), rng.uniform(-np.pi, np.pi, (6, 51))
    rms[:, 1] = 230.0, 224.0, 235.0, 10.0, 9.3, 10.6
    angle[:, 1] = -2 * np.pi / 3 * np.arange(6) + rng.uniform(-0.04, 0.04, 6) - 0.5 * (np.arange(6) > 2)
    top = min(50, int(0.40 * RATE_HZ / f_hz))
    rms[:, 2 : top + 1] = rms[:, 1:2] * rng.uniform(0.01, 0.08, (6, top - 1))
    t = np.arange(int(2 * RATE_HZ)) / RATE_HZ
    x = np.zeros((6, len(t)))
    for h in range(1, top + 1):
        x += np.sqrt(2) * rms[:, h : h + 1] * np.cos(2 * np.pi * h * f_hz * t + angle[:, h : h + 1])
    p_w = (rms[:3] * rms[3:] * np.cos(angle[:3] - angle[3:])).sum()
    turn = np.exp(2j * np.pi / 3 * np.arange(3))
    want = []
    for part in (slice(0, 3), slice(3, 6)):
        phasor = rms[part, 1] * np.exp(1j * angle[part, 1])
        one, two, zero = (abs((k * phasor).sum()) for k in (turn, turn.conj(), np.ones(3)))
        want += [100 * two / one, 100 * zero / one]
    stream = Stream(RATE_HZ)
    windows = stream.push(x) + stream.finish()
    found = np.array([(w.u2_pct, w.u0_pct, w.i2_pct, w.i0_pct) for w in windows])
    return 100 * max(abs(w.p_w - p_w) / w.s_va for w in windows), float(np.abs(found - want).max())


def dips(f_hz: float) -> tuple[float, float, float]:
    """Return the errors of residual voltage (percent of the declared voltage), duration and start (cycles)."""
    worst = np.zeros(3)
    t = np.arange(int(2.2 * RATE_HZ)) / RATE_HZ
    for residual in (0.0, 0.1, 0.55, 0.8):
        for half_cycles in (2, 3, 7, 41):
            for phase in range(3):
                begin = (20 + phase / 3) / f_hz  # zero crossing of this phase
                end = begin + 0.5 * half_cycles / f_hz
                x = np.zeros((6, len(t)))
                x[:3] = np.sqrt(2) * UDIN_V * np.sin(2 * np.pi * (f_hz * t - SHIFT))
                x[phase] *= np.where((t >= begin - 1e-9) & (t < end - 1e-9), residual, 1.0)
                supply = Supply(voltage_v=UDIN_V, rapid_change_pct=0.0)
                stream = Stream(RATE_HZ, present=(True,) * 3 + (False,) * 3, supply=supply)
                windows = stream.push(x) + stream.finish()
                (event,) = (event for w in windows for event in w.events)
                errors = (event.extreme_pct - 100 * residual, f_hz * (event.duration_s - (end - begin)),
                          f_hz * (event.start_index / RATE_HZ - begin))  # fmt: skip
                worst = np.maximum(worst, np.abs(errors))
    return tuple(worst)


def flicker_points() -> list[tuple[str, float, float, float]]:
    """Return (lamp, hertz, changes per minute, percent).

    All of table 5 with MAGWATT_DATA, otherwise the points among the test cases.
    """
    root = os.environ.get("MAGWATT_DATA")
    if root:
        tables = json.loads((Path(root) / "recordings" / "iec61000_4_15_ed2_tables.json").read_text())
        return [
            (f"{lamp}V", f_hz, per_minute, percent)
            for lamp in (230, 120)
            for f_hz in (50.0, 60.0)
            for per_minute, percent in zip(*tables[f"IECtable5R{lamp}f{f_hz:.0f}rec"].values(), strict=True)
        ]
    points = json.loads(POINTS.read_text())["flicker"]["points"]
    return [(f"{p['u_rms']}V", float(p["f_hz"]), p["changes_per_minute"], p["dVV_percent"])
            for p in points if "Pst" in p["expected"]]  # fmt: skip


def severity(lamp: str, f_hz: float, per_minute: float, percent: float) -> float:
    """Return Pst of ten minutes after two minutes of settling; the signal repeats every two minutes."""
    n = int(120 * FLICKER_RATE_HZ)
    t = np.arange(n) / FLICKER_RATE_HZ
    up = np.sin(np.pi * per_minute / 60 * (t + 0.5 / FLICKER_RATE_HZ)) >= 0.0  # sampled between its edges
    x = np.zeros((6, n))
    x[0] = 325.0 * np.sin(2 * np.pi * f_hz * t) * (1 + percent / 200 * np.where(up, 1.0, -1.0))
    meter, bad = Flicker(FLICKER_RATE_HZ, lamp, np.array([1, 0, 0, 0, 0, 0])), np.zeros(x.shape, dtype=np.uint8)
    for lap in range(6):
        for end in range(960, n + 1, 960):
            meter.advance(x, bad, lap * n, lap * n, lap * n + end, f_hz, np.zeros(3))
        if lap == 0:
            meter.close()
    return float(meter.close()[0])
