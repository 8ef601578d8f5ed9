"""One list of what needs action: the verdict, its badges and the list of the page are the same at any moment."""

from __future__ import annotations

from typing import Any

from support.alarm_messages import alarm
from support.page import ROOT, Page, Stream, running_page

from agent.commissioning.doctor.reasons import RESPONSES_LATE
from agent.core.state_reasons import DEVICE_NOT_RESPONDING, IN_MAINTENANCE
from agent.core.text import Catalogue, as_object
from agent.web.gateway.health_reasons import WAVEFORM_LOST
from drivers.reasons import Reason
from tests.agent.web.server.test_pages import start_of

ENGLISH = Catalogue("en")
ALARMS = {"safety", "high", "medium", "low"}  # page-design: unknown and maintenance are no alarms


def feed(page: Page) -> None:
    """A silent magnet motor, a silent meter, registers not confirmed, maintenance, and a gateway in trouble."""
    for name in ("silent", "shared", "unconfirmed", "held", "calm"):
        page.motor(name, motor={"kind": "pm" if name == "silent" else "induction"}, drive={"name": f"d-{name}"})
        page.telemetry(name)
    state(page, "silent", "offline", DEVICE_NOT_RESPONDING(device="d-silent"))
    state(page, "shared", "stale", DEVICE_NOT_RESPONDING(device="m-shared"))
    state(page, "held", "maintenance", IN_MAINTENANCE(note="bearing"))
    disabled = [{"code": "of_a_later_version", "data": {}, "text": text} for text in ("3 registers", "4 registers")]
    page.receive("unconfirmed", "explain", {"disabled_registers": disabled})
    page.follower.gateway_messages[ROOT] = {"health": {"v": {"bus_south_late_responses": 1, "bus_south_polls": 90}}}
    page.alarm(None, alarm("bus_failure", "UNACK", "high") | {"part": "south"})


def state(page: Page, motor: str, word: str, reason: Reason) -> None:
    page.receive(motor, "state", {"state": word, "reason": [as_object(reason)]})


def alarms(body: Any) -> list[str]:
    """The priorities of the alarms of a response, after a check that head and list agree."""
    listed = [item["priority"] for item in body["findings"] if item["priority"] in ALARMS]
    verdict = body["verdict"]
    assert (verdict["unacknowledged"], verdict["badges"]) == (len(listed), listed)
    assert verdict["worst"] == (listed[0] if listed else None)
    return listed


def test_head_and_list_agree_in_the_page_the_api_and_the_stream() -> None:
    expected = ["safety", "high", "medium", "low", "low", "low"]
    with running_page() as page:
        feed(page)
        assert alarms(start_of(page.get("/alarms").text)["plant"]) == expected
        assert alarms(page.json("/api/v1/plant")) == expected
        assert [item["priority"] for item in page.json("/api/v1/events")["findings"]] == [*expected, "maintenance"]
        stream = Stream(page)
        assert alarms(stream.event()) == expected
        page.telemetry("calm")
        assert "findings" not in stream.event(), "they have not changed"
        page.follower.gateway_messages[ROOT]["health"]["v"]["waveform_samples_lost"] = 7
        page.telemetry("calm")
        assert alarms(stream.event()) == [*expected, "low"]
        stream.close()


def test_findings_of_a_bus_name_it() -> None:
    with running_page() as page:
        feed(page)
        page.follower.gateway_messages[ROOT]["health"]["v"]["waveform_samples_lost"] = 7
        texts = {item["code"]: item["text"] for item in page.json("/api/v1/plant")["findings"]}
        assert texts[str.__str__(RESPONSES_LATE)] == f"{ENGLISH('bus')} south"
        assert texts[str.__str__(WAVEFORM_LOST)] == ENGLISH("devices")


def test_what_to_do_are_steps() -> None:
    """A magnet motor: no voltage is proven before anything else is done."""
    with running_page() as page:
        feed(page)
        first = page.json("/api/v1/plant")["findings"][0]
        assert (first["motor"], len(first["advice"])) == ("silent", 2)
        lamp = page.json("/api/v1/plant?lang=zh")["findings"][0]
        assert len(lamp["advice"]) == 2
