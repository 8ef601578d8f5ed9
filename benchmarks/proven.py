"""Verdicts on plant histories with known savings: coverage of U95, falsely proven, proven, by case.

`python -m benchmarks.proven [SEEDS [CASE …]]`; `--first SEED` for other seeds. Truth is the energy that the old plant
would have needed in the intervals that are part of the saving, less that of the new plant. One line per case:

    cover   U95 contains the truth, % of the seeds, at 0 and at 8 % saved (undecided ones are left out)
    false   proven or provisional at 0 % saved, %; in brackets: proven
    found   proven or provisional at 8 % saved, %; in brackets: proven
    U95     mean at 8 % saved, % of the mean true saving, both relative to the energy of the old plant
    error   mean and standard deviation of saved energy less truth, both savings, % of the adjusted energy
    claimed share of the intervals that are part of the saving, %
    asked   undecided, % of all; refused: no baseline, % of all

With `--lines` it adds a line for each kind of line.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from multiprocessing import get_context

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # small matrices: two threads take longer than one

import numpy as np

from agent.savings.accounting.account import claimable_intervals
from agent.savings.accounting.avoided_energy import SavingsAccumulator
from agent.savings.accounting.driver_error import DriverError, default_error
from agent.savings.accounting.interval_comparison import IntervalResult
from agent.savings.baseline import baseline as learning
from agent.savings.baseline.models import described
from agent.savings.baseline.samples import LearnError
from agent.savings.records.meter_identity import MeterClasses
from agent.savings.records.model import Baseline, Driver, Interval, Saving, StaticFactor
from benchmarks.plant_histories import CASES, History, Period, history
from drivers.file_reasons import nearest

SEEDS, PROCESSES = 60, 2
SAVED = 0.08
HEAD = (f"{'case':<24} {'cover':>11} {'false':>11} {'found':>12} {'U95':>6} {'error':>14} {'claimed':>7} {'asked':>5} "
        f"{'refused':>7}  models")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Outcome:
    """The saving of one history.

    line: pump | fan | mill | strip.
    nothing: the retrofit saves nothing; otherwise 8 %, or what the case draws.
    verdict: of the product; "refused" without a baseline.
    saved_wh, u95_wh, true_wh: saving, its U95 and the truth over the same intervals.
    adjusted_wh: energy of the old plant over these intervals.
    claimed: share of the intervals that are part of the saving.
    model: kind of the model and its drivers.
    """

    line: str
    nothing: bool
    verdict: str
    saved_wh: float = 0.0
    u95_wh: float = 0.0
    true_wh: float = 0.0
    adjusted_wh: float = 0.0
    claimed: float = 0.0
    model: str = ""

    @property
    def covered(self) -> bool:
        return abs(self.saved_wh - self.true_wh) <= self.u95_wh

    @property
    def found(self) -> bool:
        return self.verdict in ("proven", "provisional")


def main() -> None:
    arguments = _arguments()
    print(HEAD)
    tasks = [
        (case, seed, not arguments.uncalibrated and not CASES[case].drifts)
        for case in arguments.cases
        for seed in range(arguments.first, arguments.first + arguments.seeds)
    ]
    began_s, waiting = time.perf_counter(), []
    with get_context("spawn").Pool(PROCESSES) as pool:
        for done, found in enumerate(pool.imap(outcomes, tasks, chunksize=2), 1):
            waiting.append(found)
            if len(waiting) == arguments.seeds:
                _show(tasks[done - 1][0], [item for both in waiting for item in both], arguments.lines)
                waiting.clear()
            if done % 20 == 0:
                spent_s = time.perf_counter() - began_s
                print(f"{done} of {len(tasks)} histories, {spent_s:.0f} s", file=sys.stderr, flush=True)


def _show(name: str, found: Sequence[Outcome], by_line: bool) -> None:
    print(row(name, found), flush=True)
    for line in sorted({item.line for item in found}) if by_line else ():
        print(row(f"  {line}", [item for item in found if item.line == line]), flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.proven")
    parser.add_argument("seeds", nargs="?", type=int, default=SEEDS, metavar="SEEDS", help=f"default: {SEEDS}")
    parser.add_argument("cases", nargs="*", metavar="CASE", help="default: all; " + "; ".join(CASES).replace("%", "%%"))
    parser.add_argument("--first", type=int, default=0, metavar="SEED", help="first seed, default: 0")
    parser.add_argument("--uncalibrated", action="store_true",
                        help="no calibration of a driver is stated; default: only in the cases with drift")  # fmt: skip
    parser.add_argument("--lines", action="store_true", help="show each kind of line, too")
    given = parser.parse_args()
    if given.seeds < 1:
        parser.error(f"SEEDS: must be at least 1, got {given.seeds}")
    for name in given.cases:
        if name not in CASES:
            near = nearest(name, CASES)
            parser.error(f"{name!r}: unknown case; " + (f"did you mean {near!r}?" if near else "see --help"))
    given.cases = given.cases or list(CASES)
    return given


def outcomes(task: tuple[str, int, bool]) -> list[Outcome]:
    """The outcomes of a case and a seed: nothing saved and 8 % saved, or what the case draws. Both share a baseline."""
    name, seed, calibrated = task
    case = CASES[name]
    histories = [history(case, seed, saved) for saved in ((SAVED,) if case.saved is not None else (0.0, SAVED))]
    try:
        baseline = learned(histories[0])
    except LearnError:
        return [Outcome(item.line, item.saved == 0, "refused") for item in histories]
    return [_compared(baseline, item, calibrated) for item in histories]


def _compared(baseline: Baseline, found: History, calibrated: bool) -> Outcome:
    saving, lines = reported(baseline, found, calibrated)
    claimed = np.array([line.excluded is None and line.adjusted_wh is not None for line in lines])
    old_wh, new_wh = (1000 * x[claimed].sum() for x in (found.after.old_kwh, found.after.new_kwh))
    return Outcome(
        found.line, found.saved == 0, saving.verdict, saving.saved_wh, saving.u95_wh, old_wh - new_wh, old_wh,
        claimed.mean(), str(described(baseline.kind, baseline.shape, baseline.drivers)),
    )  # fmt: skip


def learned(found: History) -> Baseline:
    """The frozen baseline that the product learns from the baseline period, with the static factors that hold. Raises
    LearnError.
    """
    rows = intervals(found.before, "meter-1")
    draft = learning.learn("line-1", rows, classes=(found.name, found.name))
    stated = [StaticFactor("product_mix", "as recorded", "benchmark", rows[-1].end_ms)]
    stated += [] if found.season else [StaticFactor("ambient", "indoors", "benchmark", rows[-1].end_ms)]
    return learning.freeze(draft, rows[-1].end_ms, "benchmark", stated)


def reported(baseline: Baseline, found: History, calibrated: bool) -> tuple[Saving, list[IntervalResult]]:
    """The saving of the reporting period and how each of its intervals was compared, in order.

    calibrated: calibrations of the drivers are stated, and show no change.
    """
    rows = intervals(found.after, "meter-1" if found.same_meter else "meter-2")
    first_ms, last_ms = rows[0].start_ms, rows[-1].end_ms
    errors = {name: DriverError(calibrated=True) if calibrated else default_error(name) for name in baseline.drivers}
    classes = MeterClasses(found.name, found.name, ct_a=100.0, va_per_a=found.rated_va / 100)
    tally = SavingsAccumulator(baseline, classes=classes, driver_errors=errors)

    def load(from_ms: int, to_ms: int) -> list[Interval]:
        return [item for item in rows if from_ms <= item.start_ms < to_ms]

    lines = [tally.add(item) for item in claimable_intervals(load, first_ms, last_ms, last_ms, baseline).intervals]
    return tally.saving((first_ms, last_ms)), lines


def intervals(period: Period, meter: str) -> list[Interval]:
    """The rows of a period as intervals; a driver that is missing in a row is not part of it."""
    length_s = int(period.start_s[1] - period.start_s[0])
    columns = {name: values.tolist() for name, values in period.drivers.items()}
    return [
        Interval(
            "line-1", 1000 * start_s, 1000 * energy_kwh, length_s, reactive_varh=1000 * reactive_kvarh, meter=meter,
            drivers={name: Driver(x[i]) for name, x in columns.items() if x[i] == x[i]},
        )
        for i, (start_s, energy_kwh, reactive_kvarh) in enumerate(
            zip(period.start_s.tolist(), period.energy_kwh.tolist(), period.reactive_kvarh.tolist(), strict=True)
        )
    ]  # fmt: skip


def row(name: str, found: Sequence[Outcome]) -> str:
    """The line of a case."""
    nothing, saved = ([item for item in found if item.nothing is wanted] for wanted in (True, False))
    compared = [item for item in found if item.verdict not in ("refused", "undecided") and item.adjusted_wh]
    errors = [100 * (item.saved_wh - item.true_wh) / item.adjusted_wh for item in compared]
    relative = [
        (item.u95_wh / item.adjusted_wh, item.true_wh / item.adjusted_wh) for item in compared if not item.nothing
    ]
    cover = [percent(item.covered for item in part if item in compared) for part in (nothing, saved)]
    models = Counter(item.model for item in found if item.model)
    false, sure = ([percent(x) for x in ((item.found for item in part), (item.verdict == "proven" for item in part))]
                   for part in (nothing, saved))  # fmt: skip
    error = f"{np.mean(errors):+.2f} ± {np.std(errors):.2f}" if errors else "-"
    return (
        f"{name:<24} {'/'.join(cover):>11} {f'{false[0]} ({false[1]})':>11} {f'{sure[0]} ({sure[1]})':>12} "
        f"{100 * np.divide(*np.mean(relative, axis=0)) if relative else np.nan:6.1f} {error:>14} "
        f"{100 * np.mean([item.claimed for item in found]):7.1f} "
        f"{percent(item.verdict == 'undecided' for item in found):>5} "
        f"{percent(item.verdict == 'refused' for item in found):>7}  "
        + ", ".join(f"{model} {count}" for model, count in models.most_common(4))
    )


def percent(flags: Iterable[bool]) -> str:
    """Share of true flags in percent with one decimal; "-" without any flag."""
    found = list(flags)
    return f"{100 * sum(found) / len(found):.1f}" if found else "-"


if __name__ == "__main__":
    main()
