"""The condition of a motor on the page: three verdicts, in the order of the table, healthy only from the agent."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from support.alarm_messages import DEMAGNETIZED, condition, fault
from support.page import ROOT, Page, Stream, running_page

from agent.analysis.condition.common_reasons import NO_BASELINE
from agent.analysis.condition.faults import FAULTS
from agent.core.text import Catalogue

CHINESE = Catalogue("zh_CN")
PATH = "/api/v1/motors/pump/condition"


@pytest.fixture(scope="module")
def served() -> Iterator[Page]:
    with running_page() as page:
        yield page


@pytest.fixture
def page(served: Page) -> Page:
    """A motor that runs, whose condition is not known."""
    served.follower.seen.clear()
    served.follower.gateways[ROOT] = "online"
    served.motor("pump")
    served.telemetry("pump")
    return served


def test_each_fault_has_one_of_three_answers_in_the_order_of_the_table(page: Page) -> None:
    page.receive("pump", "condition", DEMAGNETIZED)
    found = page.json(PATH)
    assert found["condition"] == "finding"
    assert [item["code"] for item in found["faults"]] == [code for code in FAULTS if code in DEMAGNETIZED["faults"]]
    by_verdict = {item["verdict"]: item for item in found["faults"]}
    first, second, third = (by_verdict[verdict] for verdict in ("finding", "not_observable", "clear"))
    assert (first["index"], first["u95"], first["limit"], first["unit"]) == (-9.2, 2.4, -5.0, "%")
    assert first["trend"] == {"per_30d": -1.1, "unit": "%"}
    assert (first["severity"], first["confidence"], len(first["advice"])) == ("warning", "likely", 1)
    assert second["why"] == "no record is long enough"
    assert (third["advice"], third["why"]) == ([], "")
    chinese = next(item for item in page.json(f"{PATH}?lang=zh")["faults"] if item["verdict"] == "finding")
    assert chinese["title"] == CHINESE(FAULTS["demagnetization"].title)
    assert chinese["advice"] == [CHINESE(step) for step in DEMAGNETIZED["faults"]["demagnetization"]["advice"]]


def test_what_is_not_observable_is_grouped_by_reason(page: Page) -> None:
    other = {"code": "condition_no_baseline", "data": {}, "text": "-"}
    unseen = {code: fault("not_observable") for code in ("bearing", "overload", "stall")}
    unseen["overload"]["reason"] = other
    page.receive("pump", "condition", condition("unknown", **unseen, phase_loss=fault("clear")))
    found = page.json(PATH)
    assert [item["code"] for item in found["faults"]] == [code for code in FAULTS if code in {*unseen, "phase_loss"}]
    groups = {tuple(group["codes"]): group["why"] for group in found["unseen"]}
    assert groups.keys() == {("stall", "bearing"), ("overload",)}
    assert groups["stall", "bearing"] == "no record is long enough"
    (known,) = (group["why"] for group in page.json(f"{PATH}?lang=zh")["unseen"] if group["codes"] == ["overload"])
    assert known == CHINESE.reason(NO_BASELINE())


def test_an_answer_of_another_version(page: Page) -> None:
    """A new code has the title of the agent and follows; a new verdict is not shown as one of the three."""
    later = condition("finding", later=fault("finding"), stall=fault("clear"), overload=fault("perhaps"))
    page.receive("pump", "condition", later)
    assert [(item["code"], item["title"]) for item in page.json(PATH)["faults"]] == [
        ("stall", Catalogue("en")(FAULTS["stall"].title)), ("later", "a title of the agent")
    ]  # fmt: skip


def test_terminals_are_never_called_clear_of_voltage(page: Page) -> None:
    """A magnet motor that turns makes voltage, and nothing proves that it does not turn."""
    page.receive("pump", "condition", condition("healthy", live_terminals=fault("clear"), stall=fault("clear")))
    assert [item["code"] for item in page.json(PATH)["faults"]] == ["stall"]
    page.receive("pump", "condition", condition("finding", live_terminals=fault("finding")))
    assert [item["code"] for item in page.json(PATH)["faults"]] == ["live_terminals"]


def test_healthy_is_said_only_while_the_agent_says_so(page: Page) -> None:
    assert page.json(PATH)["condition"] == "unknown"
    page.receive("pump", "condition", condition("fine"))
    assert page.json(PATH)["condition"] == "unknown"
    page.receive("pump", "condition", condition("healthy"))
    assert page.json(PATH)["condition"] == "healthy"
    page.follower.gateways[ROOT] = "offline"
    assert page.json(PATH)["condition"] == "unknown"
    page.follower.gateways[ROOT] = "online"
    page.telemetry("pump", age_s=300)
    found = page.json(PATH)
    assert (found["condition"], found["why"] != "") == ("unknown", True)


def test_a_finding_stays_when_the_values_end(page: Page) -> None:
    page.receive("pump", "condition", DEMAGNETIZED)
    page.follower.gateways[ROOT] = "offline"
    assert page.json(PATH)["condition"] == "finding"


def test_a_changed_condition_is_sent_to_the_view_of_its_motor(page: Page) -> None:
    stream = Stream(page, "motor=pump")
    assert stream.event()["condition"]["condition"] == "unknown"
    page.receive("pump", "condition", DEMAGNETIZED)
    found = event_with(stream, "condition")["condition"]
    assert (found["motor"], found["condition"]) == ("pump", "finding")
    page.telemetry("pump")
    event = event_with(stream, "motor")
    assert "condition" not in event or event["ids"], "only an event that is complete repeats it"
    stream.close()


def event_with(stream: Stream, key: str) -> Any:
    """The next event with this key; events in between only show that the page still runs."""
    return next(event for _ in range(20) if key in (event := stream.event()))


def test_an_unknown_motor(page: Page) -> None:
    assert page.get("/api/v1/motors/nobody/condition").status == 404
