"""Power of the old plant from the records of the ledger."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from support.config_text import load, site
from support.page import FedFollower

from agent.core.clock import SystemClock
from agent.core.text import Catalogue
from agent.delivery.store import Store
from agent.delivery.store.database_file import NAME
from agent.savings.ledger.chain import canonical
from agent.web.base.context import Web
from agent.web.motor.old_plant import OldPlant, old_plant_of

QUARTER_MS = 900_000
START_MS = 1_790_000_100_000 // QUARTER_MS * QUARTER_MS
DAY_MS = 96 * QUARTER_MS


class Records:
    """A state file whose ledger the test writes."""

    def __init__(self, folder: Path) -> None:
        Store(folder, SystemClock()).close()
        self._path = folder / NAME
        config = replace(load(folder, site()), state_dir=folder)
        self._web = Web(FedFollower(), config)  # type: ignore[arg-type]
        self._seq = 0

    def add(
        self, number: int, adjusted_wh: float | None, energy_wh: float | None, asset: str = "p", **more: Any
    ) -> None:
        """The record of a quarter of an hour, written when it has ended."""
        self._seq += 1
        start_ms = START_MS + number * QUARTER_MS
        body = {"asset": asset, "from_ms": start_ms, "length_s": 900, "covered_s": 900, "energy_wh": energy_wh,
                "adjusted_wh": adjusted_wh, "kind": "interval", **more}  # fmt: skip
        row = (self._seq, start_ms + QUARTER_MS, "interval", canonical(body), "")
        with closing(sqlite3.connect(self._path)) as db, db:
            db.execute("insert into ledger (seq, t_ms, kind, body, hash) values (?, ?, ?, ?, ?)", row)

    def read(self, first: int = 0, last: int = 96) -> OldPlant:
        return old_plant_of(
            self._web, "p", START_MS + first * QUARTER_MS, START_MS + last * QUARTER_MS, Catalogue("en")
        )


@pytest.fixture
def records(tmp_path: Path) -> Records:
    return Records(tmp_path)


def test_energies_become_powers_and_a_difference(records: Records) -> None:
    records.add(0, 10_000, 7_000)
    records.add(1, 12_000, 7_500, auxiliary_wh=500)
    found = records.read()
    assert found.old_w == [40_000, 48_000]
    assert found.t_ms == [START_MS, START_MS + QUARTER_MS]
    assert found.saved_kwh.v == 3.0 + 4.0


def test_the_power_belongs_to_the_time_with_energy(records: Records) -> None:
    records.add(0, 5_000, 3_000, covered_s=450)
    records.add(1, 10_000, 7_000, covered_s=450, filled_wh=3_000)
    assert records.read().old_w == [40_000, 40_000]


def test_a_later_record_replaces_an_earlier_one(records: Records) -> None:
    records.add(0, 10_000, 7_000)
    records.add(1, None, 7_000)
    records.add(0, 8_000, 7_000)
    found = records.read()
    assert (found.old_w, found.saved_kwh.v) == ([32_000], 1.0)


def test_only_this_motor_and_this_time(records: Records) -> None:
    for number in range(40):
        records.add(number, 1_000 * number, 0)
        records.add(number, 1, 0, asset="other")
    found = records.read(30, 33)
    assert found.t_ms == [START_MS + number * QUARTER_MS for number in (30, 31, 32)]
    assert found.old_w == [120_000, 124_000, 128_000]


def test_an_imported_hour_has_four_parts(records: Records) -> None:
    records.add(0, 40_000, 32_000, length_s=3600, covered_s=3600)
    found = records.read()
    assert found.old_w == [40_000] * 4
    assert found.saved_kwh.v == 8.0


def test_without_a_baseline_there_is_a_reason(records: Records) -> None:
    records.add(0, None, 7_000)
    found = records.read()
    assert found.t_ms == []
    assert found.saved_kwh.why is not None
    assert found.saved_kwh.why.code == "value_no_baseline"


def test_without_a_state_file_there_is_a_reason(tmp_path: Path) -> None:
    records = Records(tmp_path)
    (tmp_path / NAME).unlink()
    assert records.read().saved_kwh.why is not None
