"""import and verify on the command line: what they write, what they refuse, what they say."""

from __future__ import annotations

import json
import shutil
import sqlite3
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import reportkit
from click.testing import CliRunner, Result
from testkit import HandClock

from agent.cli import main
from agent.config_load import load_config
from agent.savings import source
from agent.savings.keep import save_interval
from agent.savings.ledger_key import FILE
from agent.savings.meters import identity
from agent.savings.types import Interval
from agent.savings.verify import open_copy
from agent.store import Store


@pytest.fixture
def plant(tmp_path: Path) -> Path:
    (tmp_path / "plant.toml").write_text(reportkit.PLANT, encoding="utf-8")
    return tmp_path


def history(plant: Path, first: str = "2024-01-05 00:00", kwh: float = 20.0, count: int = 96, head: str = "") -> None:
    begin = datetime.fromisoformat(first)
    rows = [f"{begin + timedelta(minutes=15 * k):%Y-%m-%d %H:%M},{kwh + k % 7},{50 + k % 9}" for k in range(count)]
    (plant / "old.csv").write_text("\n".join([head or "time,kWh,Q", *rows]), encoding="utf-8")


def run(plant: Path, *more: str) -> Result:
    command = ["import", str(plant / "old.csv"), "--motor", "fan", "--time", "time", "--energy", "kWh", "--unit", "kWh",
               "--config", str(plant / "plant.toml"), *more]  # fmt: skip
    return CliRunner().invoke(main, command)


def held(plant: Path) -> list[Interval]:
    return source.intervals(open_copy(plant / "state" / "magwatt.sqlite"), "fan", 0, 1 << 60)


def verify(plant: Path, *more: str) -> Result:
    return CliRunner().invoke(main, ["ledger", "verify", "--config", str(plant / "plant.toml"), *more])


def test_a_history_is_in_the_state_file_and_in_the_ledger(plant: Path) -> None:
    history(plant)
    found = run(plant, "--driver", "fan-flow=Q:m3/h:2")
    assert found.exit_code == 0, found.output
    assert "fan: 96 quarter hours written" in found.output
    assert "(Asia/Shanghai)" in found.output
    items = held(plant)
    assert len(items) == 96
    assert items[0].start_ms == reportkit.utc_ms("2024-01-05 00:00")
    assert items[0].drivers == {"signal_fan_flow_m3_h": (50.0, 2.0)}
    checked = verify(plant, "--json")
    assert checked.exit_code == 0, checked.output
    assert json.loads(checked.output)["records"] == 1 + 1 + 24  # key, import, hours


def test_the_same_file_twice_changes_nothing(plant: Path) -> None:
    history(plant)
    run(plant)
    again = run(plant)
    assert again.exit_code == 1
    assert "96 quarter hours: known already" in again.output
    assert len(held(plant)) == 96
    assert verify(plant).exit_code == 0


def test_other_values_need_a_word(plant: Path) -> None:
    history(plant)
    run(plant)
    history(plant, kwh=30.0)
    refused = run(plant)
    assert refused.exit_code == 2
    assert "imported before with other values, the first at 2024-01-05 00:00" in refused.output
    assert held(plant)[0].energy_wh == 20_000
    replaced = run(plant, "--replace")
    assert replaced.exit_code == 0
    assert held(plant)[0].energy_wh == 30_000
    checked = verify(plant)
    assert checked.exit_code == 0, checked.output
    assert "hours recorded again: 24" in checked.output


def test_what_was_measured_stays(plant: Path) -> None:
    store = Store(plant / "state", HandClock())
    save_interval(store, Interval("fan", reportkit.utc_ms("2024-01-05 00:15"), 1.0))
    store.close()
    history(plant)
    found = run(plant, "--replace")
    assert "1 quarter hour: measured by the agent, nothing replaces that" in found.output
    assert held(plant)[1].energy_wh == 1.0


def test_gaps_and_doubles_are_told(plant: Path) -> None:
    history(plant, count=8)
    text = (plant / "old.csv").read_text(encoding="utf-8").splitlines()
    (plant / "old.csv").write_text("\n".join([*text[:4], *text[6:], text[-1]]), encoding="utf-8")
    found = run(plant, "--json")
    body = json.loads(found.output)
    assert (body["written"], body["repeated"], len(body["gaps"])) == (6, 1, 1)
    (plant / "state").rename(plant / "before")
    assert "gap: 2024-01-05 00:45 to 2024-01-05 01:15" in run(plant).output


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--motor", "fann"), "did you mean 'fan'"),
        (("--unit", "kwh"), "must be one of Wh, kWh"),
        (("--time", "when"), "no column when; there are time, kWh, Q"),
        (("--driver", "flow"), "expected NAME=COLUMN:UNIT"),
        (("--driver", "flow=Q:m3/h:much"), "expected NAME=COLUMN:UNIT"),
        (("--driver", "flow=Z:m3/h"), "no column Z"),
        (("--zone", "Asia/Shangai"), "no such time zone"),
    ],
)
def test_wrong_usage_is_one_line_and_writes_nothing(plant: Path, more: tuple[str, ...], said: str) -> None:
    history(plant)
    found = run(plant, *more)
    assert found.exit_code == 2
    assert said in found.output
    assert len(found.output.splitlines()) == 1
    assert not (plant / "state").exists()


