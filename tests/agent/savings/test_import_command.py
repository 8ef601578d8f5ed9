"""`magwatt import` beside what is known of motor and time: what cannot be is refused, what is odd is told."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import reportkit
from click.testing import CliRunner, Result

from agent.cli import main
from agent.clock import SystemClock
from agent.savings.ledger import records
from agent.savings.present import remember
from agent.savings.verify import open_copy
from agent.store import Store

DAY = 96


@pytest.fixture
def plant(tmp_path: Path) -> Path:
    (tmp_path / "plant.toml").write_text(reportkit.PLANT, encoding="utf-8")
    return tmp_path


def run(plant: Path, kwh: list[float], *more: str, first: str = "2024-01-05 00:00", unit: str = "kWh") -> Result:
    begin = datetime.fromisoformat(first)
    rows = [f"{begin + timedelta(minutes=15 * k):%Y-%m-%d %H:%M},{value}" for k, value in enumerate(kwh)]
    (plant / "old.csv").write_text("\n".join(["time,e", *rows]), encoding="utf-8")
    command = ["import", str(plant / "old.csv"), "--motor", "fan", "--time", "time", "--energy", "e", "--unit", unit,
               "--config", str(plant / "plant.toml"), *more]  # fmt: skip
    return CliRunner().invoke(main, command)


def test_a_thousand_times_too_much_is_refused(plant: Path) -> None:
    """20 kWh in a quarter hour are 80 kW; read as MWh they are 80 MW, of a fan of 132 kW."""
    assert run(plant, [20.0] * DAY).exit_code == 0
    (plant / "state").rename(plant / "before")
    found = run(plant, [20.0] * DAY, unit="MWh")
    assert found.exit_code == 2
    assert "above 80000 kW, but the motor is rated 132 kW; is MWh the unit" in found.output
    assert not (plant / "state").exists()


def test_a_thousand_times_too_little_is_told(plant: Path) -> None:
    found = run(plant, [20.0] * DAY, unit="Wh")
    assert found.exit_code == 0
    assert "never more than 0.08 kW, but the motor is rated 132 kW: is Wh the unit?" in found.output
    (plant / "state").rename(plant / "before")
    assert "is Wh the unit" not in run(plant, [0.0] * DAY, unit="Wh").output  # it stood


def test_a_meter_that_counts_backwards(plant: Path) -> None:
    found = run(plant, [-20.0] * DAY)
    assert found.exit_code == 2
    assert "as a whole the energy is below zero" in found.output
    found = run(plant, [20.0] * (DAY - 2) + [-1.0] * 2, "--json")
    assert found.exit_code == 0
    body = json.loads(found.output)
    assert body["below_zero"] == 2
    assert body["odd"] == ["2 rows below zero: is a transformer turned round, or was it fed back?"]


def test_what_is_yet_to_come_is_refused(plant: Path) -> None:
    """A day that has not been, as when day and month are exchanged."""
    ahead = datetime.now(UTC) + timedelta(days=40)
    found = run(plant, [20.0] * DAY, first=f"{ahead:%Y-%m-%d} 00:00")
    assert found.exit_code == 2
    assert f"goes to {ahead + timedelta(days=1):%Y-%m-%d} 00:00, and now it is " in found.output
    assert "are day and month exchanged" in found.output


def test_an_hour_that_stands_there_once_is_told(plant: Path) -> None:
    found = run(plant, [20.0] * DAY, "--zone", "Europe/Berlin", first="2025-10-26 00:00")
    assert "the clock repeats the hour of 2025-10-26 02:00, and it stands there once" in found.output


def test_in_a_plant_on_virtual_time_it_is_recorded_in_the_plants_time(plant: Path) -> None:
    """Else the ledger would hold a record of today between those of a life that is not there yet, or long over."""
    now_ms = reportkit.utc_ms("2024-03-01 00:00")
    store = Store(plant / "state", SystemClock())
    remember(store, now_ms)
    store.close()
    assert run(plant, [20.0] * DAY).exit_code == 0
    assert {record.t_ms for record in records(open_copy(plant / "state" / "magwatt.sqlite"))} == {now_ms}
    found = run(plant, [20.0] * DAY, first="2024-03-02 00:00")
    assert (found.exit_code, "and now it is 2024-03-01 00:00" in found.output) == (2, True)
