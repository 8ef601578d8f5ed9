"""Baselines on several drivers on the command line, in the ledger and on the page; one line in the chart per state."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from msgspec.structs import replace
from support import metered_retrofit
from support.basics import HandClock
from support.savings import save_intervals

from agent.cli import main
from agent.core.text import Catalogue, english
from agent.delivery.store import Store
from agent.savings import reasons
from agent.savings.records.model import QUARTER_MS, Driver, Interval

SHIFT, INLET, PUMPS = "signal_shift", "signal_inlet_c", "signal_pumps"
BASELINE_PERIOD = metered_retrofit.utc_ms("2024-09-01 00:00"), metered_retrofit.utc_ms("2024-09-15 00:00")
MONTH = metered_retrofit.utc_ms("2024-10-01 00:00"), metered_retrofit.utc_ms("2024-10-04 00:00")
MORE_KW = (0.0, 6.0, -4.0)
LINE = re.compile(r'<polyline class="line model" points="([^"]+)"/>')


def with_shift(item: Interval) -> Interval:
    """Each shift of 8 h runs with a different valve position."""
    shift = item.start_ms // (32 * QUARTER_MS) % 3
    wh = (item.energy_wh or 0.0) + 250 * MORE_KW[shift]
    return replace(item, energy_wh=wh, drivers={**item.drivers, SHIFT: Driver(shift + 1.0)})


def with_inlet(item: Interval) -> Interval:
    """Colder air is denser and takes more energy."""
    inlet = 20.0 + 0.25 * (item.start_ms // QUARTER_MS * 13 % 41)
    wh = (item.energy_wh or 0.0) - 250 * 0.5 * (inlet - 25)
    return replace(item, energy_wh=wh, drivers={**item.drivers, INLET: Driver(inlet)})


def magwatt(folder: Path, *words: str) -> Result:
    return CliRunner().invoke(main, [*words, "--config", str(folder / "plant.toml")])


def plant(folder: Path, more: Any) -> Path:
    (folder / "plant.toml").write_text(metered_retrofit.PLANT, encoding="utf-8")
    store = Store(folder / "state", HandClock(MONTH[0] / 1000))
    save_intervals(store, [more(item) for item in metered_retrofit.old(*BASELINE_PERIOD)])
    save_intervals(store, [more(item) for item in metered_retrofit.new(*MONTH)])
    store.close()
    return folder


def learn_and_freeze(folder: Path, *more: str) -> str:
    result = magwatt(folder, "baseline", "learn", "fan", "--to", "2024-09-15", *more)
    assert result.exit_code == 0, result.output
    done = magwatt(folder, "baseline", "freeze", "fan", "--by", "Li Wei")
    assert done.exit_code == 0, done.output
    return result.stdout


def true_wh(more: Any) -> float:
    """True saving from the laws of the plant: the old fan at the same flow, shift and inlet, less the new one."""
    items = [more(item) for item in metered_retrofit.new(*MONTH)]
    bare = metered_retrofit.new(*MONTH)
    old = sum(250 * metered_retrofit.before_kw(item.drivers[metered_retrofit.FLOW].mean) for item in bare)
    shifted = sum((item.energy_wh or 0.0) - (raw.energy_wh or 0.0) for item, raw in zip(items, bare, strict=True))
    return old + shifted - sum((item.energy_wh or 0.0) + item.auxiliary_wh for item in items)


def report(folder: Path, *more: str) -> tuple[str, dict[str, Any]]:
    page = folder / "r.html"
    made = magwatt(folder, "report", "--month", "2024-10", "--output", str(page), *more)
    assert page.exists(), made.output
    [motor] = json.loads((folder / "r.json").read_text(encoding="utf-8"))["motors"]
    return page.read_text(encoding="utf-8"), motor


@pytest.mark.text
def test_levels_by_shift_from_learning_to_the_page(tmp_path: Path) -> None:
    folder = plant(tmp_path, with_shift)
    learn_output = learn_and_freeze(folder)
    assert "separate offset for each state of shift (draft)" in learn_output
    assert f"[{SHIFT} = 2]" in learn_output
    page_and_json = json.loads(magwatt(folder, "baseline", "show", "fan", "--json").stdout)
    page, motor = report(folder)
    saving = motor["saving"]
    assert page_and_json["saving"]["saved_wh"] == pytest.approx(saving["saved_wh"], rel=1e-9)
    assert saving["saved_wh"] == pytest.approx(true_wh(with_shift), abs=saving["u95_wh"])
    assert motor["baseline"]["shape"]["by_state"] == "levels"
    assert "[y = 2]" in page
    assert "separate offset for each state of shift" in page
    assert "shift 的各状态有各自的常数项" in page


def test_a_plane_from_learning_to_the_page(tmp_path: Path) -> None:
    folder = plant(tmp_path, with_inlet)
    words = ("--driver", "fan-flow", "--driver", INLET, "--model", "linear")
    learn_output = learn_and_freeze(folder, *words)
    assert re.search(r"\(VIF\): .*\d", learn_output)
    assert f"·{INLET}" in learn_output
    page, motor = report(folder)
    assert motor["saving"]["saved_wh"] == pytest.approx(true_wh(with_inlet), abs=motor["saving"]["u95_wh"])
    assert motor["baseline"]["kind"] == "linear"
    assert "VIF" in page
    assert "y = inlet c" in page


@pytest.mark.text
def test_correlated_drivers_are_reported_when_learning(tmp_path: Path) -> None:
    def following(item: Interval) -> Interval:
        inlet = 0.2 * item.drivers[metered_retrofit.FLOW].mean + item.start_ms // QUARTER_MS % 7 / 5
        return replace(item, drivers={**item.drivers, INLET: Driver(inlet)})

    folder = plant(tmp_path, following)
    result = magwatt(folder, "baseline", "learn", "fan", "--to", "2024-09-15")
    assert "fan flow m³/h and inlet c moved together (VIF " in result.stdout
    both = magwatt(folder, "baseline", "learn", "fan", "--driver", "fan-flow", "--driver", INLET, "--model", "affinity")
    assert both.exit_code == 2
    assert f"no affinity model of {metered_retrofit.FLOW}, {INLET} fits the data" in both.output


def kw(flow: float, pumps: float) -> float:
    """Two pumps have a larger offset and a smaller slope."""
    return 40 + 1.1 * flow if pumps == 1 else 90 + 0.3 * flow


def with_pumps(item: Interval) -> Interval:
    """The second pump runs above a flow of 55; before the retrofit the power follows `kw`."""
    flow = item.drivers[metered_retrofit.FLOW].mean
    pumps = 2.0 if flow > 55 else 1.0
    wh = item.energy_wh if item.start_ms >= MONTH[0] else 250 * kw(flow, pumps)
    return replace(item, energy_wh=wh, drivers={**item.drivers, PUMPS: Driver(pumps)})


@pytest.fixture(scope="module")
def page_and_json(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, Any]]:
    folder = plant(tmp_path_factory.mktemp("pumps"), with_pumps)
    learn_output = learn_and_freeze(folder, "--driver", "fan-flow", "--driver", PUMPS)
    model = reasons.MODEL_WITH_SLOPES(
        model=reasons.MODEL_POLYNOMIAL(degree=1, driver=metered_retrofit.FLOW), state=PUMPS
    )
    assert english(model) in learn_output
    return report(folder)


def cloud(page: str) -> str:
    """The first chart of the page, in its first language."""
    return page.partition("<figure>")[2].partition("</figure>")[0]


@pytest.mark.text
def test_slopes_by_state_are_described_in_both_languages(page_and_json: tuple[str, dict[str, Any]]) -> None:
    page, motor = page_and_json
    assert motor["baseline"]["shape"]["by_state"] == "slopes"
    for text in ("separate coefficients for each state of pumps", "[…]: 1 in this state, otherwise 0",
                 "pumps 的各状态有各自的系数", "[…]：处于该状态为 1，否则为 0"):  # fmt: skip
        assert text in page
    model = reasons.MODEL_WITH_SLOPES(
        model=reasons.MODEL_POLYNOMIAL(degree=2, driver="signal_a_m3_h"), state="signal_b"
    )
    assert Catalogue("zh_CN").reason(model) == "a m³/h 的 2 次多项式；b 的各状态有各自的系数"


def test_each_state_has_a_line_within_its_range(page_and_json: tuple[str, dict[str, Any]]) -> None:
    """One pump up to a flow of 55, two above: one line ends and the other one starts at 55 on the linear axis."""
    picture = cloud(page_and_json[0])
    lines = [[float(pair.partition(",")[0]) for pair in points.split()] for points in LINE.findall(picture)]
    assert len(lines) == 2
    ticks = re.findall(r'<text x="([\d.]+)" y="[\d.]+" text-anchor="middle">(\d+)</text>', picture)
    (x0, v0), (x1, v1) = ((float(x), float(value)) for x, value in (ticks[0], ticks[-1]))
    limit = x0 + (55 - v0) * (x1 - x0) / (v1 - v0)
    assert max(lines[0]) <= limit + 0.1
    assert min(lines[1]) >= limit - 0.1
    for line in lines:
        assert max(line) - min(line) > 50
    for name in ("pumps = 1", "pumps = 2"):
        assert f">{name}</text>" in picture


def test_the_range_seen_is_that_of_each_state(page_and_json: tuple[str, dict[str, Any]]) -> None:
    page, motor = page_and_json
    [[low_1, high_1], [low_2, high_2]] = motor["baseline"]["shape"]["ranges"][metered_retrofit.FLOW]
    assert high_1 <= 55 < low_2
    assert f"{low_1:g} … {high_1:g} [pumps = 1]<br>" in page
    assert f"{low_2:g} … {high_2:g} [pumps = 2]" in page


def test_each_level_by_state_has_a_line(tmp_path: Path) -> None:
    folder = plant(tmp_path, with_shift)
    learn_and_freeze(folder)
    page, motor = report(folder)
    assert motor["baseline"]["shape"]["by_state"] == "levels"
    picture = cloud(page)
    assert len(LINE.findall(picture)) == 3
    for state in (1, 2, 3):
        assert f">shift = {state}</text>" in picture


def test_labels_of_lines_do_not_overlap(tmp_path: Path) -> None:
    """The levels are close to each other."""
    folder = plant(tmp_path, with_shift)
    learn_and_freeze(folder)
    places = re.findall(r'<text class="named" x="([\d.]+)" y="([\d.]+)"', cloud(report(folder)[0]))
    heights = sorted(float(y) for _, y in places)
    assert len(heights) == 3
    assert all(b - a >= 11 for a, b in pairwise(heights))