def test_verify_names_the_first_bad_record(plant: Path) -> None:
    history(plant)
    run(plant)
    import sqlite3

    with sqlite3.connect(plant / "state" / "magwatt.sqlite") as db:
        db.execute("update ledger set body = replace(body, '\"energy_wh\":', '\"energy_wh\":9') where seq = 12")
    found = verify(plant)
    assert found.exit_code == 1
    assert "record 12: its text does not have its hash: it was edited" in found.output
    assert found.output.rstrip().endswith("First invalid record: 12")


def test_verify_says_what_it_cannot_show(plant: Path) -> None:
    history(plant)
    run(plant)
    assert "truncation or rollback cannot be detected" in verify(plant).output


def test_verify_of_a_copy_with_the_key_of_another_gateway(plant: Path, tmp_path: Path) -> None:
    history(plant)
    run(plant)
    shutil.copytree(plant / "state", tmp_path / "copy")
    (tmp_path / "copy" / FILE).write_text(json.dumps({"kind": "hmac-sha256", "secret": "22" * 32}), encoding="ascii")
    found = CliRunner().invoke(main, ["ledger", "verify", "--state", str(tmp_path / "copy")])
    assert found.exit_code == 1
    assert "record 1: begun with key" in found.output


def test_verify_of_nothing(plant: Path) -> None:
    assert verify(plant).exit_code == 2
    Store(plant / "state", HandClock()).close()
    empty = verify(plant)
    assert empty.exit_code == 1
    assert "the ledger is empty: no agent ran here yet" in empty.output
    assert "Verification" not in empty.output


@pytest.mark.parametrize(
    ("boot", "quarter", "now", "said"),
    [
        (("11:47", 0), None, "11:50", "the agent runs since 2024-10-01 11:47 (Asia/Shanghai), and makes the first "
                                      "record at 2024-10-01 12:20 (Asia/Shanghai): look again then"),
        (("11:58", 0), "12:00", "12:17", "since 2024-10-01 11:58 (Asia/Shanghai), and makes the first record at "
                                         "2024-10-01 13:20"),
        (("11:47", 1), "11:45", "11:50", "ran until 2024-10-01 11:47 (Asia/Shanghai); started again, it makes the "
                                         "first record at 2024-10-01 12:20"),
        (("11:47", 1), "11:45", "12:30", "though its first record was due at 2024-10-01 12:20 (Asia/Shanghai): the "
                                         "agent ran until 2024-10-01 11:47 (Asia/Shanghai); started again, it makes"),
        (("11:47", 0), None, "12:30", "though its first record was due at 2024-10-01 12:20 (Asia/Shanghai): the agent "
                                      "runs since 2024-10-01 11:47 (Asia/Shanghai); it was killed, measures no motor, "
                                      "or its log says why it cannot"),
    ],
)  # fmt: skip
def test_verify_right_after_the_start(
    plant: Path, boot: tuple[str, int], quarter: str | None, now: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    def at_ms(text: str) -> int:
        return reportkit.utc_ms(f"2024-10-01 {text}")

    store = Store(plant / "state", HandClock())
    if quarter:
        save_interval(store, Interval("fan", at_ms(quarter), 1.0))
    opened = at_ms(boot[0])
    row = (1, opened, opened, boot[1])
    store.do(lambda db: db.execute("insert or replace into boots (n, opened_ms, last_ms, closed) values (?, ?, ?, ?)",
                                   row))  # fmt: skip
    store.close()
    monkeypatch.setattr("agent.commands.ledger.time.time_ns", lambda: at_ms(now) * 1_000_000)
    found = verify(plant)
    assert found.exit_code == 1
    assert said in " ".join(found.output.split()), found.output


def test_checkpoints_that_are_none(plant: Path) -> None:
    history(plant)
    run(plant)
    found = verify(plant, "--checkpoint", str(plant / "old.csv"))
    assert found.exit_code == 2
    assert "not a checkpoint" in found.output


def emptied(plant: Path, script: str) -> None:
    (plant / "state").mkdir(exist_ok=True)
    db = sqlite3.connect(plant / "state" / "magwatt.sqlite")
    db.executescript(script)
    db.close()


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("create table boots (n); create table note (kind)", "of an earlier magwatt, which kept no ledger; `magwatt"),
        ("create table boot (one); create table note (kind)", "of an earlier magwatt, which kept no ledger; `magwatt"),
        ("create table songs (name)", "no state file of magwatt"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("command", [["ledger", "verify"], ["report", "--month", "2024-10"]])
def test_a_file_without_a_ledger_is_told_for_what_it_is(
    plant: Path, command: list[str], script: str, said: str
) -> None:  # fmt: skip
    emptied(plant, script)
    found = CliRunner().invoke(main, [*command, "--config", str(plant / "plant.toml")])
    assert found.exit_code == 2
    assert said in found.output
    assert len(found.output.splitlines()) == 1


def test_the_help_of_import_names_a_meter_as_live_intervals_do(plant: Path) -> None:
    meter = replace(load_config(plant / "plant.toml")[0].meters["mcc-12"], name="mcc-1")
    told = CliRunner().invoke(main, ["import", "--help"]).output
    assert identity(meter, "22091734") in " ".join(told.split())
