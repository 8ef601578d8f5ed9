"""Cage motors on the line: what is called a broken bar, on simulated machines; beside statorscope, if it is installed.

    python -m benchmarks.condition_cage [COUNT]     COUNT recordings of each kind, default 40

statorscope 0.3 gets what it asks for: currents, pole pairs, bars, frequency and rated speed. "supported" is its own word for
a fault that its audit of the recording lets stand.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable

import numpy as np
from support.condition.cage_cases import KINDS
from support.condition.cage_plant import Recording, simulate

from agent.analysis.condition.answers import ConditionFinding, NotObservable, Severity, condition_of
from agent.analysis.condition.cage import cage_answers
from agent.analysis.condition.faults import REQUIRED_CAGE
from agent.analysis.condition.machine import MachineData
from agent.analysis.condition.record import Record

BAR, OPEN_BAR = "broken_rotor_bar", "rotor_or_load"
BATCH = 8


def ours(one: Recording) -> str:
    """What magwatt says of the bars, or of the machine when it says nothing of them."""
    plate = one.case.machine.nameplate()
    whole = {key: int(plate.pop(key)) for key in ("poles", "rotor_bars")}
    machine = MachineData(kind="induction", at="line", **plate, **whole)
    answers = cage_answers(Record(one.fs_hz, one.u_v, one.i_a), machine, None)
    said = {answer.code: answer for answer in answers}
    for code in (BAR, OPEN_BAR):
        found = said.get(code)
        if isinstance(found, ConditionFinding) and found.severity is not Severity.NOTE:
            return "bar" if code == BAR else "left open"
    if isinstance(said.get(BAR), NotObservable):
        return "not observable"
    return str(condition_of(answers, REQUIRED_CAGE))


def peer() -> Callable[[Recording], str] | None:
    """statorscope; None: it is not installed."""
    try:
        from statorscope import Motor, diagnose
        from statorscope import Recording as Currents
    except ImportError:
        return None

    def diagnosed(one: Recording) -> str:
        plate = one.case.machine.nameplate()
        motor = Motor(int(plate["poles"]) // 2, int(plate["rotor_bars"]), plate["hz"], plate["rpm"])
        try:
            found = diagnose(Currents(np.ascontiguousarray(one.i_a.T), one.fs_hz), motor)
        except ValueError:
            return "error"
        bars = any(fault.detected and "bar" in fault.kind for fault in found.faults)
        return ("bar" if found.clock.trustworthy else "bar, not supported") if bars else "no bar"

    return diagnosed


def main(count: int) -> None:
    rng, other = np.random.default_rng(2021), peer()
    print(f"simulated machines, {count} recordings of each kind\n")
    seconds: Counter[str] = Counter()
    for kind, make in KINDS.items():
        said: dict[str, Counter[str]] = {"magwatt": Counter(), "statorscope": Counter()}
        for start in range(0, count, BATCH):
            for one in simulate([make(rng) for _ in range(min(BATCH, count - start))]):
                for name, judge in (("magwatt", ours), ("statorscope", other)):
                    if judge is not None:
                        begin_s = time.process_time()
                        said[name][judge(one)] += 1
                        seconds[name] += time.process_time() - begin_s
        for name, counts in said.items():
            if counts:
                print(f"{kind:36} {name:12} " + ", ".join(f"{word} {n}" for word, n in counts.most_common()), flush=True)
    if other is None:
        print("\nstatorscope is not installed: pip install statorscope")
    total = count * len(KINDS)
    print("\n" + ", ".join(f"{name} {1000 * used / total:.0f} ms a recording" for name, used in seconds.items()))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 40)
