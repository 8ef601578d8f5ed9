"""An import with a wrong transformer ratio reports it; there is no verdict until an engineer decides."""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import pytest
from support import metered_retrofit
from support.ratio_history import FLOW, measured
from support.retrofit_commands import magwatt

from agent.savings.records.model import Interval

RETROFIT_MS = metered_retrofit.utc_ms("2024-10-01 00:00")
CALIBRATED = "calibration = { before = 2024-09-10, after = 2024-10-04, change = 0.0 }\n"  # last table: signal


def file_of(folder: Path, items: list[Interval]) -> Path:
    path = folder / f"{items[0].start_ms}.csv"
    with path.open("w", newline="") as target:
        rows = csv.writer(target)
        rows.writerow(["time", "kwh", "flow"])
        for item in items:
            at = datetime.fromtimestamp(item.start_ms / 1000, UTC)
            rows.writerow([f"{at:%Y-%m-%d %H:%M}", (item.energy_wh or 0) / 1000, item.drivers[FLOW].mean])
    return path


class Plant:
    def __init__(self, folder: Path) -> None:
        self.folder, self.config = folder, folder / "plant.toml"
        text = metered_retrofit.PLANT.replace("since = 2024-09-15", "since = 2024-10-01")
        self.config.write_text(text + CALIBRATED, encoding="utf-8")
        self.bring(measured(Random(1), RETROFIT_MS - 14 * 86_400_000, 24 * 14))
        magwatt("baseline", "learn", "fan", "--config", self.config)
        magwatt("baseline", "freeze", "fan", "--by", "Li Wei", "--config", self.config)

    def bring(self, items: list[Interval], *more: str) -> str:
        return magwatt(
            "import", file_of(self.folder, items), "--motor", "fan", "--time", "time", "--energy", "kwh", "--unit",
            "kWh", "--driver", "fan-flow=flow:m3/h", "--zone", "UTC", "--config", self.config, *more,
        )  # fmt: skip

    def show(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(
            magwatt("baseline", "show", "fan", "--json", "--config", self.config, code=(0, 1))
        )
        return found

    def report(self) -> dict[str, Any]:
        magwatt("report", "--month", "2024-10", "--config", self.config, "--output", self.folder / "r.html", code=1)
        [motor] = json.loads((self.folder / "r.json").read_text(encoding="utf-8"))["motors"]
        saving: dict[str, Any] = motor["saving"]
        return saving


@pytest.fixture
def plant(tmp_path: Path) -> Plant:
    return Plant(tmp_path)


def test_halved_energies_are_found_in_the_first_hour(plant: Plant) -> None:
    """The retrofit saves 8 %; the energies are half of what they should be."""
    items = measured(Random(2), RETROFIT_MS, 1, saving=lambda _: 0.08, factor=0.5)
    body = json.loads(plant.bring(items, "--json"))
    [warning] = body["warnings"]
    assert warning["code"] == "ratio_event"
    assert warning["data"]["number"] == 1
    assert plant.report()["verdict"] == "undecided"
    assert "ct_ratio" in magwatt("adjustment", "list", "fan", "--json", "--config", plant.config, code=1)
    assert "proven" not in magwatt("baseline", "show", "fan", "--config", plant.config, code=(0, 1))


@pytest.mark.parametrize(("decision", "intervals"), [("--keep", True), ("--exclude", False)])
def test_an_engineer_decides(plant: Plant, decision: str, intervals: bool) -> None:
    plant.bring(measured(Random(2), RETROFIT_MS, 24 * 5, saving=lambda _: 0.08, factor=0.5))
    magwatt("adjustment", "decide", "fan", "1", decision, "--by", "Li Wei", "--reason", "read the nameplate of the CTs",
            "--config", plant.config)  # fmt: skip
    saving = plant.report()
    assert saving["verdict"] != "undecided"
    assert (saving["intervals"] > 0) == intervals


@pytest.mark.text
def test_a_right_ratio_is_no_event(plant: Plant) -> None:
    body = json.loads(plant.bring(measured(Random(2), RETROFIT_MS, 24 * 5, saving=lambda _: 0.08), "--json"))
    assert body["warnings"] == []
    assert "no non-routine events" in magwatt("adjustment", "list", "fan", "--config", plant.config)
    assert plant.report()["verdict"] == "proven"


def test_a_later_import_with_the_right_ratio_ends_the_event(plant: Plant) -> None:
    rng, half = Random(2), 86_400_000 * 5
    plant.bring(measured(rng, RETROFIT_MS, 24 * 5, saving=lambda _: 0.08, factor=0.5))
    plant.bring(measured(rng, RETROFIT_MS + half, 24 * 10, saving=lambda _: 0.08))
    event = json.loads(magwatt("adjustment", "list", "fan", "--json", "--config", plant.config, code=1))
    assert abs(event["to_ms"] - RETROFIT_MS - half) <= 900_000
