"""Writes examples/drive_input.csv: the mains side of a drive, from closed forms. Each run writes the same file.

400 V, 50 Hz, three phases. The currents are those of a six-pulse rectifier with an input choke: orders 5, 7, 11, 13 as
shares of the fundamental, which lags by 15°. Only fundamentals carry power here: the voltages have no harmonics.
"""

from __future__ import annotations

import math
from pathlib import Path

RATE_HZ, SECONDS, MAINS_HZ = 5000, 0.6, 50.0
U_RMS_V, I_RMS_A, LAG_DEG = 230.0, 100.0, 15.0  # of the fundamentals
SHARES = {1: 1.0, 5: 0.35, 7: 0.12, 11: 0.07, 13: 0.04}


def voltage(t_s: float, phase: int) -> float:
    return math.sqrt(2) * U_RMS_V * math.sin(2 * math.pi * (MAINS_HZ * t_s - phase / 3))


def current(t_s: float, phase: int) -> float:
    angle = 2 * math.pi * (MAINS_HZ * t_s - phase / 3) - math.radians(LAG_DEG)
    return math.sqrt(2) * I_RMS_A * sum(share * math.sin(order * angle) for order, share in SHARES.items())


def main() -> None:
    lines = ["t,u1 [V],u2 [V],u3 [V],i1 [A],i2 [A],i3 [A]"]
    for number in range(round(RATE_HZ * SECONDS)):
        t_s = number / RATE_HZ
        values = [shape(t_s, phase) for shape in (voltage, current) for phase in range(3)]
        lines.append(",".join([f"{t_s:.4f}", *(f"{value:.3f}" for value in values)]))
    (Path(__file__).parent / "drive_input.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
