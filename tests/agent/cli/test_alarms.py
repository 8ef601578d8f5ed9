"""`magwatt alarms`: lists from the state file, writes the operator file, shows the past; exit codes, JSON, Chinese."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from support.alarms import START_MS, AlarmBench
from support.basics import HandClock
from support.command_line import invoke
from support.config_text import bus, meter, motor, site

from agent.alarms.manager import AlarmManager
from agent.alarms.messages import event_of
from agent.alarms.model import AlarmKey, OperatorAction
from agent.alarms.operator_log import OperatorLog
from agent.alarms.stored import KIND, NAME, stored_in
from agent.config.alarm_table import DEFINITIONS
from agent.config.alarms import read_alarms
from agent.config.schema import ConfigReport
from agent.delivery.store import Store
from agent.delivery.store.event_history import EventHistory

OWN_ADVICE = "Ventil 7 prüfen"


@pytest.fixture
def plant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A dry pump not acknowledged, a dip that returned with a stall as its consequence, a disk acknowledged; now it is
    five minutes later."""
    bench = AlarmBench(*DEFINITIONS.values())
    clock = HandClock(bench.utc_ms / 1000)
    store = Store(tmp_path / "state", clock)
    assert store.run_id
    history = EventHistory(store)
    bench.at(0, bench.input(True, "dry_run", "pump-1", value=0.31, limit=0.45),
             bench.input(None, "disk", None, value=40.0, unit="MB"))  # fmt: skip
    bench.until(70)
    log = OperatorLog(tmp_path / "state")
    log.acknowledge(AlarmKey("", "disk"), bench.utc_ms, "li")
    bench.manager.operate(log.new())
    bench.at(80, bench.input(True, "supply_dip", None))
    bench.at(81, bench.input(False, "supply_dip", None), bench.input(True, "stall", "pump-1"))
    bench.until(90)
    for one in bench.transitions:
        history.on_published(event_of(one, DEFINITIONS[one.record.code]))
    store.save_entry(KIND, NAME, "", bench.manager.state())
    clock.move(90)
    store.close()
    text = (
        site(timezone="Asia/Shanghai") + '[store]\nstate_dir = "state"\n' + bus("south") + meter("mcc-1", bus="south")
    )
    text += motor("pump-1", fed_by="mcc-1") + f'[motor.pump-1.alarms.dry_run]\nadvice = ["{OWN_ADVICE}"]\n'
    (tmp_path / "plant.toml").write_text(text, encoding="utf-8")
    monkeypatch.setattr("time.time_ns", lambda: (START_MS + 300_000) * 1_000_000)
    return tmp_path


def alarms(plant: Path, *words: str) -> Result:
    return invoke("alarms", *words, "--config", str(plant / "plant.toml"))


def written(plant: Path) -> list[OperatorAction]:
    """Rows of the operator file, without that of the fixture."""
    return OperatorLog(plant / "state").new()[1:]


