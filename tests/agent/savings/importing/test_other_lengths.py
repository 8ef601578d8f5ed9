"""Imports of 10, 15, 30 and 60 min through the command: stored lengths, overlaps with stored data, and the ledger."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from itertools import pairwise, permutations
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from support import metered_retrofit
from support.basics import HandClock
from support.savings import save_intervals

from agent.cli import main
from agent.core.local_time import zone_of
from agent.core.text import english
from agent.delivery.store import Store
from agent.delivery.store.read_only import open_read_only
from agent.savings.importing import reasons as codes
from agent.savings.records.model import Interval
from agent.savings.records.repository import load_intervals, save_virtual_time
from drivers.reasons import Reason

LENGTHS = (10, 15, 30, 60)
DAY = "2024-01-05"


@pytest.fixture
def plant(tmp_path: Path) -> Path:
    (tmp_path / "plant.toml").write_text(metered_retrofit.PLANT, encoding="utf-8")
    return tmp_path


def imported(
    plant: Path, minutes: int, *more: str, kw: float = 60.0, first: str = f"{DAY} 00:00", hours: float = 24.0
) -> Result:
    """Imports rows of a constant power."""
    begin = datetime.fromisoformat(first)
    rows = [f"{begin + timedelta(minutes=k * minutes):%Y-%m-%d %H:%M},{kw * minutes / 60}"
            for k in range(round(hours * 60 / minutes))]  # fmt: skip
    (plant / "old.csv").write_text("\n".join(["time,e", *rows]), encoding="utf-8")
    command = ["import", str(plant / "old.csv"), "--motor", "fan", "--time", "time", "--energy", "e", "--unit", "kWh",
               "--config", str(plant / "plant.toml"), *more]  # fmt: skip
    return CliRunner().invoke(main, command)


def held(plant: Path) -> list[Interval]:
    return load_intervals(open_read_only(plant / "state" / "magwatt.sqlite"), "fan", 0, 1 << 60)


def at(time: str) -> int:
    return metered_retrofit.utc_ms(f"{DAY} {time}")


def local(reason: Reason) -> str:
    return english(reason, zone_of(metered_retrofit.ZONE))


def is_verified(plant: Path) -> bool:
    command = ["ledger", "verify", "--config", str(plant / "plant.toml"), "--json"]
    body = json.loads(CliRunner().invoke(main, command).output)
    return body["ok"] and not body["problems"]


def assert_each_time_once(plant: Path, energy_kwh: float) -> None:
    """No two intervals overlap, and their sum is the energy."""
    items = held(plant)
    assert all(a.end_ms <= b.start_ms for a, b in pairwise(items))
    assert sum(item.energy_wh or 0.0 for item in items) == pytest.approx(1000 * energy_kwh)


@pytest.mark.parametrize("minutes", LENGTHS)
def test_rows_are_stored_with_their_length(plant: Path, minutes: int) -> None:
    found = imported(plant, minutes, "--json")
    assert found.exit_code == 0, found.output
    items = held(plant)
    assert [item.start_ms for item in items] == [at("00:00") + k * 60_000 * minutes for k in range(24 * 60 // minutes)]
    assert {(item.length_s, item.energy_wh) for item in items} == {(60 * minutes, 1000.0 * minutes)}
    assert json.loads(found.output)["length_s"] == 60 * minutes
    assert is_verified(plant)
    again = imported(plant, minutes)
    assert (again.exit_code, str(codes.INTERVALS_KNOWN(n=len(items))) in again.output) == (1, True)
    assert held(plant) == items


@pytest.mark.parametrize(("old", "new"), list(permutations(LENGTHS, 2)))
def test_another_length_needs_replace_and_counts_nothing_twice(plant: Path, old: int, new: int) -> None:
    """60 kW before, then 50 kW in rows of another length from 06:00 to 12:00."""
    imported(plant, old)
    before = held(plant)
    rejected = imported(plant, new, kw=50.0, first=f"{DAY} 06:00", hours=6)
    reason = codes.IMPORT_OTHER_LENGTH(n=6 * 60 // old, first_ms=at("06:00"), old_min=float(old), new_min=float(new))
    assert (rejected.exit_code, rejected.output.strip()) == (2, local(reason))
    assert held(plant) == before
    found = imported(plant, new, "--replace", kw=50.0, first=f"{DAY} 06:00", hours=6)
    assert found.exit_code == 0, found.output
    assert str(codes.INTERVALS_REPLACED(n=6 * 60 // old)) in found.output
    assert_each_time_once(plant, 18 * 60 + 6 * 50)
    assert {item.length_s for item in held(plant) if at("06:00") <= item.start_ms < at("12:00")} == {60 * new}
    assert is_verified(plant)
    back = imported(plant, old, "--replace")
    assert back.exit_code == 0, back.output
    assert_each_time_once(plant, 24 * 60)
    assert {item.length_s for item in held(plant)} == {60 * old}
    assert is_verified(plant)


def test_rows_that_cover_a_part_of_an_imported_interval_are_rejected(plant: Path) -> None:
    """The first hour would lose its first half."""
    imported(plant, 60)
    found = imported(plant, 15, "--replace", first=f"{DAY} 00:30", hours=1.5)
    path = str(plant / "old.csv")
    reason = codes.IMPORT_CUTS_INTERVAL(path=path, n=1, from_ms=at("00:00"), to_ms=at("01:00"))
    assert (found.exit_code, found.output.strip()) == (2, local(reason))
    assert_each_time_once(plant, 24 * 60)


@pytest.mark.parametrize("minutes", LENGTHS)
def test_rows_that_overlap_measured_intervals_are_not_imported(plant: Path, minutes: int) -> None:
    """The agent measured from 06:15 to 06:45; an hour that contains this time is not imported, the other 23 are."""
    store = Store(plant / "state", HandClock())
    save_intervals(store, [Interval("fan", at(time), 1000.0) for time in ("06:15", "06:30")])
    store.close()
    found = imported(plant, minutes, "--replace")
    begin, end = at("06:15"), at("06:45")
    length_ms = 60_000 * minutes
    starts = [at("00:00") + k * length_ms for k in range(24 * 60 // minutes)]
    overlapping = [start_ms for start_ms in starts if start_ms < end and start_ms + length_ms > begin]
    assert str(codes.INTERVALS_MEASURED(n=len(overlapping))) in found.output
    assert_each_time_once(plant, 24 * 60 - len(overlapping) * minutes + 2)
    assert sum(item.source == "measured" for item in held(plant)) == 2


@pytest.mark.parametrize("minutes", LENGTHS)
def test_a_row_that_has_not_ended_is_not_imported(plant: Path, minutes: int) -> None:
    """The agent measures this time in separate intervals, and the energy of such a row is not complete."""
    store = Store(plant / "state", HandClock())
    save_virtual_time(store, at("12:05"))
    store.close()
    found = imported(plant, minutes, hours=12 + minutes / 60)
    assert found.exit_code == 0, found.output
    assert str(codes.INTERVALS_NOT_ENDED(n=1)) in found.output
    assert held(plant)[-1].end_ms == at("12:00")


@pytest.mark.parametrize("minutes", LENGTHS)
def test_drivers_are_added_to_intervals_of_each_length(plant: Path, minutes: int) -> None:
    imported(plant, minutes, hours=8)
    (plant / "t.csv").write_text("begin,t,q\n2024-01-05 00:00,48,10\n2024-01-05 08:00,96,20\n", encoding="utf-8")
    command = ["import", str(plant / "t.csv"), "--motor", "fan", "--time", "begin", "--driver", "rolled=t:t",
               "--driver", "q=q:m3/h", "--config", str(plant / "plant.toml")]  # fmt: skip
    found = CliRunner().invoke(main, command)
    assert found.exit_code == 0, found.output
    items = held(plant)
    assert sum(item.drivers["signal_rolled_t"].mean for item in items) == pytest.approx(48)
    assert {item.drivers["signal_q_m3_h"].mean for item in items} == {10.0}
    assert str(codes.ROWS_WITHOUT_ENERGY(n=1)) in found.output
    assert is_verified(plant)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("time,e,q\n2024-01-05 00:00,9,5\n2024-01-05 01:00,9,off\n",
         codes.LINE_INVALID(file="old.csv", line=3, cause=codes.NUMBER_INVALID(text="off"))),
        ('time,e,q\n2024-01-05 00:00,9,5\n2024-01-05 01:00,9,"5,5"\n',
         codes.LINE_INVALID(file="old.csv", line=3, cause=codes.NUMBER_WITH_DECIMAL_COMMA(text="5,5"))),
        ("time,e,q\n2024-01-05 00:00,9,5\n2024-01-05 01:00,9,5,5\n", codes.LINE_TOO_LONG(file="old.csv", line=3)),
    ],
    ids=["text", "decimal comma in quotes", "decimal comma"],
)  # fmt: skip
def test_a_driver_that_is_not_a_number_is_one_message(plant: Path, text: str, expected: Reason) -> None:
    (plant / "old.csv").write_text(text, encoding="utf-8")
    command = ["import", str(plant / "old.csv"), "--motor", "fan", "--time", "time", "--energy", "e", "--unit", "kWh",
               "--driver", "q=q:m3/h", "--config", str(plant / "plant.toml")]  # fmt: skip
    found = CliRunner().invoke(main, command)
    assert (found.exit_code, found.output.strip()) == (2, str(expected))
    assert not (plant / "state").exists()


def test_empty_and_constant_drivers_are_imported_and_empty_ones_reported(plant: Path) -> None:
    rows = [f"2024-01-05 {hour:02d}:00,9,{'' if hour < 3 else 7}" for hour in range(24)]
    (plant / "old.csv").write_text("\n".join(["time,e,q", *rows]), encoding="utf-8")
    command = ["import", str(plant / "old.csv"), "--motor", "fan", "--time", "time", "--energy", "e", "--unit", "kWh",
               "--driver", "q=q:m3/h", "--config", str(plant / "plant.toml")]  # fmt: skip
    found = CliRunner().invoke(main, command)
    assert found.exit_code == 0, found.output
    assert str(codes.DRIVER_WITHOUT_VALUE(column="q", n=3)) in found.output
    assert [len(item.drivers) for item in held(plant)] == [0] * 3 + [1] * 21
