"""A baseline of several drivers through the command line, the ledger and the report's page."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import reportkit
from click.testing import CliRunner, Result
from testkit import HandClock

from agent.cli import main
from agent.savings.keep import save_intervals
from agent.savings.types import QUARTER_MS, Driver, Interval
from agent.store import Store

SHIFT, INLET = "signal_shift", "signal_inlet_c"
LEARNT = reportkit.utc_ms("2024-09-01 00:00"), reportkit.utc_ms("2024-09-15 00:00")
MONTH = reportkit.utc_ms("2024-10-01 00:00"), reportkit.utc_ms("2024-10-04 00:00")
MORE_KW = (0.0, 6.0, -4.0)


def with_shift(item: Interval) -> Interval:
    """Each shift of 8 h sets a valve of its own."""
    shift = item.start_ms // (32 * QUARTER_MS) % 3
    wh = (item.energy_wh or 0.0) + 250 * MORE_KW[shift]
    return replace(item, energy_wh=wh, drivers={**item.drivers, SHIFT: Driver(shift + 1.0)})


def with_inlet(item: Interval) -> Interval:
    """Colder air is heavier."""
    inlet = 20.0 + 0.25 * (item.start_ms // QUARTER_MS * 13 % 41)
    wh = (item.energy_wh or 0.0) - 250 * 0.5 * (inlet - 25)
    return replace(item, energy_wh=wh, drivers={**item.drivers, INLET: Driver(inlet)})


def magwatt(folder: Path, *words: str) -> Result:
    return CliRunner().invoke(main, [*words, "--config", str(folder / "plant.toml")])


def plant(folder: Path, more: Any) -> Path:
    (folder / "plant.toml").write_text(reportkit.PLANT, encoding="utf-8")
    store = Store(folder / "state", HandClock(MONTH[0] / 1000))
    save_intervals(store, [more(item) for item in reportkit.old(*LEARNT)])
    save_intervals(store, [more(item) for item in reportkit.new(*MONTH)])
    store.close()
    return folder


def learn_and_freeze(folder: Path, *more: str) -> str:
    learnt = magwatt(folder, "baseline", "learn", "fan", "--to", "2024-09-15", *more)
    assert learnt.exit_code == 0, learnt.output
    done = magwatt(folder, "baseline", "freeze", "fan", "--by", "Li Wei")
    assert done.exit_code == 0, done.output
    return learnt.stdout


def true_wh(more: Any) -> float:
    """The old fan at the same flow, shift and air, less the new one, by the plant's own laws."""
    items = [more(item) for item in reportkit.new(*MONTH)]
    bare = reportkit.new(*MONTH)
    old = sum(250 * reportkit.before_kw(item.drivers[reportkit.FLOW].mean) for item in bare)
    shifted = sum((item.energy_wh or 0.0) - (raw.energy_wh or 0.0) for item, raw in zip(items, bare, strict=True))
    return old + shifted - sum((item.energy_wh or 0.0) + item.auxiliary_wh for item in items)


def report(folder: Path, *more: str) -> tuple[str, dict[str, Any]]:
    page = folder / "r.html"
    made = magwatt(folder, "report", "--month", "2024-10", "--out", str(page), *more)
    assert page.exists(), made.output
    [motor] = json.loads((folder / "r.json").read_text(encoding="utf-8"))["motors"]
    return page.read_text(encoding="utf-8"), motor


def test_levels_by_shift_from_learning_to_the_page(tmp_path: Path) -> None:
    folder = plant(tmp_path, with_shift)
    said = learn_and_freeze(folder)
    assert f" of {reportkit.FLOW} by {SHIFT} (draft)" in said
    assert f"[{SHIFT} = 2]" in said
    shown = json.loads(magwatt(folder, "baseline", "show", "fan", "--json").stdout)
    page, motor = report(folder)
    saving = motor["saving"]
    assert shown["saving"]["saved_wh"] == pytest.approx(saving["saved_wh"], rel=1e-9)
    assert saving["saved_wh"] == pytest.approx(true_wh(with_shift), abs=saving["u95_wh"])
    assert motor["baseline"]["kind"] == "indicator"
    assert "[y = 2]" in page
    assert "one curve, with a level of its own for each state" in page
    assert "各状态另有水平" in report(folder, "--lang", "zh")[0]


def test_a_plane_from_learning_to_the_page(tmp_path: Path) -> None:
    folder = plant(tmp_path, with_inlet)
    words = ("--driver", "fan-flow", "--driver", INLET, "--model", "linear")
    said = learn_and_freeze(folder, *words)
    assert "how far drivers move together, VIF: " in said
    assert f"·{INLET}" in said
    page, motor = report(folder)
    assert motor["saving"]["saved_wh"] == pytest.approx(true_wh(with_inlet), abs=motor["saving"]["u95_wh"])
    assert motor["baseline"]["kind"] == "linear"
    assert "VIF" in page
    assert "y = inlet c" in page


def test_what_moved_together_is_said_when_learning(tmp_path: Path) -> None:
    def following(item: Interval) -> Interval:
        inlet = 0.2 * item.drivers[reportkit.FLOW].mean + item.start_ms // QUARTER_MS % 7 / 5
        return replace(item, drivers={**item.drivers, INLET: Driver(inlet)})

    folder = plant(tmp_path, following)
    learnt = magwatt(folder, "baseline", "learn", "fan", "--to", "2024-09-15")
    assert f"look at {reportkit.FLOW} and {INLET} moved together (VIF " in learnt.stdout
    both = magwatt(folder, "baseline", "learn", "fan", "--driver", "fan-flow", "--driver", INLET, "--model", "binned")
    assert both.exit_code == 2
    assert f"no model binned of {reportkit.FLOW}, {INLET} fits what was measured" in both.output
