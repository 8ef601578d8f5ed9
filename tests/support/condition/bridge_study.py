"""Rates of the rules for the supply side of a drive over simulated machines.

python -m support.condition.bridge_study 60             prints a row per scenario, with 60 machines each
python -m support.condition.bridge_study 60 7 capacitor with seed 7, scenarios with this word
"""

from __future__ import annotations

import cmath
import math
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import msgspec
import numpy as np
from support.condition.bridge import sequence
from support.condition.bridge_machines import Drive, random_drive
from support.condition.bridge_recording import changing_record, steady_record

from agent.analysis.condition.answers import Answer, Clear, ConditionFinding, Severity
from agent.analysis.condition.rectifier import rectifier_answers

LOADS = (0.153, 1.1)  # of the rated power; 2 % above the limit of 15 %, which gains of channels may take
Case = Callable[[np.random.Generator], list[Answer]]


def healthy(random: np.random.Generator) -> list[Answer]:
    drive = random_drive(random, random.uniform(0.16, 1.1), random.uniform(0, 0.008))
    return _answers(drive, random)


def unbalanced(random: np.random.Generator) -> list[Answer]:
    return _answers(random_drive(random, random.uniform(0.16, 1.1), random.uniform(0.014, 0.03)), random)


def little_load(random: np.random.Generator) -> list[Answer]:
    return _answers(random_drive(random, random.uniform(0.02, 0.14), random.uniform(0, 0.03)), random)


def even_orders(largest: float, loads: tuple[float, float], *, with_open: bool = False) -> Case:
    """2nd and 4th order in the supply, each up to a share of its voltage, in either sequence."""

    def case(random: np.random.Generator) -> list[Answer]:
        drive = random_drive(random, random.uniform(*loads), random.uniform(0, 0.02))
        peak = drive.bridge.phasors[0]
        for order in (2, 4):
            size = abs(peak) * random.uniform(0, largest) * cmath.exp(2j * math.pi * random.random())
            drive.bridge.harmonics[order] = sequence(order, size, bool(random.random() < 0.5))
        return _answers(_opened(drive, random) if with_open else drive, random)

    return case


def open_diode(random: np.random.Generator) -> list[Answer]:
    return _answers(_opened(random_drive(random, random.uniform(*LOADS), random.uniform(0, 0.02)), random), random)


def open_diode_transformers(random: np.random.Generator) -> list[Answer]:
    drive = _opened(random_drive(random, random.uniform(*LOADS), random.uniform(0, 0.02)), random)
    drive.how.transformer = True
    return _answers(drive, random)


def lost_phase(random: np.random.Generator) -> list[Answer]:
    drive = random_drive(random, random.uniform(0.2, 1.1), random.uniform(0, 0.014))
    phase = int(random.integers(3))
    drive.bridge.open_diodes = ((phase, 1), (phase, -1))
    drive.bridge.filter_f = 0.0  # of a line that is open nothing flows into the filter
    return _answers(drive, random)


def dip(random: np.random.Generator) -> list[Answer]:
    drive = random_drive(random, random.uniform(0.3, 1.0), 0.003)
    drive.how.seconds = 2.0
    record = changing_record(
        drive.bridge, drive.how, random, change_s=random.uniform(0.3, 1.5),
        dip=(random.uniform(0.3, 0.85), random.uniform(0.03, 0.3)),
    )  # fmt: skip
    return rectifier_answers(record, drive.machine, None)


def load_step(random: np.random.Generator) -> list[Answer]:
    drive = random_drive(random, random.uniform(0.3, 1.0), 0.003)
    drive.how.seconds = 2.0
    late = drive.bridge.p_w * random.uniform(0.3, 1.3)
    record = changing_record(drive.bridge, drive.how, random, change_s=random.uniform(0.3, 1.7), power_w=late)
    return rectifier_answers(record, drive.machine, None)


def phase_lost_within(random: np.random.Generator) -> list[Answer]:
    drive = random_drive(random, random.uniform(0.3, 1.0), 0.003)
    drive.how.seconds = 2.0
    phase = int(random.integers(3))
    opened = ((phase, 1), (phase, -1))
    record = changing_record(drive.bridge, drive.how, random, change_s=random.uniform(0.3, 1.2), opened=opened)
    return rectifier_answers(record, drive.machine, None)


