"""`import` and `ledger verify` on the command line: what they write, reject and print."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from msgspec.structs import replace
from support import metered_retrofit
from support.basics import HandClock

from agent.cli import main
from agent.config.loader import load_config
from agent.core.local_time import zone_of
from agent.core.text import english
from agent.delivery.store import Store
from agent.delivery.store.read_only import open_read_only
from agent.savings.importing import reasons as import_reasons
from agent.savings.ledger import reasons as ledger_reasons
from agent.savings.ledger.signing_key import FILE
from agent.savings.records import repository
from agent.savings.records.meter_identity import identity
from agent.savings.records.model import Interval
from agent.savings.records.repository import save_interval
from drivers.reasons import Code, Reason

ZONE = zone_of(metered_retrofit.ZONE)


@pytest.fixture
def plant(tmp_path: Path) -> Path:
    (tmp_path / "plant.toml").write_text(metered_retrofit.PLANT, encoding="utf-8")
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
    return repository.load_intervals(open_read_only(plant / "state" / "magwatt.sqlite"), "fan", 0, 1 << 60)


def at_ms(time: str) -> int:
    return metered_retrofit.utc_ms(f"2024-10-01 {time}")


def verify(plant: Path, *more: str) -> Result:
    return CliRunner().invoke(main, ["ledger", "verify", "--config", str(plant / "plant.toml"), *more])


def test_a_history_is_in_the_state_file_and_in_the_ledger(plant: Path) -> None:
    history(plant)
    found = run(plant, "--driver", "fan-flow=Q:m3/h:2")
    assert found.exit_code == 0, found.output
    items = held(plant)
    imported = import_reasons.INTERVALS_IMPORTED(
        asset="fan", n=96, energy_wh=sum(item.energy_wh or 0.0 for item in items), step_min=15.0, length_min=15.0,
        from_ms=metered_retrofit.utc_ms("2024-01-05 00:00"), to_ms=metered_retrofit.utc_ms("2024-01-06 00:00"),
    )  # fmt: skip
    assert found.output.strip() == english(imported, ZONE)
    assert len(items) == 96
    assert items[0].start_ms == metered_retrofit.utc_ms("2024-01-05 00:00")
    assert items[0].drivers == {"signal_fan_flow_m3_h": (50.0, 2.0)}
    checked = verify(plant, "--json")
    assert checked.exit_code == 0, checked.output
    assert json.loads(checked.output)["records"] == 1 + 1 + 96  # key, import, intervals


def test_the_same_file_twice_changes_nothing(plant: Path) -> None:
    history(plant)
    run(plant)
    again = run(plant)
    assert again.exit_code == 1
    assert str(import_reasons.INTERVALS_KNOWN(n=96)) in again.output
    assert len(held(plant)) == 96
    assert verify(plant).exit_code == 0


def test_other_values_need_replace(plant: Path) -> None:
    history(plant)
    run(plant)
    history(plant, kwh=30.0)
    rejected = run(plant)
    assert rejected.exit_code == 2
    conflict = import_reasons.IMPORT_CONFLICT(n=96, first_ms=metered_retrofit.utc_ms("2024-01-05 00:00"))
    assert rejected.output.strip() == english(conflict, ZONE)
    assert held(plant)[0].energy_wh == 20_000
    replaced = run(plant, "--replace")
    assert replaced.exit_code == 0
    assert held(plant)[0].energy_wh == 30_000
    checked = verify(plant, "--json")
    assert checked.exit_code == 0, checked.output
    assert json.loads(checked.output)["amended"] == 96


def test_measured_energy_is_not_replaced(plant: Path) -> None:
    store = Store(plant / "state", HandClock())
    save_interval(store, Interval("fan", metered_retrofit.utc_ms("2024-01-05 00:15"), 1.0))
    store.close()
    history(plant)
    found = run(plant, "--replace")
    assert str(import_reasons.INTERVALS_MEASURED(n=1)) in found.output
    assert held(plant)[1].energy_wh == 1.0


def test_gaps_and_duplicates_are_reported(plant: Path) -> None:
    history(plant, count=8)
    text = (plant / "old.csv").read_text(encoding="utf-8").splitlines()
    (plant / "old.csv").write_text("\n".join([*text[:4], *text[6:], text[-1]]), encoding="utf-8")
    found = run(plant, "--json")
    body = json.loads(found.output)
    assert (body["written"], body["repeated"], len(body["gaps"])) == (6, 1, 1)
    (plant / "state").rename(plant / "before")
    from_ms, to_ms = (metered_retrofit.utc_ms(f"2024-01-05 {time}") for time in ("00:45", "01:15"))
    assert english(import_reasons.IMPORT_GAP(from_ms=from_ms, to_ms=to_ms), ZONE) in run(plant).output


def column_missing(name: str) -> Reason:
    return import_reasons.COLUMNS_MISSING(path="old.csv", columns=(name,), available=("time", "kWh", "Q"))


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        (("--motor", "fann"), "'fan'"),
        (
            ("--unit", "kwh"),
            import_reasons.IMPORT_UNIT_UNKNOWN(unit="kwh", units=("Wh", "kWh", "MWh", "W", "kW", "MW")),
        ),
        (("--time", "when"), column_missing("when")),
        (("--driver", "flow"), "NAME=COLUMN:UNIT"),
        (("--driver", "flow=Q:m3/h:much"), "NAME=COLUMN:UNIT"),
        (("--driver", "flow=Z:m3/h"), column_missing("Z")),
        (("--zone", "Asia/Shangai"), "--zone Asia/Shangai"),
    ],
)
def test_wrong_usage_is_one_line_and_writes_nothing(plant: Path, more: tuple[str, ...], expected: Reason | str) -> None:
    history(plant)
    found = run(plant, *more)
    assert found.exit_code == 2
    text = expected if isinstance(expected, str) else english(expected)
    assert text in found.output.replace(str(plant / "old.csv"), "old.csv")
    assert len(found.output.splitlines()) == 1
    assert not (plant / "state").exists()


def test_verify_names_the_first_invalid_record(plant: Path) -> None:
    history(plant)
    run(plant)
    with sqlite3.connect(plant / "state" / "magwatt.sqlite") as db:
        db.execute("update ledger set body = replace(body, '\"energy_wh\":', '\"energy_wh\":9') where seq = 12")
    found = verify(plant)
    assert found.exit_code == 1
    assert str(ledger_reasons.RECORD_HASH_WRONG(seq=12)) in found.output
    assert re.findall(r"\d+", found.output.splitlines()[-1]) == ["12"]
    assert json.loads(verify(plant, "--json").output)["first_bad"] == 12


def test_without_an_external_checkpoint_verify_names_the_option(plant: Path) -> None:
    history(plant)
    run(plant)
    assert "--checkpoint" in verify(plant).output


def test_verify_of_a_copy_with_the_key_of_another_gateway(plant: Path, tmp_path: Path) -> None:
    history(plant)
    run(plant)
    shutil.copytree(plant / "state", tmp_path / "copy")
    (tmp_path / "copy" / FILE).write_text(json.dumps({"kind": "hmac-sha256", "secret": "22" * 32}), encoding="ascii")
    found = CliRunner().invoke(main, ["ledger", "verify", "--state", str(tmp_path / "copy"), "--json"])
    assert found.exit_code == 1
    first, *_ = json.loads(found.output)["problems"]
    assert (first["code"], first["data"]["seq"]) == (ledger_reasons.KEY_UNEXPECTED, 1)


def test_verify_of_an_empty_ledger(plant: Path) -> None:
    assert verify(plant).exit_code == 2
    Store(plant / "state", HandClock()).close()
    empty = verify(plant)
    assert empty.exit_code == 1
    assert empty.output.strip() == str(ledger_reasons.LEDGER_EMPTY())


def test_a_file_that_is_not_a_checkpoint(plant: Path) -> None:
    history(plant)
    run(plant)
    found = verify(plant, "--checkpoint", str(plant / "old.csv"))
    assert found.exit_code == 2
    assert str(ledger_reasons.CHECKPOINT_LINE_INVALID(line=1)) in found.output


def emptied(plant: Path, script: str) -> None:
    (plant / "state").mkdir(exist_ok=True)
    db = sqlite3.connect(plant / "state" / "magwatt.sqlite")
    db.executescript(script)
    db.close()


@pytest.mark.parametrize(
    ("script", "code"),
    [
        ("create table boots (n); create table note (kind)", ledger_reasons.STATE_FILE_WITHOUT_LEDGER),
        ("create table boot (one); create table note (kind)", ledger_reasons.STATE_FILE_WITHOUT_LEDGER),
        ("create table songs (name)", ledger_reasons.NOT_A_STATE_FILE),
    ],
)  # fmt: skip
@pytest.mark.parametrize("command", [["ledger", "verify"], ["report", "--month", "2024-10"]])
def test_a_file_without_a_ledger_is_rejected_with_the_cause(
    plant: Path, command: list[str], script: str, code: Code
) -> None:  # fmt: skip
    emptied(plant, script)
    found = CliRunner().invoke(main, [*command, "--config", str(plant / "plant.toml")])
    assert found.exit_code == 2
    assert found.output.strip() == str(code(path=str(plant / "state" / "magwatt.sqlite")))


def test_the_help_of_import_gives_the_identity_of_a_meter_as_live_intervals_do(plant: Path) -> None:
    meter = replace(load_config(plant / "plant.toml")[0].meters["mcc-12"], name="mcc-1")
    output = CliRunner().invoke(main, ["import", "--help"]).output
    assert identity(meter, "22091734") in " ".join(output.split())
