"""The commissioning in the browser: the same records as in the terminal, live values, a fault that is corrected."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from support.basics import HandClock
from support.plant_clock import PlantClock, link_to
from support.setup_browser import Browser, running
from support.setup_cabinet import HEAD, commission_on, exchanged_transformers, setup_of

from agent.commissioning.wizard.answers import Answer, Question
from agent.commissioning.wizard.dialogue import Dialogue
from agent.config.loader import load_config
from agent.config.model import Bus
from agent.web.setup.setup import REMARK_MISSING
from simulators.bus.memory import MemoryLink
from simulators.devices.reference_motor import ReferenceMotor
from simulators.scenarios.pump_station import PumpStation

STATION = (
    HEAD
    + """
[meter.mcc-2]
bus = "north"
unit_id = 11
profile = "eastron/sdm630"
measuring_point = "drive-input"
class = "0.5"
[drive.vfd-2]
bus = "north"
unit_id = 31
profile = "yaskawa/ga800"
fed_by = "mcc-2"
kw = 55
comm_loss = "not used"
[motor.pump-2]
name = "2#泵"
kind = "pm"
kw = 55
rpm = 1500
poles = 8
volts = 372
amps = 99.6
fed_by = "vfd-2"
"""
)
NO, REMARK = "cts_on_their_phase", "K1 on L2"


def station_links() -> tuple[HandClock, Callable[[Bus], MemoryLink]]:
    plant = PumpStation(Random(3))
    clock = PlantClock(plant)
    plant.step(0.1)
    return clock, link_to([*plant.tcp_devices, *plant.rtu_devices], clock)


def begin(browser: Browser) -> None:
    browser.open()
    browser.do("choose", choice="commission")
    assert browser.act("commission", by=" - ")[0] == 422, "no name of an operator"
    browser.do("commission", by="Li Wei")


def reply(browser: Browser, state: Any, **more: str) -> None:
    browser.do("reply", number=state["walk"]["page"]["number"], **{"reply": "yes", **more})


def finish(browser: Browser) -> Any:
    """Confirms every statement until the record; returns its page."""
    state = browser.state_with(stage="walk")
    while (page := state["walk"]["page"])["kind"] != "record":
        if page["kind"] == "statement":
            reply(browser, state)
        elif page["kind"] == "review":
            browser.do("check", number=page["number"], again=False)
        while state["stage"] == "walk" and state["walk"]["page"]["number"] == page["number"]:
            state = browser.state(state["version"])
    return state


def written(folder: Path) -> list[Any]:
    """The records without what depends on the moment: times, and the file names that contain them."""
    found = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))]
    for record in found:
        assert {step["at_ms"] is None for step in record["steps"]} == {False}
        record["steps"] = [{**step, "at_ms": 0} for step in record["steps"]]
    return found


def test_the_records_are_those_of_the_terminal(tmp_path: Path) -> None:
    """One statement has the reply no and a remark, the others yes."""

    def at_terminal(question: Question) -> Answer:
        return Answer("no", REMARK) if question.statement.code == NO else Answer("yes")

    for name in ("terminal", "browser"):
        (tmp_path / name).mkdir()
    (tmp_path / "terminal" / "plant.toml").write_text(STATION, encoding="utf-8")
    config, _ = load_config(tmp_path / "terminal" / "plant.toml")
    dialogue = Dialogue(lambda line: None, at_terminal)
    records = tmp_path / "terminal" / "commissioning"
    asyncio.run(commission_on(*station_links())(config, records, "Li Wei", dialogue))  # type: ignore[arg-type]

    with running(setup_of(tmp_path / "browser", STATION, commission_on(*station_links()))) as browser:
        begin(browser)
        state = browser.page("statement")
        codes = []
        while (page := state["walk"]["page"])["kind"] != "record":
            if page["kind"] == "statement":
                codes.append(page["code"])
                if page["code"] == NO:
                    status, problem = browser.act("reply", number=page["number"], reply="no", remark=" ")
                    assert (status, problem["detail"]) == (422, str(REMARK_MISSING()))
                    reply(browser, state, reply="no", remark=f" {REMARK} ")
                else:
                    reply(browser, state)
            elif page["kind"] == "review":
                assert page["findings"] == []
                browser.do("check", number=page["number"], again=False)
            while state["walk"]["page"]["number"] == page["number"]:
                state = browser.state(state["version"])
        assert codes[0] == "nameplate_matches"
        assert codes[-1] == "display_matches"
        assert [step["state"] for step in state["walk"]["steps"]] == ["ok", "ok", "bad", "ok", "ok"]
        browser.do("next", number=page["number"])
        end = browser.state_with(stage="written")
        assert [motor["points"] for motor in end["motors"]] == [1]
    here = tmp_path / "browser" / "commissioning"
    assert written(here) == written(records)
    assert len(list(here.glob("*.md"))) == 1


@pytest.fixture
def cabinet(tmp_path: Path) -> Iterator[tuple[ReferenceMotor, Browser]]:
    with exchanged_transformers(tmp_path) as (motor, browser):
        begin(browser)
        yield motor, browser


def to_review(browser: Browser) -> Any:
    state = browser.page("statement")
    while (page := state["walk"]["page"])["kind"] != "review":
        if page["kind"] == "statement":
            reply(browser, state)
        while state["walk"]["page"]["number"] == page["number"]:
            state = browser.state(state["version"])
    return state


def test_exchanged_transformers_are_drawn_and_a_correction_is_seen(
    cabinet: tuple[ReferenceMotor, Browser], tmp_path: Path
) -> None:
    """One finding with its picture, danger before the steps; live values follow the correction; then no open point."""
    motor, browser = cabinet
    state = to_review(browser)
    page, live = state["walk"]["page"], state["walk"]["live"]["devices"][0]
    (finding,) = page["findings"]
    assert [(wire["terminal"], wire["phase"]) for wire in finding["picture"]["wires"]] == [
        ("I1", "L2"), ("I2", "L1"), ("I3", "L3"),
    ]  # fmt: skip
    assert "S1–S2" in finding["danger"]
    assert len(finding["steps"]) >= 3
    assert [row["wrong"] for row in live["phases"]] == [True, True, False]
    assert state["walk"]["steps"][2]["state"] == "bad"

    motor.crossed = None
    while any(row["wrong"] for row in state["walk"]["live"]["devices"][0]["phases"]):
        state = browser.state(state["version"])
    angles = state["walk"]["live"]["devices"][0]["phasors"]
    assert angles["u_deg"] == [0, -120, 120]
    for phi in angles["phi_deg"]:  # cos φ 0.86 at rated load is 31°
        assert 20 < phi < 45
    browser.do("check", number=state["walk"]["page"]["number"], again=True)
    state = browser.state_with(stage="walk")
    while state["walk"]["page"]["kind"] != "review" or state["walk"]["page"]["number"] == page["number"]:
        state = browser.state(state["version"])
    assert state["walk"]["page"]["findings"] == []
    state = finish(browser)
    assert state["walk"]["page"]["points"] == []
    browser.do("next", number=state["walk"]["page"]["number"])
    assert browser.state_with(stage="written")["motors"] == [{"title": "pump-1", "points": 0}]
    (record,) = written(tmp_path / "commissioning")
    assert record["open_points"] == []


def test_a_late_tap_answers_no_other_page(cabinet: tuple[ReferenceMotor, Browser]) -> None:
    _, browser = cabinet
    state = browser.page("statement")
    number = state["walk"]["page"]["number"]
    reply(browser, state)
    while state["walk"]["page"]["number"] == number:
        state = browser.state(state["version"])
    assert browser.act("reply", number=number, reply="yes")[0] == 422
    assert browser.act("reply", number=number + 1, reply="perhaps")[0] == 400
    assert browser.state()["walk"]["page"]["number"] == number + 1


def test_the_end_of_the_session_ends_the_commissioning(cabinet: tuple[ReferenceMotor, Browser], tmp_path: Path) -> None:
    """Without a record, and with the state free for `run`."""
    _, browser = cabinet
    browser.page("statement")
    browser.do("end")
    assert browser.state()["stage"] == "end"
    assert not (tmp_path / "commissioning").exists()