def capacitor(share: float, with_baseline: bool) -> Case:
    """The capacitor at a share of its capacitance when new; the baseline is recorded at another load."""

    def case(random: np.random.Generator) -> list[Answer]:
        drive = random_drive(random, random.uniform(0.16, 1.1), random.uniform(0, 0.02))
        aged = Drive(replace(drive.bridge, c_f=share * drive.bridge.c_f), drive.how, drive.machine)
        baseline = None
        if with_baseline:
            aged.machine = type(drive.machine)(at="drive_input", kw=drive.machine.kw)
            baseline = steady_record(drive.at_load(random.uniform(0.2, 1.1)).bridge, drive.how, random)
        return rectifier_answers(steady_record(aged.bridge, aged.how, random), aged.machine, baseline)

    return case


def capacitor_from_line(share: float) -> Case:
    """As `capacitor`, without the voltage of the link in both recordings; the baseline is of any load."""

    def case(random: np.random.Generator) -> list[Answer]:
        drive = random_drive(random, random.uniform(0.3, 1.1), random.uniform(0, 0.02))
        sound = steady_record(drive.at_load(random.uniform(0.3, 1.1)).bridge, drive.how, random)
        aged = steady_record(replace(drive.bridge, c_f=share * drive.bridge.c_f), drive.how, random)
        record, baseline = (msgspec.structs.replace(one, u_dc_v=None, u_dc_hz=None) for one in (aged, sound))
        return rectifier_answers(record, drive.machine, baseline)

    return case


def other_baseline(random: np.random.Generator) -> list[Answer]:
    """A sound drive, and the recording of another one as its baseline."""
    drive, other = (random_drive(random, random.uniform(0.2, 1.1), 0.003) for _ in range(2))
    baseline = steady_record(other.bridge, other.how, random)
    return rectifier_answers(steady_record(drive.bridge, drive.how, random), drive.machine, baseline)


def _opened(drive: Drive, random: np.random.Generator) -> Drive:
    drive.bridge.open_diodes = ((int(random.integers(3)), int(random.choice([-1, 1]))),)
    return drive


def _answers(drive: Drive, random: np.random.Generator) -> list[Answer]:
    return rectifier_answers(steady_record(drive.bridge, drive.how, random), drive.machine, None)


SCENARIOS: dict[str, Case] = {
    "sound": healthy, "sound, supply unbalanced by 1.4 to 3 %": unbalanced, "sound, load below 15 %": little_load,
    "sound, even orders of the supply up to 1 %": even_orders(0.01, LOADS),
    "sound, even orders of the supply up to 2 %, little load": even_orders(0.02, (0.15, 0.35)),
    "sound, dip": dip, "sound, load step": load_step,
    "diode open, even orders of the supply up to 0.5 %": even_orders(0.005, LOADS, with_open=True),
    "sound, baseline of another drive": other_baseline, "open diode": open_diode,
    "open diode, current transformers": open_diode_transformers, "phase lost": lost_phase,
    "phase lost within the recording": phase_lost_within, "capacitor 40 %, baseline": capacitor(0.4, True),
    "capacitor 70 %, baseline": capacitor(0.7, True), "capacitor 90 %, baseline": capacitor(0.9, True),
    "capacitor 40 %, nameplate": capacitor(0.4, False), "capacitor 70 %, nameplate": capacitor(0.7, False),
    "capacitor 95 %, nameplate": capacitor(0.95, False), "sound, from the supply alone": capacitor_from_line(1.0),
    "40 %, from the supply alone": capacitor_from_line(0.4),
}  # fmt: skip


def verdicts(answers: list[Answer]) -> dict[str, str]:
    """Code → finding, note, clear or not observable."""
    return {
        one.code: ("note" if one.severity is Severity.NOTE else "finding") if isinstance(one, ConditionFinding)
        else "clear" if isinstance(one, Clear) else "not observable"
        for one in answers
    }  # fmt: skip


def count(case: Case, machines: int, seed: int) -> Counter[tuple[str, str]]:
    """How often each verdict was given on each fault."""
    found: Counter[tuple[str, str]] = Counter()
    for number in range(machines):
        found.update(verdicts(case(np.random.default_rng((seed, number)))).items())
    return found


def main() -> None:
    machines, seed = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0
    only = sys.argv[3] if len(sys.argv) > 3 else ""
    reported = ("phase_loss", "diode_open", "dc_link_capacitor", "supply_unbalance", "supply_dip")
    print(f"simulated machines, {machines} each: found / clear / not observable")
    for name, case in SCENARIOS.items():
        if only in name:
            found = count(case, machines, seed)
            cells = (
                f"{code} {found[code, 'finding'] + found[code, 'note']}/{found[code, 'clear']}/"
                f"{found[code, 'not observable']}" for code in reported
            )  # fmt: skip
            print(f"{name:45s}", *cells, flush=True)


if __name__ == "__main__":
    main()