def objects(done: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_what_waits_for_somebody_comes_first_and_is_a_finding(plant: Path) -> None:
    done = alarms(plant, "list", "--json")
    assert done.exit_code == 1
    found = [(one["asset"], one["code"], one["state"]) for one in objects(done)]
    assert found == [
        ("pump-1", "dry_run", "UNACK"), (None, "disk", "ACKED"), (None, "supply_dip", "RTNUN"),
        ("pump-1", "stall", "DSUPR"),
    ]  # fmt: skip
    dry = objects(done)[0]
    assert (dry["value"], dry["limit"], dry["advice"]) == (0.31, 0.45, [OWN_ADVICE])
    assert [one["code"] for one in objects(alarms(plant, "list", "--json", "--motor", "pump-1"))] == [
        "dry_run",
        "stall",
    ]


@pytest.mark.text
def test_the_list_without_a_subcommand_states_what_to_do(plant: Path) -> None:
    done = alarms(plant)
    assert done.stdout == alarms(plant, "list").stdout
    assert OWN_ADVICE in done.stdout
    assert done.stdout.count(" +0800") == 6
    assert "returned, not acknowledged, ended 2026-" in done.stdout, "its start and its end"
    assert done.stderr.splitlines(), "the agent is not running"


@pytest.mark.text
def test_texts_are_chinese_on_request_and_those_of_the_plant_as_they_are(plant: Path, caplog: Any) -> None:
    for words in (["list"], ["history"], ["metrics"], ["definitions", "dry_run", "--motor", "pump-1"]):
        done = invoke("--lang", "zh", "alarms", *words, "--config", str(plant / "plant.toml"))
        assert "水泵" in done.stdout or words == ["metrics"]
        assert "每" in done.stdout or words != ["metrics"]
    assert not caplog.records, "each text is in the catalogue"


def test_an_acknowledgement_is_a_row_for_the_occurrence_that_is_shown(plant: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("SUDO_USER", "li")
    done = alarms(plant, "ack", "pump-1/dry_run", "--reason", "valve   opened", "--json")
    assert done.exit_code == 0, done.output
    assert objects(done)[0]["by"] == "li"
    (row,) = written(plant)
    stored = stored_in(plant / "state")
    assert stored is not None
    record = next(one.record for one in stored.alarms if one.record.code == "dry_run")
    assert (row.key, row.action, row.by, row.reason, row.seq) == (
        AlarmKey("pump-1", "dry_run"), "ack", "li", "valve opened", record.seq,
    )  # fmt: skip
    assert alarms(plant, "ack", "supply_dip", "--by", "王工").exit_code == 0
    assert written(plant)[-1].by == "王工"


def test_an_agent_that_starts_later_applies_the_rows(plant: Path) -> None:
    assert alarms(plant, "ack", "pump-1/dry_run").exit_code == 0
    assert alarms(plant, "shelve", "disk", "--for", "2h", "--reason", "new disk tomorrow").exit_code == 0
    assert len(alarms(plant).stderr.splitlines()) == 3, "no agent, and two actions that wait"
    store = Store(plant / "state", HandClock(1_790_000_200))
    manager = AlarmManager(read_alarms({}, ConfigReport("")), store.entry(KIND, NAME, ""))
    manager.operate(OperatorLog(plant / "state").new())
    manager.update((), 5.0, 1_790_000_200_000)
    states = {record.code: str(record.state) for record in manager.records()}
    assert states == {"dry_run": "ACKED", "disk": "SHLVD", "supply_dip": "RTNUN", "stall": "DSUPR"}
    store.save_entry(KIND, NAME, "", manager.state())
    store.close()
    assert len(alarms(plant).stderr.splitlines()) == 1


def test_a_device_without_a_response_is_shelved_by_its_name(plant: Path) -> None:
    done = alarms(plant, "shelve", "pump-1/no_reply", "--for", "1h", "--reason", "a")
    assert "no_reply-mcc-1" in done.output
    assert alarms(plant, "shelve", "pump-1/no_reply-mcc-1", "--for", "1h", "--reason", "a").exit_code == 0


def test_shelving_can_be_ended(plant: Path) -> None:
    assert alarms(plant, "unshelve", "disk").exit_code == 1
    assert alarms(plant, "shelve", "disk", "--for", "30min", "--reason", "a").exit_code == 0
    assert alarms(plant, "unshelve", "disk").exit_code == 0
    assert alarms(plant, "unshelve", "disk").exit_code == 1
    begin, end = written(plant)
    assert (begin.until_ms, end.action) == (begin.at_ms + 1_800_000, "unshelve")


@pytest.mark.parametrize("words", [
    ["ack", "disk"], ["ack", "pump-1/stall"], ["ack", "pump-1/overload"], ["unshelve", "pump-1/stall"],
    ["shelve", "pump-1/live_terminals", "--for", "1h", "--reason", "a"],
])  # fmt: skip
def test_what_cannot_be_done_now_is_a_finding_and_writes_nothing(plant: Path, words: list[str]) -> None:
    done = alarms(plant, *words)
    assert done.exit_code == 1
    assert len(done.output.splitlines()) == 1
    assert written(plant) == []


@pytest.mark.parametrize("words", [
    ["ack", "pump-1/dry_rn"], ["ack", "dry_run"], ["ack", "pump-2/dry_run"], ["ack", "pump-1/disk"],
    ["shelve", "pump-1/no_reply", "--for", "1h", "--reason", "a"],
    ["shelve", "pump-1/no_reply-mcc-9", "--for", "1h", "--reason", "a"],
    ["shelve", "disk", "--for", "13h", "--reason", "a"], ["shelve", "disk", "--for", "soon", "--reason", "a"],
    ["shelve", "disk", "--for", "1h", "--reason", "  "], ["history", "--motor", "pump-2"],
    ["definitions", "dry_rn"], ["definitions", "--motor", "pump-2"], ["list", "--motor", "pump-2"],
])  # fmt: skip
def test_wrong_usage_is_rejected_in_one_line(plant: Path, words: list[str]) -> None:
    done = alarms(plant, *words)
    assert done.exit_code == 2
    assert len(done.output.splitlines()) == 1


def test_the_history_has_each_transition_with_its_number(plant: Path) -> None:
    done = alarms(plant, "history", "--json")
    assert done.exit_code == 0
    found = objects(done)
    assert [one["seq"] for one in found] == list(range(1, len(found) + 1))
    assert [(one["alarm"], one["before"], one["after"], one["announced"]) for one in found] == [
        ("dry_run", "NORM", "UNACK", True), ("disk", "NORM", "UNACK", True), ("disk", "UNACK", "ACKED", False),
        ("supply_dip", "NORM", "UNACK", True), ("stall", "NORM", "DSUPR", False),
        ("supply_dip", "UNACK", "RTNUN", False),
    ]  # fmt: skip
    assert found[2]["by"] == "li"
    assert len(alarms(plant, "history", "--motor", "pump-1").stdout.splitlines()) == 2


def test_metrics_are_those_of_the_announcements(plant: Path) -> None:
    (found,) = objects(alarms(plant, "metrics", "--json"))
    assert (found["announced"], found["window_max"], found["chattering"]) == (3, 3, 0)
    assert found["from_ms"] == START_MS, "of a month only the five minutes since the first run"
    assert len(alarms(plant, "metrics").stdout.splitlines()) > 10


def test_the_table_of_definitions_has_every_row_with_the_changes(plant: Path) -> None:
    assert [one["code"] for one in objects(alarms(plant, "definitions", "--json"))] == list(DEFINITIONS)
    (dry,) = objects(alarms(plant, "definitions", "dry_run", "--motor", "pump-1", "--json"))
    assert dry["advice"] == [OWN_ADVICE]
    assert OWN_ADVICE in alarms(plant, "definitions", "dry_run", "--motor", "pump-1").stdout


def test_before_the_first_run_there_is_no_alarm(plant: Path) -> None:
    shutil.rmtree(plant / "state")
    done = alarms(plant)
    assert done.exit_code == 0
    assert len(done.stdout.splitlines()) == 1
    assert alarms(plant, "history").exit_code == 2, "there is no state file"
