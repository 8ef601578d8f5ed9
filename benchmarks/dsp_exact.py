"""How exact the chain is on signals in closed form, against the goals; a part of benchmarks/dsp.py."""

from __future__ import annotations

import numpy as np

from dsp.stream import Stream

FREQUENCIES_HZ = (49.7, 50.0, 50.31, 60.2, 87.0, 120.0, 5.3, 17.0)


def tables() -> None:
    print("\n## Exactness, signals in closed form\n")
    print("Worst window within 2 s at each of " + ", ".join(f"{f:g}" for f in FREQUENCIES_HZ) + " Hz; all orders up to 50 or 0.40 "
          "of the sampling rate at once, each 1 to 8 % of the fundamental at random angles. Harmonics: error as a part of "
          "what is allowed, max(0.1 % of reading, 0.01 % of the fundamental).\n")  # fmt: skip
    print("| samples per second | harmonics, part of the goal | first window of a record | RMS, % | fundamental, % | "
          "frequency, mHz | at 40 dB noise, mHz |\n|---|---|---|---|---|---|---|")  # fmt: skip
    for rate_hz in (5760.0, 10240.0, 25600.0, 51200.0):
        worst = np.max([one(rate_hz, f_hz) for f_hz in FREQUENCIES_HZ], axis=0)
        noisy = max(noise(rate_hz, f_hz) for f_hz in FREQUENCIES_HZ)
        print(f"| {rate_hz:g} | {worst[0]:.3f} | {worst[4]:.2f} | {worst[1]:.4f} | {worst[2]:.5f} | {worst[3]:.4f} | "
              f"{noisy:.2f} |")  # fmt: skip
    print(
        "\nGoals: 1; a record's first and last window lean on samples that are not there; 0.02 %; 0.02 %; 1 mHz; 5 mHz.",
        flush=True,
    )


def one(rate_hz: float, f_hz: float) -> list[float]:
    rng = np.random.default_rng(int(rate_hz + 10 * f_hz))
    t = np.arange(int(2 * rate_hz)) / rate_hz
    rms = np.zeros((6, 51))
    rms[:, 1] = (230.0,) * 3 + (10.0,) * 3
    orders = range(2, min(50, int(0.40 * rate_hz / f_hz)) + 1)
    x = np.zeros((6, len(t)))
    for c in range(6):
        for h in (1, *orders):
            rms[c, h] = rms[c, 1] * (rng.uniform(0.01, 0.08) if h > 1 else 1.0)
            angle = rng.uniform(-np.pi, np.pi) if h > 1 else -2 * np.pi / 3 * c
            x[c] += np.sqrt(2) * rms[c, h] * np.cos(2 * np.pi * h * f_hz * t + angle)
    worst = np.zeros(5)
    for k, w in enumerate(Stream(rate_hz).push(x)):
        got = np.concatenate((w.h_u_v, w.h_i_a))[:, list(orders)]
        want = rms[:, list(orders)]
        allowed = np.maximum(1e-3 * want, 1e-4 * rms[:, 1:2])
        effective = np.sqrt((rms**2).sum(axis=1))
        now = (
            np.max(np.abs(got - want) / allowed) if len(orders) else 0.0,
            100 * np.max(np.abs(np.concatenate((w.u_rms_v, w.i_rms_a)) / effective - 1)),
            100 * np.max(np.abs(np.concatenate((w.h_u_v, w.h_i_a))[:, 1] / rms[:, 1] - 1)),
            1000 * abs(w.frequency_hz - f_hz),
        )
        worst = np.maximum(worst, (*now, 0.0) if k else (0.0, 0.0, 0.0, now[3], now[0]))
    return list(worst)


def noise(rate_hz: float, f_hz: float) -> float:
    """Frequency, worst window, with white noise of 1 % of the fundamental (40 dB) on every channel."""
    rng = np.random.default_rng(int(rate_hz + 10 * f_hz))
    t = np.arange(int(10 * rate_hz)) / rate_hz
    x = np.array([np.sqrt(2) * 230.0 * np.cos(2 * np.pi * (f_hz * t - c / 3)) for c in range(6)])
    x += 2.3 * rng.standard_normal(x.shape)
    return float(max(1000 * abs(w.frequency_hz - f_hz) for w in Stream(rate_hz).push(x)))
