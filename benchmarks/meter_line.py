"""DL/T 645 on a poor line: wrong and recovered values by fault. Run: make bench-bus, or benchmarks/bus.py dlt645."""

from __future__ import annotations

import time
from collections import Counter

from support.meter_exchanges import exchanged

from simulators.bus.meter_station import MeterNoise

ALL = MeterNoise(
    late=0.02, truncated=0.03, foreign=0.03, echoed=0.05, damaged=0.04, noise=0.05, hole=0.05, lost=0.02, bare=0.1
)
SHARE = 0.25  # of the responses, of a fault alone
FAULTS = {
    "late by 1.1 s": MeterNoise(late=SHARE),
    "truncated": MeterNoise(truncated=SHARE),
    "response of another meter before it": MeterNoise(foreign=SHARE),
    "echoed request": MeterNoise(echoed=SHARE),
    "one wrong byte": MeterNoise(damaged=SHARE),
    "noise before it": MeterNoise(noise=SHARE),
    "no FEH before it": MeterNoise(bare=SHARE),
    "hole of 400 ms": MeterNoise(hole=SHARE),
    "no response": MeterNoise(lost=SHARE),
}
BLOCKS, EXCHANGES, ALONE = 25, 4000, 2000  # runs of all faults, exchanges of each; exchanges of one fault alone
OUTCOMES = ("right", "wrong", "postponed", "lost", "stopped")


def dlt645() -> None:
    """Prints the table of docs/how-to/dlt645.md."""
    began_s = time.process_time()
    print("\n## DL/T 645 on a poor line\n")
    print(f"Simulated lines at 2400 and 9600 Bd, half of the exchanges each, up to three attempts. All: "
          f"{BLOCKS * EXCHANGES:,} exchanges, in which a fault is drawn for each response; a fault alone: {ALONE:,}, "
          f"in {100 * SHARE:.0f} % of the responses. recovered: share of the exchanges with an intact response. "
          "stopped: the responses of the other meter prove another master.\n")  # fmt: skip
    print(f"| faults | {' | '.join(OUTCOMES)} | recovered |")
    print("|---" * (len(OUTCOMES) + 2) + "|")
    for name, noise in FAULTS.items():
        _row(name, noise, 2, ALONE // 2)
    _row("all", ALL, BLOCKS, EXCHANGES)
    print(f"\n{time.process_time() - began_s:.0f} s of processor time.", flush=True)


def _row(name: str, noise: MeterNoise, runs: int, exchanges: int) -> None:
    total = Counter[str]()
    for seed in range(runs):
        total += exchanged(exchanges, seed, (2400, 9600)[seed % 2], noise)[0]
    n = sum(total[outcome] for outcome in OUTCOMES)
    shares = " | ".join(str(total[item]) if item == "wrong" else f"{100 * total[item] / n:.2f} %" for item in OUTCOMES)
    print(f"| {name} | {shares} | {100 * total['recovered'] / max(total['responded'], 1):.2f} % |", flush=True)
