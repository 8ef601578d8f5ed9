"""Condition from rows of one second on simulated machines: detection rates, and false findings per motor-year.

`python -m benchmarks.condition_rows [--years 100] [--cases 60] [--days 365] [--first SEED] [--processes 2]`

The plant (tests/support/condition/row_plant.py) shares no code with the detectors, but the phasor diagram, the air
density and the temperature coefficients of copper and magnets are the same physics in both. A motor-year is what a
sound motor meets in a year: starts, ramps, dips, trips, hot afternoons, missing rows, restarts of the agent, an
unbalanced supply, and samples of each day, as rows; temperatures continue between them. A finding counts as false
unless it is true of the plant at that second. 100 motor-years are some 90 million rows.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections import Counter
from collections.abc import Sequence
from multiprocessing import get_context
from random import Random

from support.condition.row_cases import FAULTS, TRAPS
from support.condition.row_judge import Outcome, judge, machine_data
from support.condition.row_year_judge import YearResult, judge_year

from agent.analysis.condition.answers import Condition
from agent.analysis.condition.rows.row_condition import RowCondition

GOAL_ALARMS, GOAL_WARNINGS = 0.1, 0.5


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="condition from rows: rates on simulated machines")
    parser.add_argument("--years", type=int, default=100, help="motor-years of nuisance; 0: none")
    parser.add_argument("--days", type=int, default=365, help="days of each motor")
    parser.add_argument("--cases", type=int, default=60, help="machines of each fault and trap; 0: none")
    parser.add_argument("--first", type=int, default=0, help="first seed")
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args(arguments)
    print(f"cost of a row: {_cost_us():.0f} µs\n", flush=True)
    with get_context("spawn").Pool(options.processes) as pool:
        good = not options.cases or _cases(pool, options.first, options.cases)
        if options.years:
            motors = max(1, round(options.years * 365 / options.days))
            good &= _years(pool, options.first, motors, options.days)
    return 0 if good else 1


def _cost_us() -> float:
    """Processor time of RowCondition for a row of a pump that runs steadily; best of five times ten minutes."""
    case = TRAPS["throttled"](Random("cost"))
    rows, machine = list(case.rows)[:600], machine_data(case.machine.nameplate())
    best_s = math.inf
    for _ in range(5):
        condition = RowCondition(machine)
        begin_s = time.process_time()
        for t_s, row in rows:
            condition.on_row(t_s, row)
        best_s = min(best_s, time.process_time() - begin_s)
    return 1e6 * best_s / len(rows)


def _case(job: tuple[str, int]) -> Outcome:
    name, seed = job
    return judge((FAULTS | TRAPS)[name](Random(f"{name}{seed}")))


def _cases(pool: object, first: int, count: int) -> bool:
    good = True
    print(f"{'simulated machines':<20} {'machines':>8} {'found in time':>14} {'delay s, median, max':>21} "
          f"{'called clear':>13} {'false':>6} {'healthy':>8}  false findings")  # fmt: skip
    for name in (*FAULTS, *TRAPS):
        outcomes = pool.map(_case, [(name, seed) for seed in range(first, first + count)], chunksize=1)  # type: ignore[attr-defined]
        late = sorted(one.late_s for one in outcomes if one.late_s is not None)
        wrong = Counter(code for one in outcomes for code in one.wrong)
        healthy = sum(one.condition is Condition.HEALTHY for one in outcomes)
        cleared = sum(one.cleared for one in outcomes)
        found = f"{100 * sum(one.found for one in outcomes) / count:.1f} %" if name in FAULTS else "–"
        delay = f"{late[len(late) // 2]:.0f}, {late[-1]:.0f}" if late and name in FAULTS else "–"
        false, names = sum(bool(one.wrong) for one in outcomes), (f"{code} {n}" for code, n in wrong.most_common())
        print(f"{name:<20} {count:>8} {found:>14} {delay:>21} {cleared:>13} {false:>6} "
              f"{healthy if name in TRAPS else '–':>8}  {', '.join(names)}", flush=True)  # fmt: skip
        good &= not wrong and not cleared
    return good


def _year(job: tuple[int, int]) -> YearResult:
    seed, days = job
    return judge_year(f"year{seed}", days)


def _years(pool: object, first: int, motors: int, days: int) -> bool:
    begin_s, total = time.monotonic(), YearResult()
    jobs = [(seed, days) for seed in range(first, first + motors)]
    try:
        for result in pool.imap_unordered(_year, jobs):  # type: ignore[attr-defined]
            total.add(result)
            false = total.alarms.total() + total.warnings.total()
            print(f"\r{total.years:.1f} motor-years, {false} false findings, {time.monotonic() - begin_s:.0f} s",
                  end="", file=sys.stderr, flush=True)  # fmt: skip
    except KeyboardInterrupt:
        print("\nended early", file=sys.stderr)
    print(file=sys.stderr)
    alarms, warnings = (sum(counts.values()) / total.years for counts in (total.alarms, total.warnings))
    print(f"\n{total.years:.1f} motor-years of nuisance, simulated machines, {total.rows:,} rows, "
          f"{(time.monotonic() - begin_s) / 60:.0f} min")  # fmt: skip
    print(f"false alarms per motor-year   {alarms:.3f}  (goal ≤ {GOAL_ALARMS})  {dict(total.alarms)}")
    print(f"false warnings per motor-year {warnings:.3f}  (goal ≤ {GOAL_WARNINGS})  {dict(total.warnings)}")
    print(f"true findings among them      {dict(total.true)}")
    for example in total.examples[:20]:
        print(f"  {example}")
    return alarms <= GOAL_ALARMS and warnings <= GOAL_WARNINGS


if __name__ == "__main__":
    sys.exit(main())
