"""Hints for an auditor: the baseline was frozen too late, it was replaced, or a better model was available."""

from __future__ import annotations

import json
import re
from html import unescape
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner, Result
from support import metered_retrofit

from agent.cli import main
from agent.core.text import Catalogue
from agent.savings.reasons import MODEL_POLYNOMIAL
from agent.savings.report.reasons import BASELINE_FROZEN_LATE, BASELINE_REPLACED, BETTER_MODEL
from drivers.reasons import reason_of


@pytest.fixture
def plant(tmp_path: Path) -> Path:
    metered_retrofit.retrofit(tmp_path, days=3)
    return tmp_path


def magwatt(plant: Path, *words: str) -> Result:
    return CliRunner().invoke(main, [*words, "--config", str(plant / "plant.toml")])


def report(plant: Path) -> str:
    return magwatt(plant, "report", "--month", "2024-10", "--output", str(plant / "r.html")).output


def test_a_baseline_frozen_before_the_month_has_no_note(plant: Path) -> None:
    report(plant)
    [motor] = json.loads((plant / "r.json").read_text(encoding="utf-8"))["motors"]
    assert motor["hints"] == []


def test_a_baseline_replaced_after_the_month_is_noted(plant: Path) -> None:
    """A constant baseline, frozen two years after the month, replaces one on the flow and increases the saving."""
    first = json.loads(magwatt(plant, "baseline", "show", "fan", "--json").stdout)["baseline"]["hash"]
    assert magwatt(plant, "baseline", "learn", "fan", "--model", "constant").exit_code == 0
    assert magwatt(plant, "baseline", "freeze", "fan", "--by", "Eve", "--replace").exit_code == 0
    text = report(plant)
    [motor] = json.loads((plant / "r.json").read_text(encoding="utf-8"))["motors"]
    late, replaced, better = motor["hints"]
    assert late["code"] == BASELINE_FROZEN_LATE
    assert late["data"]["first_ms"] == metered_retrofit.utc_ms("2024-10-01 00:00") < late["data"]["frozen_ms"]
    assert replaced["code"] == BASELINE_REPLACED
    frozen_ms = metered_retrofit.utc_ms("2024-09-15 08:00")
    assert replaced["data"] == {"hash": first[:16], "frozen_ms": frozen_ms, "by": "Li Wei"}
    assert better["code"] == BETTER_MODEL
    assert better["data"]["model"] == MODEL_POLYNOMIAL(degree=1, driver=metered_retrofit.FLOW).as_object()
    assert better["data"]["best_cv_rmse"] == pytest.approx(0.0101, abs=5e-5)
    assert better["data"]["cv_rmse"] == pytest.approx(0.0927, abs=5e-5), "of the energies: standard deviation / mean"
    page = (plant / "r.html").read_text(encoding="utf-8")
    for hint in motor["hints"]:
        reason = reason_of(hint)
        assert Catalogue("en", ZoneInfo(metered_retrofit.ZONE)).reason(reason) in text
        for language in ("en", "zh_CN"):
            rendered = Catalogue(language, ZoneInfo(metered_retrofit.ZONE)).reason(reason)
            assert rendered in unescape(re.sub(r"</?span[^>]*>", "", page))
