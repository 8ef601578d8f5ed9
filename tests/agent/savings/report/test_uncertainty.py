"""Texts of the page on the largest uncertainty component, on parts of the saving, and on verifying the ledger."""

from __future__ import annotations

import json
import re
import shlex
import sqlite3
from html import unescape
from pathlib import Path

import pytest
from click.testing import CliRunner
from msgspec.structs import replace
from support import metered_retrofit

from agent.cli import main
from agent.config.loader import load_config
from agent.config.topology import assets
from agent.core.text import Catalogue
from agent.delivery.store.read_only import open_read_only
from agent.savings.records.model import Saving, SavingPart
from agent.savings.report.model.month import ReportMonth, collect
from agent.savings.report.model.uncertainty import COMPONENTS, largest, largest_text, losses_missing, parts_less_certain

SAVING = Saving("fan", 0, 1, 1, 3000.0, 1000.0, 2000.0, 100.0, "proven")


@pytest.mark.parametrize(
    ("causes", "found"),
    [
        ({"model": 3.0, "transformer_phase": 4.0}, ("transformer_phase", True)),
        ({"model": 3.0, "scatter": 2.9, "gaps": 2.8}, ("model", False)),
        ({"model": 0.0}, None),
        ({}, None),
    ],
)
def test_the_largest_component_is_found_by_its_share_of_the_variance(
    causes: dict[str, float], found: tuple[str, bool] | None
) -> None:
    saving = replace(SAVING, causes=causes)
    assert largest(saving) == found
    for language in ("en", "zh_CN"):
        assert bool(largest_text(saving, Catalogue(language))) == (found is not None)


@pytest.fixture(scope="module")
def month(tmp_path_factory: pytest.TempPathFactory) -> ReportMonth:
    folder = tmp_path_factory.mktemp("plant")
    metered_retrofit.retrofit(folder, days=2)
    config = load_config(folder / "plant.toml")[0]
    db = open_read_only(folder / "state" / "magwatt.sqlite")
    try:
        return collect(db, config, assets(config)[0], "2024-10", metered_retrofit.utc_ms("2024-11-01 00:00"))
    finally:
        db.close()


def test_each_component_has_a_name_an_origin_and_a_remedy(month: ReportMonth) -> None:
    assert month.saving
    assert len(month.saving.causes) >= 8
    assert month.saving.causes.keys() <= COMPONENTS.keys()
    chinese = Catalogue("zh_CN")
    for component in COMPONENTS.values():
        for text in component[:3]:
            assert chinese(text) != text
        assert not re.search(r"_class|\.\*\.|`", " ".join(component[:3])), "keys are in the setting"


def test_parts_with_a_larger_u_than_their_sum_name_a_remedy(month: ReportMonth) -> None:
    unsure = replace(month, saving=replace(SAVING, parts={"control": SavingPart(1.0, 101.0)}))
    assert parts_less_certain(unsure.saving)
    assert month.plant is not None
    assert month.plant.drive is not None
    assert losses_missing(unsure) == [f"drive.{month.plant.drive.name}.losses", "motor.fan.losses"]
    known = replace(month.plant, drive=replace(month.plant.drive, loss_points_w=(1.0,) * 8))
    assert losses_missing(replace(unsure, plant=known)) == ["motor.fan.losses"]
    certain = replace(month, saving=replace(SAVING, parts={"control": SavingPart(1.0, 99.0)}))
    assert not parts_less_certain(certain.saving)
    assert losses_missing(certain) == []


@pytest.mark.parametrize("by", ["--config", "--state"])
def test_the_command_on_the_page_verifies_that_ledger(by: str, tmp_path: Path) -> None:
    metered_retrofit.retrofit(tmp_path, days=2)
    options = {"--config": [], "--state": ["--state", str(tmp_path / "state")]}[by]
    out = tmp_path / "a page.html"
    CliRunner().invoke(main, ["report", "--month", "2024-10", "--config", str(tmp_path / "plant.toml"), *options,
                              "--output", str(out)])  # fmt: skip
    printed = out.read_text(encoding="utf-8").partition("<code>magwatt ledger verify")[2].partition("</code>")[0]
    argv = shlex.split(unescape(printed))
    assert argv[0] == by
    command = ["ledger", "verify", *argv, "--json"]
    found = json.loads(CliRunner().invoke(main, command).output)
    assert (found["ok"], found["external_checkpoints"]) == (True, 1)
    with sqlite3.connect(tmp_path / "state" / "magwatt.sqlite") as db:
        db.execute("delete from ledger where seq = 3")
    db.close()
    assert json.loads(CliRunner().invoke(main, command).output)["first_bad"] == 3
