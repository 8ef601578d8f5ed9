"""What RowCondition promises as a whole: each code once, gaps and restarts, little cost."""

from __future__ import annotations

import json
import subprocess
import sys
from random import Random

import pytest
from support.condition.row_cases import FAULTS, TRAPS
from support.condition.row_judge import judge
from support.condition.row_year_judge import judge_year
from support.condition.steady_rows import Watched, machine, row, stopped

from agent.analysis.condition.answers import Condition, NotObservable, condition_of
from agent.analysis.condition.faults import FAULTS as CODES
from agent.analysis.condition.faults import REQUIRED_ROWS_PUMP_FAN
from agent.analysis.condition.machine import MachineData
from agent.analysis.condition.rows.row_condition import RowCondition

LONG = {"cooling lost", "bearing hot", "filter clogs", "flux lost", "hot day", "load step", "cavitation"}


def test_each_code_has_one_answer_and_steady_operation_is_healthy() -> None:
    answers = Watched().feed(300).condition.answers()
    assert sorted(one.code for one in answers) == sorted(CODES)
    assert condition_of(answers, REQUIRED_ROWS_PUMP_FAN) is Condition.HEALTHY


@pytest.mark.parametrize("data", [MachineData(), MachineData(kind="magnet"), machine(kw=None, amps=None, volts=None)])
def test_without_a_nameplate_nothing_is_found_and_nothing_is_healthy(data: MachineData) -> None:
    watched = Watched(data).feed(300)
    assert not watched.found
    assert condition_of(watched.condition.answers(), REQUIRED_ROWS_PUMP_FAN) is Condition.UNKNOWN


def test_a_motor_that_stands_is_not_called_healthy() -> None:
    answers = Watched().feed(300, stopped).condition.answers()
    assert condition_of(answers, REQUIRED_ROWS_PUMP_FAN) is Condition.UNKNOWN


def test_rows_without_values_and_unknown_columns() -> None:
    watched = Watched(machine(kind="induction")).feed(60, lambda t_s: {}).feed(5, lambda t_s: {"vibration_mm_s": 3.0})
    assert not watched.found
    assert {type(one) for one in watched.condition.answers()} == {NotObservable}


def test_gaps_and_times_that_do_not_advance() -> None:
    condition = RowCondition(machine())
    times = [0, 1, 1, 0, 2, 500, 501, 502, 90000, 90001]
    assert not [finding for t_s in times for finding in condition.on_row(t_s, row(t_s))]


def test_a_delay_does_not_run_through_a_gap() -> None:
    dry = {"p_out_kw": 2.0, "torque_pct": 21.0, "p_in_kw": 2.2, "i_out_a": 5.0}
    watched = Watched().feed(300).feed(6, **dry)
    watched.t_s += 100
    watched.feed(5, **dry)
    assert "dry_run" not in watched.found


def test_an_alarm_follows_its_warning_and_what_was_found_keeps_its_first_time() -> None:
    watched = Watched().feed(100, winding_degc=132.0)
    for degc in range(132, 150):
        watched.feed(20, winding_degc=float(degc))
    (found,) = [one for one in watched.condition.answers() if one.code == "over_temperature"]
    active = watched.condition.active()["over_temperature"]
    assert found.severity == active.severity == "alarm"  # type: ignore[union-attr]
    assert found.at_s == watched.found["over_temperature"].at_s < active.at_s  # type: ignore[union-attr]


def test_the_state_is_small_json() -> None:
    state = Watched().feed(700).condition.state()
    assert json.loads(json.dumps(state)) == state
    assert len(json.dumps(state)) < 4000


def test_numpy_is_not_needed() -> None:
    script = (
        "import sys, agent.analysis.condition.rows.row_condition; "
        "raise SystemExit('numpy' in sys.modules or 'numba' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], timeout=60, check=False).returncode == 0


@pytest.mark.parametrize("name", [name for name in FAULTS if name not in LONG])
def test_faults_of_simulated_machines(name: str) -> None:
    outcome = judge(FAULTS[name](Random(f"{name}1")))
    assert outcome.found
    assert not outcome.wrong


@pytest.mark.parametrize("name", [name for name in TRAPS if name not in LONG])
def test_traps_of_simulated_machines(name: str) -> None:
    assert not judge(TRAPS[name](Random(f"{name}1"))).wrong


@pytest.mark.soak
@pytest.mark.parametrize("name", [*FAULTS, *TRAPS])
def test_many_simulated_machines(name: str) -> None:
    """benchmarks/condition_rows.py prints the rates; here nothing may be found that is not true."""
    for seed in range(15):
        case = (FAULTS | TRAPS)[name](Random(f"{name}{seed}"))
        outcome = judge(case)
        assert not outcome.wrong, seed


def test_two_days_of_nuisance_find_nothing() -> None:
    result = judge_year("a pump", days=2)
    assert result.rows > 2000
    assert not result.alarms
    assert not result.warnings
