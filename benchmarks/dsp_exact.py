"""Accuracy of the chain on signals in closed form, compared with the goals; a part of benchmarks/dsp.py."""

from __future__ import annotations

import numpy as np

from dsp import resample, transform
from dsp._simd import rows
from dsp.stream import Stream
from dsp.windows import cycles_for

FREQUENCIES_HZ = (49.7, 50.0, 50.31, 60.2, 87.0, 120.0, 5.3, 17.0)
COLUMNS = ("samples per second", "harmonics, part of the goal", "phase, ° per order", "at a record's ends",
           "RMS, %", "fundamental, %", "frequency, mHz", "at 40 dB noise, mHz")  # fmt: skip
GOALS = ("goal", "1", "0.05", "1", "0.02", "0.02", "1", "5")


def tables() -> None:
    print("\n## Accuracy, signals in closed form\n")
    print(
        f"Worst window within 2 s at each of {', '.join(f'{f:g}' for f in FREQUENCIES_HZ)} Hz; all orders up to 50 or"
    )
    print(
        "0.40 of the sampling rate together, each 1 to 8 % of the fundamental at random angles. Harmonics: error as a"
    )
    print(
        "part of max(0.1 % of reading, 0.01 % of the fundamental); the same for the first and last window of a record,"
    )
    print("which need samples beyond it.\n")
    print(f"| {' | '.join(COLUMNS)} |")
    print("|---" * len(COLUMNS) + "|")
    for rate_hz in (5760.0, 10240.0, 25600.0, 51200.0):
        h, edge, rms, one, f = np.max([errors(rate_hz, f_hz) for f_hz in FREQUENCIES_HZ], axis=0)
        turn = max(phase_errors(rate_hz, f_hz) for f_hz in FREQUENCIES_HZ)
        noisy = max(with_noise(rate_hz, f_hz) for f_hz in FREQUENCIES_HZ)
        print(f"| {rate_hz:g} | {h:.3f} | {turn:.5f} | {edge:.3f} | {rms:.4f} | {one:.5f} | {f:.4f} | {noisy:.2f} |")
    print(f"| {' | '.join(GOALS)} |", flush=True)


def signal(rate_hz: float, f_hz: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return samples (6, n), rms (6, 51), angles of the cosines at sample 0 (6, 51)."""
    rng = np.random.default_rng(int(rate_hz + 10 * f_hz))
    t = np.arange(int(2 * rate_hz)) / rate_hz
    rms, angle = np.zeros((6, 51)), rng.uniform(-np.pi, np.pi, (6, 51))
    rms[:, 1] = (230.0,) * 3 + (10.0,) * 3
    angle[:, 1] = -2 * np.pi / 3 * np.arange(6)
    top = min(50, int(0.40 * rate_hz / f_hz))
    rms[:, 2 : top + 1] = rms[:, 1:2] * rng.uniform(0.01, 0.08, (6, top - 1))
    x = np.zeros((6, len(t)))
    for h in range(1, top + 1):
        x += np.sqrt(2) * rms[:, h : h + 1] * np.cos(2 * np.pi * h * f_hz * t + angle[:, h : h + 1])
    return x, rms, angle


def errors(rate_hz: float, f_hz: float) -> tuple[float, ...]:
    x, rms, _ = signal(rate_hz, f_hz)
    orders = np.flatnonzero(rms[0])[1:]
    allowed = np.maximum(1e-3 * rms[:, orders], 1e-4 * rms[:, 1:2])
    effective = np.sqrt((rms**2).sum(axis=1))
    found = []
    stream = Stream(rate_hz)
    for w in stream.push(x) + stream.finish():
        got = np.concatenate((w.h_u_v, w.h_i_a))
        found.append((
            float(np.max(np.abs(got[:, orders] - rms[:, orders]) / allowed)),
            float(100 * np.max(np.abs(np.concatenate((w.u_rms_v, w.i_rms_a)) / effective - 1))),
            float(100 * np.max(np.abs(got[:, 1] / rms[:, 1] - 1))),
            1000 * abs(w.frequency_hz - f_hz),
        ))  # fmt: skip
    h, effective_pct, one_pct, f = np.max(found[1:-1], axis=0)
    return h, max(found[0][0], found[-1][0]), effective_pct, one_pct, f


def phase_errors(rate_hz: float, f_hz: float) -> float:
    """Resampler and transform alone, on a window with fractional ends; degrees for each order."""
    x, rms, angle = signal(rate_hz, f_hz)
    cycles = cycles_for(f_hz, "auto")
    samples, start = cycles * rate_hz / f_hz, 20.37
    plan = transform.plan(cycles, resample.points_for(samples, cycles), np.float32)
    n = cycles * plan.points
    frames, points, work, lines = (rows(size, np.float32) for size in (x.shape[1], n, 2 * cycles + 8, n + 2))
    resample.frames(x, 0, x.shape[1], frames)
    resample.resample(frames, start, samples / n, n, resample.taps(np.float32), work, points)
    orders = np.flatnonzero(rms[0])
    top = cycles * int(orders[-1])
    transform.lowest_bins(points, n, top, plan.roots, plan.radices, plan.places, work, lines)
    got = np.angle(lines[2 * cycles * orders, :6] + 1j * lines[2 * cycles * orders + 1, :6]).T
    want = angle[:, orders] + 2 * np.pi * orders * f_hz * start / rate_hz
    return float(np.max(np.abs(np.degrees(np.angle(np.exp(1j * (got - want))))) / orders))


def with_noise(rate_hz: float, f_hz: float) -> float:
    """Largest frequency error in 10 s with white noise of 1 % of the fundamental (40 dB) on every channel, mHz."""
    rng = np.random.default_rng(int(rate_hz + 10 * f_hz))
    t = np.arange(int(10 * rate_hz)) / rate_hz
    x = np.array([np.sqrt(2) * 230.0 * np.cos(2 * np.pi * (f_hz * t - c / 3)) for c in range(6)])
    x += 2.3 * rng.standard_normal(x.shape)
    return float(max(1000 * abs(w.frequency_hz - f_hz) for w in Stream(rate_hz).push(x)))
