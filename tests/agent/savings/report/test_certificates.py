"""The report lists the certificates of a meter and of its transformers."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace
from support import metered_retrofit

from agent.config.certificates import TITLES
from agent.config.loader import load_config
from agent.config.topology import assets
from agent.core.text import Catalogue
from agent.delivery.store.read_only import open_read_only
from agent.savings.report.html.details import meter_rows
from agent.savings.report.model.month import ReportMonth, collect


@pytest.fixture(scope="module")
def month(tmp_path_factory: pytest.TempPathFactory) -> ReportMonth:
    folder: Path = tmp_path_factory.mktemp("gateway")
    metered_retrofit.retrofit(folder, days=4)
    config = load_config(folder / "plant.toml")[0]
    db = open_read_only(folder / "state" / "magwatt.sqlite")
    try:
        return collect(db, config, assets(config)[0], "2024-10", metered_retrofit.utc_ms("2024-11-01 00:00"))
    finally:
        db.close()


@pytest.mark.parametrize("language", ["en", "zh_CN"])
def test_each_device_has_a_row(month: ReportMonth, language: str) -> None:
    """The plant has no voltage transformers, and states no certificate of its current transformers."""
    texts = Catalogue(language)
    rows = {row.name: row.value for row in meter_rows(month, texts)}
    [line] = rows[texts(TITLES["meter"])]
    assert all(part in line for part in ("4711", "省计量院", "2024-01-12", "2032-01-11"))
    assert rows[texts(TITLES["ct"])] == (texts("not stated"),)
    assert texts(TITLES["vt"]) not in rows


def test_each_certificate_has_a_line(month: ReportMonth) -> None:
    plant = month.plant
    assert plant is not None
    assert plant.meter is not None
    [stated] = plant.meter.certificates
    two = stated, replace(stated, number="4712")
    again = replace(month, plant=replace(plant, meter=replace(plant.meter, certificates=two)))
    texts = Catalogue("en")
    lines = {row.name: row.value for row in meter_rows(again, texts)}[texts(TITLES["meter"])]
    assert [number in line for number, line in zip(("4711", "4712"), lines, strict=True)] == [True, True]
