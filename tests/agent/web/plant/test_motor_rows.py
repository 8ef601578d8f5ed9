"""Rows of the motors: values with their reasons, states in words, priorities."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from support.page import ROOT, RUNNING, Page, running_page

from agent.analysis.efficiency.reasons import METER_SHARED, METER_WIRING, MOTOR_OFF, WIRING_FAULTS
from agent.core.state_reasons import DEVICE_NOT_POLLED, DEVICE_NOT_RESPONDING, IN_MAINTENANCE
from agent.core.text import Catalogue, as_object
from drivers.reading import Quality
from drivers.reasons import Reason

ENGLISH = Catalogue("en")
INDUCTION = {"kind": "induction", "rated_power_kw": 55.0}
SINCE_MS = 1_795_899_660_000


@pytest.fixture
def plant() -> Iterator[Page]:
    with running_page() as page:
        yield page


def row(page: Page, motor: str = "m") -> Any:
    return next(row for row in page.json("/api/v1/motors")["motors"] if row["id"] == motor)


def state(page: Page, word: str, *reasons: Reason, motor: str = "m") -> None:
    page.receive(motor, "state", {"state": word, "reason": [as_object(item) for item in reasons], "since": SINCE_MS})


def test_a_running_motor(plant: Page) -> None:
    plant.motor("m", "Descaling pump 1")
    plant.telemetry("m")
    found = row(plant)
    assert found["name"] == "Descaling pump 1"
    assert found["rating"] == f"55 kW · {ENGLISH('magnet motor')}"
    assert found["power_w"] == {"v": 30000.0, "u": None, "q": "good", "m": None, "why": None}
    assert found["efficiency_pct"] == {"v": 92.8, "u": 2.3, "q": "good", "m": "M5", "why": None}
    assert found["losses_w"] | {"m": None} == {"v": 2126.0, "u": 890.0, "q": "good", "m": None, "why": None}
    assert (found["state"]["word"], found["state"]["detail"]) == ("running", "1\u2009226 r/min")
    assert (found["priority"], found["stale"], found["acknowledged"]) == ("normal", False, False)
    assert found["t"].endswith("Z")
    assert len(found["t"]) == 24
    assert found["age_s"] < 2


def test_the_power_is_that_of_the_drive_where_there_is_no_meter(plant: Page) -> None:
    plant.motor("m")
    plant.telemetry("m", {"motor_power_kw": 28.4})
    assert row(plant)["power_w"]["v"] == 28400.0


@pytest.mark.parametrize(
    ("values", "flags", "reasons", "code", "text"),
    [
        ({}, {}, [], "value_not_measured", "not measured"),
        ({"system_efficiency_pct": None}, {}, [], "value_not_known", "unknown"),
        ({"system_efficiency_pct": None}, {}, [MOTOR_OFF()], "motor_off", "motor off"),
        ({"system_efficiency_pct": None}, {}, [METER_SHARED()], "meter_shared", "shared meter"),
        ({"system_efficiency_pct": 92.0}, {"system_efficiency_pct": Quality.STALE}, [], "value_stale", "stale"),
        ({"system_efficiency_pct": 9.0}, {"system_efficiency_pct": Quality.NO_REPLY}, [], "value_no_reply", "no reply"),
        ({"system_efficiency_pct": None}, {"system_efficiency_pct": Quality.WARMING_UP}, [], "value_warming_up",
         "warming up"),
    ],
)  # fmt: skip
def test_an_unknown_value_says_why(
    plant: Page, values: dict[str, Any], flags: dict[str, Quality], reasons: list[Reason], code: str, text: str
) -> None:
    plant.motor("m")
    plant.telemetry(
        "m", {"active_power_w": 1.0, **values}, flags=flags, reasons={"efficiency_unavailable_reason": reasons}
    )
    found = row(plant)["efficiency_pct"]
    assert (found["v"], found["q"], found["why"]["code"], found["why"]["text"]) == (None, "bad", code, ENGLISH(text))
    assert found["why"]["long"]


def test_every_unknown_value_has_a_reason_of_at_most_three_words(plant: Page) -> None:
    plant.receive("m", "state", {"state": "online", "reason": []})
    found = row(plant)
    for key in ("power_w", "efficiency_pct", "saved_w", "shaft_w", "losses_w"):
        assert found[key]["v"] is None
        assert 1 <= len(found[key]["why"]["text"].split()) <= 3
    assert found["priority"] == "unknown"


@pytest.mark.parametrize(
    ("motor", "word", "reasons", "priority", "shown"),
    [
        ({"kind": "pm"}, "offline", [DEVICE_NOT_RESPONDING(device="drive")], "safety", "no_reply"),
        ({"kind": "pm"}, "stale", [DEVICE_NOT_RESPONDING(device="drive")], "safety", "no_reply"),
        ({"kind": "pm"}, "stale", [DEVICE_NOT_RESPONDING(device="meter")], "medium", "running"),
        ({"kind": "pm"}, "stale", [DEVICE_NOT_POLLED(device="drive")], "low", "running"),
        ({"kind": "pm-line-start"}, "offline", [], "safety", "no_reply"),
        ({"kind": "induction"}, "offline", [DEVICE_NOT_RESPONDING(device="meter")], "high", "no_reply"),
        ({"kind": "induction"}, "stale", [DEVICE_NOT_RESPONDING(device="drive")], "medium", "running"),
        ({"kind": "pm"}, "maintenance", [IN_MAINTENANCE(note="Li Wei")], "maintenance", "maintenance"),
        ({"kind": "pm"}, "online", [], "normal", "running"),
    ],
)  # fmt: skip
def test_priorities_of_states(
    plant: Page, motor: dict[str, Any], word: str, reasons: list[Reason], priority: str, shown: str
) -> None:
    """A magnet motor whose drive is silent may turn, and its terminals may be live."""
    plant.motor("m", motor=motor, drive={"name": "drive"}, meter={"name": "meter"})
    plant.telemetry("m")
    state(plant, word, *reasons)
    found = row(plant)
    assert (found["priority"], found["state"]["word"]) == (priority, shown)
    assert "safe" not in found["state"]["text"].lower()
    verdict = plant.json("/api/v1/plant")["verdict"]
    assert verdict["unacknowledged"] == (priority not in ("maintenance", "normal"))
    assert verdict["badges"] == ([priority] if verdict["unacknowledged"] else [])


def test_a_magnet_motor_without_a_drive_is_watched_by_its_meter(plant: Page) -> None:
    plant.motor("m", meter={"name": "meter"})
    plant.telemetry("m")
    state(plant, "stale", DEVICE_NOT_RESPONDING(device="meter"))
    assert row(plant)["priority"] == "safety"


def test_a_wiring_fault_and_a_bad_row_are_medium(plant: Page) -> None:
    fault = WIRING_FAULTS["ct_reversed"](phases="L1")
    plant.motor("m", motor=INDUCTION)
    plant.telemetry("m", {**RUNNING, "meter_wiring": "wiring_ct_reversed"}, reasons={"meter_wiring": [fault]})
    assert (row(plant)["priority"], row(plant)["state"]["text"]) == ("medium", ENGLISH.reason(fault))
    plant.telemetry("m", {**RUNNING, "efficiency_unavailable_reason": "meter_wiring"},
                    reasons={"efficiency_unavailable_reason": [METER_WIRING(fault=fault)]})  # fmt: skip
    assert row(plant)["priority"] == "medium"
    plant.telemetry("m", {"active_power_w": None})
    assert row(plant)["priority"] == "medium"


def test_uncertain_rows_say_why(plant: Page) -> None:
    plant.motor("m", motor=INDUCTION)
    plant.telemetry("m", quality=Quality.ALLOCATED)
    found = row(plant)
    assert (found["priority"], found["efficiency_pct"]["q"]) == ("normal", "uncertain")
    assert found["state"]["detail"] == ENGLISH("uncertain: {cause}", cause=ENGLISH("shared meter"))


def test_a_stale_value_stays_for_a_minute(plant: Page) -> None:
    plant.motor("m", motor=INDUCTION)
    plant.telemetry("m", age_s=20)
    found = row(plant)
    assert (found["stale"], found["power_w"]["v"], found["priority"]) == (True, 30000.0, "normal")
    assert found["age_s"] >= 20
    plant.telemetry("m", age_s=61)
    found = row(plant)
    assert (found["power_w"]["v"], found["power_w"]["why"]["code"]) == (None, "value_no_reply")
    assert (found["priority"], found["saved_w"]["why"]["code"]) == ("high", "value_not_claimed")
    plant.motor("m")
    assert row(plant)["priority"] == "safety"


def test_a_slow_motor_is_not_stale_between_its_rows(plant: Page) -> None:
    """Three intervals, measured by the times of the rows."""
    plant.motor("m")
    for age_s in (80, 60, 40, 20):
        plant.telemetry("m", age_s=age_s)
    found = row(plant)
    assert found["interval_s"] == pytest.approx(20, abs=0.1)
    assert found["stale"] is False


def test_a_gateway_that_is_offline_makes_no_alarm_of_each_motor(plant: Page) -> None:
    plant.motor("m")
    plant.telemetry("m")
    plant.follower.gateways[ROOT] = "offline"
    found = plant.json("/api/v1/plant")
    assert (found["gateway"], found["contact"]["problem"]["code"]) == ("offline", "page_gateway_offline")
    assert (found["motors"][0]["priority"], found["motors"][0]["stale"]) == ("unknown", True)
    assert found["verdict"]["reporting"] == 0


@pytest.mark.text
def test_a_lost_broker_is_not_called_an_agent_that_has_stopped(plant: Page) -> None:
    """A broker that ends sends the will of the agent, which may continue to measure."""
    plant.motor("m")
    plant.follower.gateways[ROOT] = "offline"
    lost = DEVICE_NOT_RESPONDING(device="broker")
    plant.web.problem = lambda: lost
    found = plant.json("/api/v1/plant")["findings"][0]
    assert (found["motor"], found["text"]) == (None, "no contact with the agent")
    assert found["advice"][0].startswith("Check that the broker runs")


def test_the_saving_is_the_mean_of_the_last_interval(plant: Page) -> None:
    values = {"interval_saved_wh": 2500.0, "interval_saved_wh_u": 400.0, "savings_verdict": "proven"}
    plant.motor("m")
    plant.telemetry("m")
    plant.receive("m", "savings", {"t": time.time() * 1000, "v": values})
    found = row(plant)["saved_w"]
    assert (found["v"], found["u"]) == (10_000.0, 1600.0)
    total = plant.json("/api/v1/plant")["saved_now_w"]
    assert (total["v"], total["u"], total["motors"], total["of"]) == (10_000.0, 1600.0, 1, 1)


@pytest.mark.parametrize(
    ("values", "age_s", "code"),
    [
        ({"interval_saved_wh": 2500.0}, 0, "value_no_baseline"),
        ({"interval_saved_wh": 2500.0, "savings_verdict": "proven"}, 2200, "value_saving_old"),
        ({"interval_saved_wh": None, "savings_verdict": "proven"}, 0, "value_not_compared"),
    ],
)
def test_a_saving_that_is_not_known(plant: Page, values: dict[str, Any], age_s: float, code: str) -> None:
    plant.motor("m")
    plant.telemetry("m")
    plant.receive("m", "savings", {"t": (time.time() - age_s) * 1000, "v": values})
    assert row(plant)["saved_w"]["why"]["code"] == code


def test_savings_and_their_uncertainties_add_up_as_in_the_report(plant: Page) -> None:
    for motor, wh, u_wh in (("a", 1000.0, 30.0), ("b", 2000.0, 40.0)):
        plant.motor(motor)
        plant.telemetry(motor)
        values = {"interval_saved_wh": wh, "interval_saved_wh_u": u_wh, "savings_verdict": "proven"}
        plant.receive(motor, "savings", {"t": time.time() * 1000, "v": values})
    plant.motor("c")
    plant.telemetry("c")
    total = plant.json("/api/v1/plant")["saved_now_w"]
    assert (total["v"], total["u"], total["motors"], total["of"]) == (12_000.0, 280.0, 2, 3)
