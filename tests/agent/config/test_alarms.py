"""[alarms] and [motor.NAME.alarms]: what a plant may change in the alarm table, and the problems with line and key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.config_text import bus, meter, motor, site

from agent.config import reasons as codes
from agent.config.alarm_definition import PRIORITIES, AlarmDefinition
from agent.config.alarm_table import DEFINITIONS
from agent.config.loader import ConfigError, load_config
from agent.config.model import Config
from agent.config.schema import Diagnostic
from drivers.file_reasons import DID_YOU_MEAN, KEY_UNKNOWN

PLANT = site() + bus("south") + meter("mcc-1", bus="south") + motor("pump-1", fed_by="mcc-1")


def load(path: Path, text: str) -> Config:
    file = path / "plant.toml"
    file.write_text(f"{PLANT}\n{text}", encoding="utf-8")
    return load_config(file)[0]


def problems(path: Path, text: str) -> list[Diagnostic]:
    with pytest.raises(ConfigError) as error:
        load(path, text)
    return error.value.problems


def test_without_tables_the_definitions_are_those_of_the_table(tmp_path: Path) -> None:
    settings = load(tmp_path, "").alarms
    assert settings.everywhere == DEFINITIONS
    assert settings.definition("pump-1", "dry_run") == DEFINITIONS["dry_run"]
    assert settings.definition("pump-1", "starting") is None


def test_a_motor_changes_what_the_plant_has_left(tmp_path: Path) -> None:
    settings = load(tmp_path, """
        [alarms.over_temperature]
        limit = [130, 145]
        on_delay = "2min"
        priority = "medium"
        [motor.pump-1.alarms.over_temperature]
        limit = 120
        deadband = 5
        time_to_respond = "1h"
        advice = ["Öffne Klappe 7."]
        [motor.pump-1.alarms.dry_run]
        enabled = false
        start_block = "40s"
        off_delay = "500ms"
        consequence = "Seal 3 fails."
        """).alarms  # fmt: skip
    plant, pump = settings.definition("fan-2", "over_temperature"), settings.definition("pump-1", "over_temperature")
    assert plant is not None
    assert pump is not None
    assert (plant.limits, plant.on_delay_s, plant.priority, plant.priority_alarm) == ((130, 145), 120, "medium", None)
    assert (pump.limits, pump.on_delay_s, pump.deadband, pump.respond_min) == ((120,), 120, 5, 60)
    assert pump.advice == ("Öffne Klappe 7.",)
    dry = settings.definition("pump-1", "dry_run")
    assert dry is not None
    assert (dry.enabled, dry.blocked_start_s, dry.off_delay_s, dry.consequence) == (False, 40, 0.5, "Seal 3 fails.")
    assert settings.definition(None, "supply_dip") == DEFINITIONS["supply_dip"]


WITH_LIMIT = tuple(row.code for row in DEFINITIONS.values() if row.unit)
WRONG: list[tuple[str, str, Any]] = [
    ("[alarms.dry_rn]\nenabled = true", "alarms.dry_rn", DID_YOU_MEAN(problem=KEY_UNKNOWN(), near="dry_run")),
    ("[alarms.live_terminals]\nenabled = false", "alarms.live_terminals.enabled", codes.ALARM_SAFETY_FIXED()),
    ('[alarms.live_terminals]\npriority = "low"', "alarms.live_terminals.priority", codes.ALARM_SAFETY_FIXED()),
    ("[alarms.stall]\nlimit = 5", "alarms.stall.limit", codes.ALARM_WITHOUT_LIMIT(codes=WITH_LIMIT)),
    ("[alarms.stall]\ndeadband = 5", "alarms.stall.deadband", codes.ALARM_WITHOUT_LIMIT(codes=WITH_LIMIT)),
    ("[alarms.disk]\nlimit = [50, 500]", "alarms.disk.limit", codes.ALARM_LIMITS_LOW_ORDER()),
    ("[alarms.over_temperature]\nlimit = [9, 9]", "alarms.over_temperature.limit", codes.ALARM_LIMITS_HIGH_ORDER()),
    ("[alarms.disk]\nlimit = [1, 2, 3]", "alarms.disk.limit", codes.ALARM_LIMITS_EXPECTED()),
    ("[alarms.disk]\nlimit = true", "alarms.disk.limit", codes.ALARM_LIMITS_EXPECTED()),
    ('[alarms.disk]\nstart_block = "5s"', "alarms.disk.start_block", codes.ALARM_WITHOUT_START()),
    ('[motor.pump-1.alarms.disk]\npriority = "low"', "motor.pump-1.alarms.disk", codes.ALARM_NOT_OF_MOTOR(code="disk")),
    ('[alarms.stall]\non_delay = "soon"', "alarms.stall.on_delay", codes.DURATION_EXPECTED()),
    ('[alarms.stall]\npriority = "urgent"', "alarms.stall.priority", codes.CHOICE_UNKNOWN(allowed=PRIORITIES)),
]


@pytest.mark.parametrize(("text", "key", "reason"), WRONG)
def test_a_wrong_value_is_one_problem_with_its_line(tmp_path: Path, text: str, key: str, reason: Any) -> None:
    (problem,) = problems(tmp_path, text)
    assert (problem.key, problem.reason) == (key, reason)
    line = (PLANT + "\n" + text).splitlines()[(problem.line or 0) - 1]
    assert line.startswith(("[", key.rpartition(".")[2]))


def test_problems_of_several_tables_are_reported_at_once(tmp_path: Path) -> None:
    text = '[alarms.stall]\nlimit = 5\non_delay = "soon"\n[motor.pump-1.alarms.dry_run]\nadvice = []'
    assert len(problems(tmp_path, text)) == 2, "a table with a wrong value is not examined further"


# The table


@pytest.mark.parametrize("row", DEFINITIONS.values(), ids=lambda row: row.code)
def test_a_row_asks_for_an_action_and_names_existing_consequences(row: AlarmDefinition) -> None:
    assert row.advice
    assert row.consequence
    assert row.suppresses <= DEFINITIONS.keys() - {row.code}
    assert (row.respond_min == 0) == (row.priority == "safety")
    assert not row.limits or row.unit
    assert not (row.scope != "asset" and (row.blocked_off or row.blocked_start_s))


def test_only_live_terminals_phase_loss_and_windings_latch() -> None:
    latching = {row.code for row in DEFINITIONS.values() if row.latching}
    assert latching == {"live_terminals", "phase_loss", "turn_fault", "over_temperature"}


def test_no_two_alarms_explain_each_other() -> None:
    """Neither directly nor in a circle: then each would suppress the others permanently."""
    above: dict[str, set[str]] = {}
    for _ in DEFINITIONS:
        above = {
            code: set(row.suppresses).union(*(above.get(other, set()) for other in row.suppresses))
            for code, row in DEFINITIONS.items()
        }
    assert not [code for code, below in above.items() if code in below]
