"""`magwatt import` compared with motor and time: impossible data are rejected, suspect data are reported."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from support import metered_retrofit

from agent.cli import main
from agent.core.clock import SystemClock
from agent.delivery.store import Store
from agent.delivery.store.read_only import open_read_only
from agent.savings.importing import reasons as codes
from agent.savings.ledger.chain import records
from agent.savings.records.repository import save_virtual_time

DAY = 96


@pytest.fixture
def plant(tmp_path: Path) -> Path:
    (tmp_path / "plant.toml").write_text(metered_retrofit.PLANT, encoding="utf-8")
    return tmp_path


def run(plant: Path, kwh: list[float], *more: str, first: str = "2024-01-05 00:00", unit: str = "kWh") -> Result:
    begin = datetime.fromisoformat(first)
    rows = [f"{begin + timedelta(minutes=15 * k):%Y-%m-%d %H:%M},{value}" for k, value in enumerate(kwh)]
    (plant / "old.csv").write_text("\n".join(["time,e", *rows]), encoding="utf-8")
    command = ["import", str(plant / "old.csv"), "--motor", "fan", "--time", "time", "--energy", "e", "--unit", unit,
               "--config", str(plant / "plant.toml"), *more]  # fmt: skip
    return CliRunner().invoke(main, command)


def test_energy_a_thousand_times_too_high_is_rejected(plant: Path) -> None:
    """20 kWh in an interval are a mean power of 80 kW; read as MWh, 80 MW for a fan of 132 kW."""
    assert run(plant, [20.0] * DAY).exit_code == 0
    (plant / "state").rename(plant / "before")
    found = run(plant, [20.0] * DAY, unit="MWh")
    assert found.exit_code == 2
    path = str(plant / "old.csv")
    reason = codes.POWER_TOO_HIGH(path=path, median_kw=80_000.0, rated_kw=132.0, unit="MWh")
    assert found.output.strip() == str(reason)
    assert not (plant / "state").exists()


def test_energy_a_thousand_times_too_low_is_reported(plant: Path) -> None:
    found = run(plant, [20.0] * DAY, unit="Wh")
    assert found.exit_code == 0
    assert str(codes.POWER_TOO_LOW(highest_kw=0.08, rated_kw=132.0, unit="Wh")) in found.output
    (plant / "state").rename(plant / "before")
    stopped = run(plant, [0.0] * DAY, "--json", unit="Wh")
    assert json.loads(stopped.output)["warnings"] == [], "the motor was stopped"


def test_a_meter_that_counts_backwards(plant: Path) -> None:
    found = run(plant, [-20.0] * DAY)
    assert found.exit_code == 2
    assert found.output.strip() == str(codes.TOTAL_ENERGY_NEGATIVE(path=str(plant / "old.csv")))
    found = run(plant, [20.0] * (DAY - 2) + [-1.0] * 2, "--json")
    assert found.exit_code == 0
    body = json.loads(found.output)
    assert body["below_zero"] == 2
    [warning] = body["warnings"]
    assert (warning["code"], warning["data"]) == (codes.ENERGY_NEGATIVE, {"n": 2})


def test_data_of_the_future_are_rejected(plant: Path) -> None:
    """A typical cause: day and month are swapped."""
    ahead = datetime.now(UTC) + timedelta(days=40)
    found = run(plant, [20.0] * DAY, first=f"{ahead:%Y-%m-%d} 00:00")
    assert found.exit_code == 2
    assert f"{ahead + timedelta(days=1):%Y-%m-%d} 00:00 +0800" in found.output
    assert not list(records(open_read_only(plant / "state" / "magwatt.sqlite")))


def test_an_hour_that_the_file_contains_once_is_reported(plant: Path) -> None:
    found = run(plant, [20.0] * DAY, "--zone", "Europe/Berlin", first="2025-10-26 00:00")
    assert str(codes.REPEATED_HOUR_ONCE(time="2025-10-26 02:00")) in found.output


def test_in_a_plant_on_virtual_time_it_is_recorded_in_the_plants_time(plant: Path) -> None:
    """Otherwise the ledger would contain a record of today among records of a simulated past or future."""
    now_ms = metered_retrofit.utc_ms("2024-03-01 00:00")
    store = Store(plant / "state", SystemClock())
    save_virtual_time(store, now_ms)
    store.close()
    assert run(plant, [20.0] * DAY).exit_code == 0
    assert {record.t_ms for record in records(open_read_only(plant / "state" / "magwatt.sqlite"))} == {now_ms}
    found = run(plant, [20.0] * DAY, first="2024-03-02 00:00")
    assert (found.exit_code, "2024-03-01 00:00 +0800" in found.output) == (2, True)
