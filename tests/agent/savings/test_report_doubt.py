"""What the page says of the largest cause of doubt, of the parts, and how the ledger is checked."""

from __future__ import annotations

import shlex
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest
import reportkit
from click.testing import CliRunner

from agent.cli import main
from agent.config_load import load_config
from agent.savings.report.doubt import largest, of_parts
from agent.savings.report.month import Month, collect
from agent.savings.report.texts import Words
from agent.savings.types import Part, Saving
from agent.savings.verify import open_copy
from agent.topology import assets

SAVING = Saving("fan", 0, 1, 1, 3000.0, 1000.0, 2000.0, 100.0, "proven")


@pytest.mark.parametrize(
    ("causes", "said"),
    [
        ({"model": 3.0, "transformer phase": 4.0}, "Most of the doubt: the current transformers' phase error"),
        ({"model": 3.0, "scatter": 2.9, "gaps": 2.8}, "Largest part of the doubt: the baseline's coefficients"),
        ({"model": 0.0}, ""),
        ({}, ""),
    ],
)
def test_the_largest_cause_is_named_by_its_share_of_the_variance(causes: dict[str, float], said: str) -> None:
    assert largest(replace(SAVING, causes=causes), Words("en")).startswith(said)
    assert bool(largest(replace(SAVING, causes=causes), Words("zh"))) == bool(said)


@pytest.fixture(scope="module")
def month(tmp_path_factory: pytest.TempPathFactory) -> Month:
    folder = tmp_path_factory.mktemp("plant")
    reportkit.retrofit(folder, days=2)
    config = load_config(folder / "plant.toml")[0]
    db = open_copy(folder / "state" / "magwatt.sqlite")
    try:
        return collect(db, config, assets(config)[0], "2024-10", reportkit.utc_ms("2024-11-01 00:00"))
    finally:
        db.close()


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_each_cause_has_words_and_a_remedy(month: Month, lang: str) -> None:
    assert month.saving
    assert len(month.saving.causes) >= 8
    english, words = Words("en"), Words(lang)
    for key in (f"{kind} {cause}" for cause in month.saving.causes for kind in ("doubt", "lower")):
        assert words(key) != key
        assert lang == "en" or words(key) != english(key)


def test_parts_that_are_less_sure_than_their_sum_say_what_would_narrow_them(month: Month) -> None:
    unsure = replace(month, saving=replace(SAVING, parts={"control": Part(1.0, 101.0)}))
    text = of_parts(unsure, Words("en"))
    assert month.plant is not None
    assert month.plant.drive is not None
    assert f"(drive.{month.plant.drive.name}.losses)" in text
    known = replace(month.plant, drive=replace(month.plant.drive, loss_points_w=(1.0,) * 8))
    assert "drive." not in of_parts(replace(unsure, plant=known), Words("en"))
    assert of_parts(replace(month, saving=replace(SAVING, parts={"control": Part(1.0, 99.0)})), Words("en")) == ""


@pytest.mark.parametrize("by", ["--config", "--state"])
def test_the_command_on_the_page_verifies_that_ledger(by: str, tmp_path: Path) -> None:
    reportkit.retrofit(tmp_path, days=2)
    options = {"--config": [], "--state": ["--state", str(tmp_path / "state")]}[by]
    out = tmp_path / "a page.html"
    CliRunner().invoke(main, ["report", "--month", "2024-10", "--config", str(tmp_path / "plant.toml"), *options,
                              "--output", str(out)])  # fmt: skip
    command = out.read_text(encoding="utf-8").partition("<code>magwatt ledger verify")[2].partition("</code>")[0]
    argv = shlex.split(command.replace("&#x27;", "'"))
    assert argv[0] == by
    found = CliRunner().invoke(main, ["ledger", "verify", *argv])
    assert "External checkpoints compared: 1" in found.output
    with sqlite3.connect(tmp_path / "state" / "magwatt.sqlite") as db:
        db.execute("delete from ledger where seq = 3")
    db.close()
    assert "First invalid record: 3" in CliRunner().invoke(main, ["ledger", "verify", *argv]).output
