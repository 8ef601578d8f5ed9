"""Alarms of the agent on the page: order, counts, badges, and what the page no longer derives."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from support.alarm_messages import alarm
from support.page import ROOT, Page, Stream, running_page

from agent.config.alarm_table import DEFINITIONS
from agent.core.state_reasons import DEVICE_NOT_RESPONDING
from agent.core.text import as_object
from agent.runtime.alarm_inputs import of_health
from agent.savings.ledger.reasons import HMAC_LEDGER
from agent.web.gateway.health_findings import ALARMED
from agent.web.plant import findings, motor_state


@pytest.fixture(scope="module")
def served() -> Iterator[Page]:
    with running_page() as page:
        yield page


@pytest.fixture
def page(served: Page) -> Page:
    """Two motors that run, without alarms."""
    for kept in (served.follower.alarms, served.follower.seen, served.follower.gateway_messages):
        kept.clear()
    for name in ("pump", "fan"):
        served.motor(name, drive={"name": f"d-{name}"})
        served.telemetry(name)
    return served


def row(plant: Any, motor: str) -> Any:
    return next(item for item in plant["motors"] if item["id"] == motor)


def listed(plant: Any) -> list[tuple[str | None, str, str | None]]:
    """Motor, code and state, in the order of the list."""
    return [(item["motor"], item["code"], item["alarm"] and item["alarm"]["state"]) for item in plant["findings"]]


def silence(page: Page, motor: str) -> None:
    reason = as_object(DEVICE_NOT_RESPONDING(device=f"d-{motor}"))
    page.receive(motor, "state", {"state": "offline", "reason": [reason], "since": 1})


def test_what_needs_action_comes_first_and_counts(page: Page) -> None:
    """ISA-18.2: what returned or was acknowledged needs none; what is shelved or suppressed is not announced."""
    states = ("NORM", "OOSRV", "DSUPR", "SHLVD", "ACKED", "RTNUN", "UNACK")
    for number, state in enumerate(states):
        page.alarm("pump", alarm(f"code_{number}", state, "high"))
    page.alarm("fan", alarm("stall", "UNACK", "medium"))
    page.alarm("fan", alarm("live_terminals", "ACKED", "safety"))
    page.alarm(None, alarm("disk", "UNACK", "low"))
    plant = page.json("/api/v1/plant")
    assert listed(plant) == [
        ("fan", "live_terminals", "ACKED"), ("pump", "code_6", "UNACK"), ("pump", "code_5", "RTNUN"),
        ("pump", "code_4", "ACKED"), ("fan", "stall", "UNACK"), (None, "disk", "UNACK"),
        ("pump", "code_3", "SHLVD"), ("pump", "code_2", "DSUPR"), ("pump", "code_1", "OOSRV"),
    ]  # fmt: skip
    verdict = plant["verdict"]
    assert (verdict["unacknowledged"], verdict["badges"], verdict["worst"]) == (3, ["high", "medium", "low"], "high")
    assert (verdict["acknowledged"], verdict["returned"], verdict["shelved"], verdict["suppressed"]) == (2, 1, 1, 2)
    assert len(page.json("/api/v1/alarms")["alarms"]) == 10, "also the normal one"


@pytest.mark.parametrize(
    ("states", "marked"),
    [
        ([("high", "UNACK"), ("safety", "ACKED")], ("safety", True)), ([("low", "RTNUN")], ("low", False)),
        ([("high", "ACKED"), ("high", "UNACK")], ("high", False)), ([("high", "SHLVD")], ("high", True)),
        ([("high", "DSUPR")], ("normal", False)), ([("high", "NORM")], ("normal", False)),
    ],
)  # fmt: skip
def test_the_badge_of_a_motor_is_that_of_its_worst_alarm(
    page: Page, states: list[tuple[str, str]], marked: tuple[str, bool]
) -> None:
    for number, (priority, state) in enumerate(states):
        page.alarm("pump", alarm(f"code_{number}", state, priority))
    found = row(page.json("/api/v1/plant"), "pump")
    assert (found["priority"], found["acknowledged"]) == marked


def test_the_row_names_an_urgent_alarm_and_otherwise_what_the_motor_does(page: Page) -> None:
    page.alarm("pump", alarm("phase_loss", "ACKED", "high"))
    page.alarm("fan", alarm("phase_loss", "RTNUN", "high"))
    plant = page.json("/api/v1/plant")
    state = row(plant, "pump")["state"]
    assert (state["text"], state["strong"], state["word"]) == ("a phase is lost", True, "running")
    assert row(plant, "fan")["state"]["strong"] is False


def test_what_the_agent_announces_is_not_derived_a_second_time(page: Page) -> None:
    silence(page, "pump")
    assert listed(page.json("/api/v1/plant")) == [("pump", "no_reply", None)]
    page.alarm("pump", alarm("live_terminals", "ACKED", "safety"))
    plant = page.json("/api/v1/plant")
    assert listed(plant) == [("pump", "live_terminals", "ACKED")]
    assert (row(plant, "pump")["priority"], row(plant, "pump")["acknowledged"]) == ("safety", True)
    page.alarm("fan", alarm("stall", "NORM"))
    silence(page, "fan")
    assert ("fan", "no_reply", None) in listed(page.json("/api/v1/plant")), "another alarm does not cover it"


def test_a_normal_record_does_not_hide_that_the_values_ended(page: Page) -> None:
    """The agent may have ended before it could announce what the page sees; a magnet motor is then live or unknown."""
    page.alarm("pump", alarm("live_terminals", "NORM", "safety"))
    silence(page, "pump")
    assert listed(page.json("/api/v1/plant")) == [], "the agent knows, and its delay runs"
    page.telemetry("pump", age_s=300)
    assert listed(page.json("/api/v1/plant")) == [("pump", "no_reply", None)]


def test_a_figure_of_the_gateway_with_an_alarm_is_listed_once(page: Page) -> None:
    page.follower.gateway_messages[ROOT] = {"health": {"v": {"disk_free_mb": 3, "ledger_signed": 0}}}
    assert listed(page.json("/api/v1/plant")) == [(None, HMAC_LEDGER, None)], "the agent watches the disk"
    page.alarm(None, alarm("disk", "SHLVD", "medium"))
    assert listed(page.json("/api/v1/plant")) == [(None, HMAC_LEDGER, None), (None, "disk", "SHLVD")]


def test_the_figures_of_an_alarm(page: Page) -> None:
    page.alarm("pump", alarm("supply_dip", "DSUPR", "high", title="dip of the supply voltage", consequences=1))
    page.alarm("pump", alarm("phase_loss", "UNACK", "high", caused_by="supply_dip"))
    found = {item["code"]: item for item in page.json("/api/v1/alarms")["alarms"]}
    shown = found["phase_loss"]["alarm"]
    assert (shown["value"], shown["unit"], shown["limit"], shown["u95"]) == (0.3, "A", 2.1, 0.1)
    assert (shown["caused_by"], found["supply_dip"]["alarm"]["consequences"]) == ("dip of the supply voltage", 1)
    assert shown["time_to_respond_min"] == 5
    assert found["phase_loss"]["detail"] == "current of phase 2 is 0.3 A, the others 41 A"
    assert len(page.get("/api/v1/alarms?format=csv").text.splitlines()) == 3
    chinese = page.json("/api/v1/alarms?lang=zh")["alarms"][0]
    assert chinese["text"] != found["phase_loss"]["text"]


def test_a_record_of_another_version_or_type_is_left_out_or_shown_without_it(page: Page) -> None:
    page.alarm("pump", alarm("a", "LATER"))
    page.alarm("pump", alarm("b", "UNACK", "urgent", value="high", since_ms="now", why="text", advice=None))
    found = page.json("/api/v1/alarms")["alarms"]
    assert [(item["code"], item["priority"], item["alarm"]["value"]) for item in found] == [("b", "low", None)]


def test_a_change_of_an_alarm_is_sent_to_open_pages(page: Page) -> None:
    stream = Stream(page)
    stream.event()
    page.alarm("pump", alarm("phase_loss", "UNACK", "high"))
    event = stream.event()
    assert [item["code"] for item in event["findings"]] == ["phase_loss"]
    assert [(item["id"], item["priority"]) for item in event["motors"]] == [("pump", "high")]
    stream.close()


def test_a_text_that_is_missing_stays_missing_in_chinese(page: Page) -> None:
    """gettext translates the empty text into the head of the catalogue."""
    page.alarm("pump", alarm("phase_loss", consequence="", title=""))
    (found,) = page.json("/api/v1/alarms?lang=zh")["alarms"]
    assert (found["text"], found["alarm"]["consequence"]) == ("phase_loss", "")


def test_each_code_that_covers_a_derived_finding_is_an_alarm_of_the_agent() -> None:
    named = {motor_state.LIVE_TERMINALS, motor_state.NO_REPLY, "no_value", "wiring", "contradiction"}
    assert named | {findings.REGISTERS_DISABLED} <= DEFINITIONS.keys()


@pytest.mark.parametrize("figure", sorted(ALARMED - {"offline", "polls_failed", "corrupt_responses"}))
def test_the_agent_makes_an_alarm_of_each_figure_that_the_list_leaves_out(figure: str) -> None:
    always = list(of_health({}, {}, (), 0))
    (found,) = (one for one in of_health({figure: 1}, {figure: 0}, (), 0) if one not in always)
    assert found.code in DEFINITIONS
