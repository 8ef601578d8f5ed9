"""Alarms second by second: value, operator, motor and restart → state. Expected times follow from limit and delays."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.alarms import AlarmBench, definition

from agent.config.alarm_definition import AlarmDefinition
from agent.config.alarm_table import DEFINITIONS

Case = dict[str, Any]


def high(**config: Any) -> dict[str, Any]:
    return {"limit": 110, "direction": "high", "on_delay_s": 7, "off_delay_s": 5, "deadband": 4, **config}


def samples(*spans: tuple[int, int, float | None]) -> list[dict[str, Any]]:
    return [{"from_s": begin, "to_s": end, "value": value} for begin, end, value in spans]


# Raised: first sample beyond the limit + on-delay. Returned: first sample beyond the deadband + off-delay.
OWN: list[Case] = [
    {"name": "acknowledged, then returned", "config": high(),
     "samples": samples((0, 9, 100), (10, 39, 112), (40, 90, 105)), "operator": [[25, "ack"]],
     "expect": [[17, "UNACK"], [25, "ACKED"], [45, "NORM"]], "announcements": 1},
    {"name": "within the deadband it has not returned", "config": high(),
     "samples": samples((0, 9, 100), (10, 19, 112), (20, 59, 107), (60, 90, 105)), "operator": [],
     "expect": [[17, "UNACK"], [65, "RTNUN"]], "announcements": 1},
    {"name": "a dip below the limit starts the on-delay again", "config": high(),
     "samples": samples((0, 9, 100), (10, 15, 112), (16, 16, 100), (17, 40, 112)), "operator": [],
     "expect": [[24, "UNACK"]], "announcements": 1},
    {"name": "a peak starts the off-delay again", "config": high(),
     "samples": samples((0, 9, 112), (10, 13, 100), (14, 14, 112), (15, 40, 100)), "operator": [],
     "expect": [[7, "UNACK"], [20, "RTNUN"]], "announcements": 1},
    {"name": "it rises again after it has returned: a second occurrence", "config": high(),
     "samples": samples((0, 9, 112), (10, 19, 100), (20, 40, 112)), "operator": [],
     "expect": [[7, "UNACK"], [15, "RTNUN"], [27, "UNACK"]], "announcements": 2},
    {"name": "without data no delay runs", "config": high(),
     "samples": samples((0, 2, 112), (3, 20, None), (21, 60, 112)), "operator": [],
     "expect": [[25, "UNACK"]], "announcements": 1},  # 3 s + 4 s
    {"name": "without data nothing returns", "config": high(),
     "samples": samples((0, 19, 112), (20, 22, 100), (23, 80, None), (81, 99, 100)), "operator": [],
     "expect": [[7, "UNACK"], [83, "RTNUN"]], "announcements": 1},  # 3 s + 2 s
    {"name": "never any data", "config": high(), "samples": samples((0, 60, None)), "operator": [], "expect": [],
     "announcements": 0},
    {"name": "low limit", "config": {**high(), "limit": 3.5, "direction": "low", "deadband": 0.5},
     "samples": samples((0, 4, 5.0), (5, 19, 3.5), (20, 29, 3.9), (30, 60, 4.0)), "operator": [],
     "expect": [[12, "UNACK"], [35, "RTNUN"]], "announcements": 1},
    {"name": "shelving ends after the condition", "config": high(),
     "samples": samples((0, 30, 112), (31, 200, 100)), "operator": [[12, "shelve 60 s"]],
     "expect": [[7, "UNACK"], [12, "SHLVD"], [72, "NORM"]], "announcements": 1},
    {"name": "shelved before it rises", "config": high(),
     "samples": samples((0, 19, 100), (20, 200, 112)), "operator": [[5, "shelve 50 s"]],
     "expect": [[5, "SHLVD"], [55, "UNACK"]], "announcements": 1},
    {"name": "shelved, then ended by hand", "config": high(),
     "samples": samples((0, 200, 112)), "operator": [[20, "shelve 600 s"], [50, "unshelve"]],
     "expect": [[7, "UNACK"], [20, "SHLVD"], [50, "UNACK"]], "announcements": 2},
    {"name": "blocked while off and after the start",
     "config": {**high(), "suppress_while": "motor off or first 12 s of a run"}, "context": {"motor_runs_from_s": 30},
     "samples": samples((0, 100, 112)), "operator": [], "expect": [[49, "UNACK"]], "announcements": 1},
    {"name": "restart while the on-delay runs", "config": high(),
     "samples": samples((0, 100, 112)), "operator": [[4, "agent restarts, 20 s"]],
     "expect": [[28, "UNACK"]], "announcements": 1},  # seconds 0 to 3, then 24 to 28: the time off does not count
    {"name": "restart while acknowledged", "config": high(),
     "samples": samples((0, 60, 112), (61, 99, 100)), "operator": [[10, "ack"], [20, "agent restarts, 5 s"]],
     "expect": [[7, "UNACK"], [10, "ACKED"], [66, "NORM"]], "announcements": 1},
    {"name": "restart while shelved", "config": high(),
     "samples": samples((0, 200, 112)), "operator": [[10, "shelve 90 s"], [20, "agent restarts, 5 s"]],
     "expect": [[7, "UNACK"], [10, "SHLVD"], [100, "UNACK"]], "announcements": 2},
]  # fmt: skip


def definition_of(config: dict[str, Any]) -> AlarmDefinition:
    values = dict(config)
    blocked = values.pop("suppress_while", None)
    seconds = float(blocked.split("first ")[1].split()[0]) if blocked else 0.0
    return definition(limits=(values.pop("limit"),), blocked_off=bool(blocked), blocked_start_s=seconds, **values)


def play(case: Case) -> AlarmBench:
    """One update a second; none while the agent restarts."""
    bench = AlarmBench(definition_of(case["config"]))
    actions = {at_s: text.split() for at_s, text in case["operator"]}
    runs_from_s = case.get("context", {}).get("motor_runs_from_s")
    off_until_s = -1
    for second in range(case["samples"][-1]["to_s"] + 1):
        bench.t = second
        match actions.get(second, []):
            case ["agent", "restarts,", seconds, "s"]:
                bench.restart()
                off_until_s = second + int(seconds)
            case ["shelve", seconds, "s"]:
                bench.act("shelve", seconds=float(seconds))
            case [action]:
                bench.act(action)
        if second < off_until_s:
            continue
        if runs_from_s is not None:
            bench.manager.set_running("m", second >= runs_from_s)
        value = next(one["value"] for one in case["samples"] if one["from_s"] <= second <= one["to_s"])
        bench.at(second, bench.value(value))
    return bench


def check(case: Case) -> None:
    bench = play(case)
    assert bench.states() == [(at_s, state) for at_s, state in case["expect"]], case["name"]
    if "announcements" in case:
        assert bench.announced().total() == case["announcements"], case["name"]
    assert [one.seq for one in bench.transitions] == list(range(1, len(bench.transitions) + 1))


@pytest.mark.parametrize("case", OWN, ids=lambda case: case["name"])
def test_sequence(case: Case) -> None:
    check(case)


def shared_cases(data: Path) -> list[Case]:
    file = data / "condition" / "truth.json"
    if not file.exists():
        pytest.skip(f"{file} is missing")
    found: list[Case] = json.loads(file.read_text(encoding="utf-8"))["alarms"]
    return found


def test_the_sequences_of_the_development_set(data: Path) -> None:
    cases = [case for case in shared_cases(data) if "config" in case]
    assert len(cases) >= 7
    for case in cases:
        check(case)


def test_one_cause_of_the_development_set(data: Path) -> None:
    (case,) = [case for case in shared_cases(data) if "inputs" in case]
    assert case["inputs"] == {
        "supply_dip": "active from 30 s to 31 s, 12 motors", "stall": "active from 31 s, 12 motors",
    }  # fmt: skip
    bench = AlarmBench(*DEFINITIONS.values())
    motors = [f"m{number}" for number in range(12)]
    for second in range(300):
        bench.t = second
        dips = [bench.input(30 <= second < 31, "supply_dip", motor) for motor in motors]
        stalls = [bench.input(second >= 31, "stall", motor) for motor in motors]
        bench.at(second, *stalls, *dips)
    assert bench.announced() == {"supply_dip": 1}
    stalled = [record for record in bench.manager.records() if record.code == "stall"]
    assert len(stalled) == 12
    assert {(str(record.state), record.caused_by) for record in stalled} == {("DSUPR", "supply_dip")}


def test_data_that_are_lost_make_the_record_uncertain(data: Path) -> None:
    bench = AlarmBench(definition_of(high(on_delay_s=0)))
    bench.at(0, bench.value(120))
    assert bench.record().quality == "good"
    bench.manager.take_changed()
    bench.at(1, bench.value(None))
    (record,) = bench.manager.take_changed()
    assert (str(record.state), record.quality, record.active) == ("UNACK", "uncertain", None)
    bench.at(2, bench.value(float("nan")))
    assert bench.record().quality == "uncertain"
    bench.at(3, bench.value(120))
    assert (bench.record().quality, bench.record().active) == ("good", True)
