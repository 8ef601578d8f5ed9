"""Coverage: how often U95 of a saving covers the truth, over many seeds.

`python -m benchmarks.savings [SEEDS [CASE …]]`. The case `worlds`, or the name of one: mills that were not used for
tuning, each with 8 % saved and with no saving.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # small matrices: two threads take longer than one

import numpy as np

sys.path.append(str(Path(__file__).parents[1] / "tests"))
from support.independent_plant_cases import WORLDS, Outcome, both
from support.retrofit_cases import CASES, Reported

from agent.config.schema import nearest
from agent.savings.baseline.models import described

SEEDS = 1000


def main() -> None:
    seeds, names = asked(sys.argv[1:])
    for name in names:
        began_s = time.perf_counter()
        if name in CASES:
            show(name, [CASES[name](seed) for seed in range(seeds)])
        else:
            outcomes = [both(name, seed) for seed in range(seeds)]
            show(name, [saved for saved, _ in outcomes])
            show(f"{name}, no saving", [nothing for _, nothing in outcomes])
        print(f"  {seeds} seeds, {time.perf_counter() - began_s:.0f} s", flush=True)


def asked(words: Sequence[str]) -> tuple[int, list[str]]:
    """Parse the number of seeds and the cases."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.savings", description=__doc__)
    parser.add_argument("seeds", nargs="?", type=int, default=SEEDS, metavar="SEEDS", help=f"default: {SEEDS}")
    parser.add_argument("cases", nargs="*", metavar="CASE", help="default: " + "; ".join(CASES))
    given = parser.parse_args(words)
    if given.seeds < 1:
        parser.error(f"SEEDS: must be at least 1, got {given.seeds}")
    known = [*CASES, *WORLDS, "worlds"]
    for name in given.cases:
        if name not in known:
            near = nearest(name, known)
            there = f"did you mean {near!r}?" if near else f"known: {'; '.join(known)}"
            parser.error(f"{name!r}: unknown case; {there}")
    return given.seeds, [one for name in given.cases or CASES for one in (WORLDS if name == "worlds" else [name])]


def show(name: str, reported: Sequence[Reported | Outcome]) -> None:
    """Print errors and uncertainties in percent of the true adjusted baseline, and of the true saving where there is
    one.
    """
    saved, true = np.array([(item.saving.saved_wh, item.true_wh) for item in reported]).T
    u95 = np.array([item.saving.u95_wh for item in reported])
    adjusted = np.array([item.true_adjusted_wh for item in reported]) / 100
    covered = 100 * np.mean([item.covered for item in reported])
    proven = 100 * np.mean([item.saving.verdict in ("proven", "provisional") for item in reported])
    error = (saved - true) / adjusted
    print(f"{name}: U95 covers in {covered:.1f} %, proven in {proven:.1f} %; saved {(true / adjusted).mean():.2f} %, "
          f"U95 {(u95 / adjusted).mean():.2f} %, error {error.mean():+.3f} %, "
          f"largest {np.abs(error).max():.2f} %")  # fmt: skip
    if (true > 0).all():
        shares, errors = 100 * u95 / true, 100 * np.abs(saved / true - 1)
        print(f"  of the saving: U95 {shares.mean():.1f} %, largest {shares.max():.1f} %; error rms "
              f"{np.sqrt((errors**2).mean()):.2f} %, largest {errors.max():.1f} %")  # fmt: skip
    causes = [f"{cause} {np.mean([item.saving.causes[cause] for item in reported] / adjusted):.3f}"
              for cause in reported[0].saving.causes]  # fmt: skip
    print(f"  standard uncertainties, %: {', '.join(causes)}")
    kinds = Counter(_model(item) for item in reported)
    print("  models:", ", ".join(f"{kind} {count}" for kind, count in kinds.most_common()))
    print(f"  within the baseline's range {100 * np.mean([_claimed(item) for item in reported]):.1f} % of the time")
    split = [item for item in reported if isinstance(item, Reported) and item.saving.parts]
    for part in ("control", "motor", "drive") if split else ():
        missed = np.array([item.saving.parts[part].wh - _true_wh(item, part) for item in split])
        inside = 100 * np.mean(np.abs(missed) <= [item.saving.parts[part].u95_wh for item in split])
        print(f"  {part}: error {(missed / adjusted).mean():+.3f} %, largest {np.abs(missed / adjusted).max():.3f} %, "
              f"inside U {inside:.1f} %")  # fmt: skip


def _true_wh(reported: Reported, part: str) -> float:
    known = {"motor": reported.motor_wh, "drive": reported.drive_wh}
    return known[part] if part in known else reported.true_wh - reported.motor_wh - reported.drive_wh


def _model(reported: Reported | Outcome) -> str:
    base = reported.baseline
    return str(described(base.kind, base.shape, base.drivers))


def _claimed(reported: Reported | Outcome) -> float:
    return reported.saving.intervals / len(reported.lines)


if __name__ == "__main__":
    main()
