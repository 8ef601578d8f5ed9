"""How often recordings of cage motors are judged rightly, over random simulated machines, and what it costs.

Run: make bench-condition, or PYTHONPATH=.:tests python -m benchmarks.condition_cage [RECORDS [SEED [KIND]]]. KIND: of
support.condition.cage_cases, or a part of its name.
Machines: every bar a mesh (tests/support/condition). The open analyser statorscope is run on the same recordings if it
is installed; it is given the number of pole pairs and the mains frequency, as its command line is.
"""

from __future__ import annotations

import statistics
import sys
import time
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from support.condition.cage_cases import KINDS
from support.condition.cage_machine import random_machine
from support.condition.cage_plant import Case, Recording, simulate

from agent.analysis.condition.answers import Answer, ConditionFinding, NotObservable, condition_of
from agent.analysis.condition.cage import cage_answers
from agent.analysis.condition.cage_features import cage_features
from agent.analysis.condition.faults import REQUIRED_CAGE
from agent.analysis.condition.machine import MachineData
from agent.analysis.condition.record import Record

try:
    import statorscope
except ImportError:
    statorscope = None

BATCH = 32


@dataclass
class Row:
    """Counts of one kind of recording. bars: findings; reasons: not observable; peer: findings of statorscope."""

    records: int = 0
    bars: int = 0
    clear: int = 0
    healthy: int = 0
    peer: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    findings: Counter[str] = field(default_factory=Counter)


def machine_of(one: Recording) -> MachineData:
    plate = one.case.machine.nameplate()
    whole = {key: int(plate.pop(key)) for key in ("poles", "rotor_bars")}
    return MachineData(kind="induction", at="line", **plate, **whole)


def recordings(kind: str, count: int, seed: int) -> Iterator[Recording]:
    rng = np.random.default_rng([seed, *kind.encode()])
    cases = [KINDS[kind](rng) for _ in range(count)]
    for first in range(0, count, BATCH):
        for one in simulate(cases[first : first + BATCH]):
            if np.isfinite(one.i_a).all():  # else the motor stalled, which the model of constant speed cannot follow
                yield one


def add(row: Row, one: Recording) -> None:
    found: list[Answer] = cage_answers(Record(one.fs_hz, one.u_v, one.i_a), machine_of(one), None)
    row.records += 1
    bar = next(answer for answer in found if answer.code == "broken_rotor_bar")
    if isinstance(bar, ConditionFinding):
        row.bars += 1
    elif isinstance(bar, NotObservable):
        row.reasons[bar.reason.code.removeprefix("condition_").removeprefix("cage_")] += 1
    else:
        row.clear += 1
    row.healthy += condition_of(found, REQUIRED_CAGE) == "healthy"
    for answer in found:
        if isinstance(answer, ConditionFinding) and answer.code != "broken_rotor_bar":
            row.findings[f"{answer.code} ({answer.severity})"] += 1
    row.peer += peer_finds_bar(one)


def peer_finds_bar(one: Recording) -> bool:
    if statorscope is None:
        return False
    m = one.case.machine
    motor = statorscope.Motor(pole_pairs=m.pairs, line_hz=m.hz, rotor_bars=m.bars)
    recording = statorscope.Recording(current=one.i_a.T, fs=one.fs_hz)
    return bool(next(f for f in statorscope.diagnose(recording, motor).faults if f.kind == "broken_rotor_bar").detected)


def cost() -> None:
    case = Case(random_machine(np.random.default_rng(1)), 0.7)
    one = simulate([case])[0]
    record, machine = Record(one.fs_hz, one.u_v, one.i_a), machine_of(one)
    cage_features(record, machine)
    times = []
    for _ in range(7):
        started = time.process_time()
        cage_features(record, machine)
        times.append(time.process_time() - started)
    tracemalloc.start()
    cage_features(record, machine)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    print(
        f"one recording of 18 s at 4 kS/s: {statistics.median(times) * 1e3:.0f} ms of one core, "
        f"{peak / 2**20:.1f} MiB in addition to the samples"
    )


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 40
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    wanted = sys.argv[3] if len(sys.argv) > 3 else ""
    kinds = [wanted] if wanted in KINDS else [kind for kind in KINDS if wanted in kind]
    cost()
    peer = " statorscope" if statorscope is not None else ""
    print(f"simulated machines, {count} records of each kind, seed {seed}; broken_rotor_bar:")
    print(f"{'kind':36} {'records':>8} {'finding':>8} {'open':>6} {'clear':>6} {'healthy':>8}{peer}")
    for kind in kinds:
        row = Row()
        for one in recordings(kind, count, seed):
            add(row, one)
        other = f" {row.peer:11}" if statorscope is not None else ""
        numbers = f"{row.records:8} {row.bars:8} {row.reasons.total():6} {row.clear:6} {row.healthy:8}"
        print(f"{kind:36} {numbers}{other}  {dict(row.reasons)} {dict(row.findings)}", flush=True)


if __name__ == "__main__":
    main()
