"""Baselines frozen by an earlier version: those of the present kinds keep hash, savings and U95; others are named.

frozen_before.json contains baselines that earlier versions froze, and what they computed for the intervals below.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from msgspec.structs import replace
from support import metered_retrofit
from support.accounting import evaluate
from support.basics import HandClock
from support.retrofit import FLOW

from agent.cli import main
from agent.config.loader import load_config
from agent.config.topology import assets
from agent.core.messages import Message
from agent.delivery.store import Store
from agent.savings import reasons
from agent.savings.records.baseline_json import from_json, intact, to_json
from agent.savings.records.model import QUARTER_MS, Driver, Interval
from agent.savings.records.repository import FROZEN
from agent.savings.tracking.tracker import SavingsTracker
from drivers.reading import Reading

CASES: list[dict[str, Any]] = json.loads((Path(__file__).parent / "frozen_before.json").read_text(encoding="utf-8"))
PRESENT = ("constant", "polynomial", "affinity", "linear")


def is_present(body: dict[str, Any]) -> bool:
    """`still`: a limit of a driver, below which the motor was off."""
    return body["kind"] in PRESENT and "still" not in body["shape"]


READABLE = [case for case in CASES if is_present(case["baseline"])]
REMOVED = [case["baseline"] for case in CASES if not is_present(case["baseline"])]
CT_AT_20_PERCENT = 0.75 / 0.5  # limits of class 0.5 at 20 % of rated current to those at rated current, IEC 61869-2


def flow_and_running(k: int) -> Interval:
    flow, on = 300 + (37 * k % 601) * 0.3, float(k % 5 > 0)
    wh = 0.8 * (5000 + 20 * flow + 0.004 * flow * flow + 200 * on + 100 * (-1) ** k)
    drivers = {FLOW: Driver(flow, 5.0), "signal_running": Driver(on)}
    return Interval("pump", k * QUARTER_MS, wh, drivers=drivers, meter="m 1", reactive_varh=6000.0)


def flow_and_air(k: int) -> Interval:
    """Standstill for six hours a day."""
    flow, air = 0.0 if k % 96 < 24 else 300 + 37.0 * k % 601, 10 + 13.0 * k % 23
    wh = 400.0 + 3 * (k % 5) if flow == 0 else 5000 + 20 * flow + 30 * air + 100 * (-1) ** k
    drivers = {FLOW: Driver(flow), "signal_air_c": Driver(air)}
    return Interval("pump", k * QUARTER_MS, 0.8 * wh, drivers=drivers, meter="m 1", reactive_varh=6000.0)


PLANTS: dict[str, tuple[Callable[[int], Interval], range]] = {
    "flow and running": (flow_and_running, range(300, 500)), "flow and air": (flow_and_air, range(700, 900)),
}  # fmt: skip


def test_the_cases_have_all_kinds() -> None:
    assert {case["baseline"]["kind"] for case in READABLE} == set(PRESENT)
    assert {body["kind"] for body in REMOVED} == {"state", "binned", "affinity", "polynomial"}


@pytest.mark.parametrize("case", READABLE)
def test_a_baseline_of_a_present_kind_keeps_its_hash_and_its_meaning(case: dict[str, Any]) -> None:
    """Equal savings over 200 intervals, and equal components of U95.

    The distance of competing models ("choice") is no component any more; the error of a driver is now its drift.
    Earlier versions took the limits of transformers at rated current; the current of these is not known, so that they
    are now those at 20 %.
    """
    frozen = from_json(case["baseline"])
    assert intact(frozen)
    assert to_json(frozen) == case["baseline"]
    assert not intact(replace(frozen, earlier={})), "its competing models are part of the hash"
    assert not intact(replace(frozen, residual_wh=1.0))
    assert not intact(from_json({**case["baseline"], "added": 1}))
    law, numbers = PLANTS[case["plant"]]
    saving, _ = evaluate(frozen, map(law, numbers), classes=("0.5S", "0.5"))
    assert saving.intervals == case["intervals"]
    assert saving.saved_wh == pytest.approx(case["saved_wh"], rel=1e-12)
    causes = {name: u for name, u in case["causes"].items() if name not in ("choice", "driver")}
    causes |= {name: CT_AT_20_PERCENT * causes[name] for name in ("transformer_ratio", "transformer_phase")}
    assert {name: saving.causes[name] for name in causes} == pytest.approx(causes, rel=1e-9, abs=1e-9)


def of_motor(body: dict[str, Any], motor: str) -> dict[str, Any]:
    """The same baseline of another motor, with the hash of docs/explanation/report.md."""
    rest = {name: value for name, value in body.items() if name != "hash"} | {"asset": motor}
    text = json.dumps(rest, sort_keys=True, separators=(",", ":"))
    return rest | {"hash": hashlib.sha256(text.encode()).hexdigest()}


def fan_with(folder: Path, body: dict[str, Any]) -> None:
    """A plant whose motor has this baseline of an earlier version in force, and a month of intervals."""
    metered_retrofit.retrofit(folder, days=3, baseline=False)
    store = Store(folder / "state", HandClock(metered_retrofit.utc_ms("2024-10-03 00:00") / 1000))
    store.save_entry(FROZEN, "fan", "", of_motor(body, "fan"))
    store.close()


def magwatt(folder: Path, *words: str) -> Result:
    return CliRunner().invoke(main, [*words, "--config", str(folder / "plant.toml")])


def model_of(body: dict[str, Any]) -> str:
    return body["kind"] + " + still" * ("still" in body["shape"])


@pytest.mark.parametrize("body", REMOVED, ids=[model_of(body) for body in REMOVED])
def test_a_baseline_of_a_removed_kind_is_rejected_with_the_remedy(body: dict[str, Any], tmp_path: Path) -> None:
    assert intact(from_json(body)), "it was not changed"
    fan_with(tmp_path, body)
    cause = reasons.BASELINE_MODEL_UNKNOWN(asset="fan", kind=model_of(body))
    shown = magwatt(tmp_path, "baseline", "show", "fan")
    assert shown.exit_code == 2
    assert str(cause) in shown.output
    magwatt(tmp_path, "report", "--month", "2024-10", "--output", str(tmp_path / "r.html"))
    [motor] = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))["motors"]
    assert motor["saving"] is None
    assert cause.as_object()["code"] in [note["code"] for note in motor["notes"]]
    assert magwatt(tmp_path, "baseline", "learn", "fan", "--to", "2024-09-15").exit_code == 0
    again = magwatt(tmp_path, "baseline", "freeze", "fan", "--by", "Li Wei")
    assert again.exit_code == 2, "it replaces no baseline without being told"
    replaced = magwatt(tmp_path, "baseline", "freeze", "fan", "--by", "Li Wei", "--replace")
    assert replaced.exit_code == 0, replaced.output
    assert magwatt(tmp_path, "baseline", "show", "fan").exit_code == 0


def test_the_running_agent_publishes_why_there_is_no_saving(tmp_path: Path) -> None:
    [body] = [body for body in REMOVED if body["kind"] == "binned"]
    fan_with(tmp_path, body)
    config = load_config(tmp_path / "plant.toml")[0]
    clock = HandClock(metered_retrofit.utc_ms("2024-10-04 00:00") / 1000)
    store, published = Store(tmp_path / "state", clock), list[Message]()
    tracker = SavingsTracker(assets(config)[0], 60.0, store, published.append, metered_retrofit.ZONE)
    for _ in range(40):
        clock.move(60)
        now_ns = clock.utc_ns()
        values = {"active_power": 50e3, "serial_number": "22091734"}
        reading = Reading("mcc-12", now_ns, now_ns, values, monotonic_ns=clock.monotonic_ns())
        tracker.on_meter(reading, reading.values, reading.flags)
        tracker.on_row([], 1400.0, None, now_ns // 1_000_000)
    store.flush()
    newest = [message for message in published if message.kind == "savings"][-1]
    assert newest.values["interval_energy_wh"] == pytest.approx(12_500, rel=1e-6)
    assert "saved_energy_wh" not in newest.values
    assert newest.reasons["savings_caveats"] == [reasons.BASELINE_MODEL_UNKNOWN(asset="fan", kind=model_of(body))]
    store.close()
