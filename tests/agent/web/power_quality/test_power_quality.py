"""The power quality of a motor over HTTP: recorded messages, a meter only, nothing at all; and its live events."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.config_text import bus, load, meter, motor, site, table
from support.page import Page, Stream, running_page

from agent.web.power_quality.power_quality import live_detail

RECORDED = json.loads((Path(__file__).parent / "recorded_supply.json").read_text(encoding="utf-8"))
SAMPLES = [325.0, -325.0] * 300


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with pytest.MonkeyPatch.context() as patch, running_page() as page:
        patch.setenv("STATE_DIRECTORY", str(tmp_path_factory.mktemp("state")))  # of an agent that never ran
        for asset, messages in RECORDED.items():
            for kind, body in messages.items():
                page.receive(asset, kind, body)
        page.motor("pump-3")
        yield page


def dip(t_ms: int) -> dict[str, Any]:
    values = {"event_kind": "dip", "event_start_ms": t_ms - 100, "event_duration_s": 0.1, "event_extreme_pct": 62.0,
              "event_reference_v": 230.0, "event_phases": [2], "snapshot_start_ms": t_ms - 150,
              "snapshot_rate_hz": 2048.0, "snapshot_u_l1_v": SAMPLES}  # fmt: skip
    return {"t": t_ms, "v": values}


def test_a_recorded_motor_has_headlines_phasors_and_harmonics(page: Page) -> None:
    found = page.json("/api/v1/motors/pump-2/power-quality")
    sent = RECORDED["pump-2"]["pq3s"]["v"]
    assert found["t_ms"] == RECORDED["pump-2"]["pq3s"]["t"]
    assert found["phasors"]["u_deg"] == [0.0, sent["angle_u_l2_deg"], sent["angle_u_l3_deg"]]
    assert found["phasors"]["sequence"] == 1
    assert found["u"]["dominant_order"] == found["i"]["dominant_order"] == 5
    assert found["i"]["thd_pct"] == [sent[f"thd_i_l{n}_pct"] for n in (1, 2, 3)]
    assert found["u"]["worst_pct"][5] == max(row[5] for row in found["u"]["pct"])
    assert (found["has_device"], found["why_no_harmonics"], found["stale"]) == (True, None, False)
    first = found["standards"][0]
    assert first["limits"]["key"] == "iec61000-2-4"
    assert len(first["headlines"]) == 3
    assert not any(headline["beyond"] for headline in first["headlines"])
    assert sum(found["phasors"]["p_w"]) == pytest.approx(sent["active_power_w"], rel=0.01)


def test_a_motor_with_a_meter_only_says_what_is_missing(page: Page) -> None:
    found = page.json("/api/v1/motors/pump-1/power-quality")
    assert found["phasors"]["source"] == "meter"
    assert (found["u"], found["i"], found["has_device"], found["window_s"]) == (None, None, False, None)
    assert "EWS/1" in found["why_no_harmonics"]
    assert found["events"]["list"] == []
    assert found["events"]["curve"]["steps"][-1] == [None, 90.0]


def test_a_motor_without_messages_has_nothing_but_a_reason(page: Page) -> None:
    found = page.json("/api/v1/motors/pump-3/power-quality")
    assert (found["phasors"], found["t_ms"], found["u"]) == (None, None, None)
    assert found["why_no_harmonics"]


@pytest.mark.text
def test_the_texts_are_in_the_language_of_the_reader(page: Page) -> None:
    english, chinese = (page.json(f"/api/v1/motors/pump-2/power-quality?lang={name}") for name in ("en", "zh"))
    assert chinese["standards"][0]["headlines"][0]["title"].startswith("5 次电压谐波")
    assert chinese["u"] == english["u"]


def test_the_motor_with_samples_is_shown_first(page: Page) -> None:
    found = page.json("/api/v1/power-quality")
    assert {motor["id"]: motor["has_device"] for motor in found["motors"]} == {
        "pump-1": False, "pump-2": True, "pump-3": False,
    }  # fmt: skip
    assert found["first"] == "pump-2"


@pytest.mark.parametrize(("age_s", "stale", "source"), [(8.0, False, "waveform"), (10.0, True, "waveform"),
                                                         (61.0, False, "meter")])  # fmt: skip
def test_old_samples_are_stale_and_then_unknown(page: Page, age_s: float, stale: bool, source: str) -> None:
    """Three intervals of 3 s, and a minute; after that the meter of the motor is shown."""
    page.receive("pump-2", "pq3s", RECORDED["pump-2"]["pq3s"], age_s)
    found = page.json("/api/v1/motors/pump-2/power-quality")
    page.receive("pump-2", "pq3s", RECORDED["pump-2"]["pq3s"])
    assert (found["stale"], found["phasors"]["source"]) == (stale, source)
    assert (found["u"] is None) == (source == "meter") == (found["why_no_harmonics"] is not None)


def test_unknown_motors_and_events_are_not_found(page: Page) -> None:
    for path in ("motors/x/power-quality", "motors/pump-2/power-quality/events/5", "motors/x/power-quality/events/5"):
        assert page.get(f"/api/v1/{path}").status == 404
    assert page.get("/api/v1/motors/pump-2/power-quality/events/five").status == 404


def test_an_event_and_its_waveform(page: Page) -> None:
    t_ms = page.web.now_ms()
    page.receive("pump-2", "event", dip(t_ms))
    found = page.json("/api/v1/motors/pump-2/power-quality")
    assert [event["t_ms"] for event in found["events"]["list"]] == [t_ms]
    assert (found["events"]["last_ms"], found["events"]["worst_ms"], found["event_ms"]) == (t_ms, t_ms, t_ms)
    waveform = page.json(f"/api/v1/motors/pump-2/power-quality/events/{t_ms}")
    assert waveform["u_v"] == [SAMPLES, [], []]
    assert (waveform["begin_ms"], waveform["end_ms"]) == (t_ms - 100, t_ms)


def test_a_new_message_of_the_chosen_motor_is_in_the_stream(page: Page) -> None:
    stream = Stream(page, "motor=pump-2")
    assert stream.event()["power_quality"]["id"] == "pump-2"  # the first event is complete
    changed = json.loads(json.dumps(RECORDED["pump-2"]["pq3s"]))
    changed["v"]["angle_i_l1_deg"] = -45.0
    page.receive("pump-2", "pq3s", changed)
    while (event := stream.event()).get("power_quality") is None:
        pass
    assert event["power_quality"]["phasors"]["i_deg"][0] == -45.0
    stream.close()
    page.receive("pump-2", "pq3s", RECORDED["pump-2"]["pq3s"])


def test_there_are_no_limits_at_the_output_of_a_drive(tmp_path: Path) -> None:
    text = "".join((
        site(), bus(), meter(), motor("m"),
        table("motor.m.waveform", serial="/dev/ttyUSB9", baud=3000000, measuring_point="drive-output"),
    ))  # fmt: skip
    with running_page(load(tmp_path, text)) as page:
        found = page.json("/api/v1/motors/m/power-quality")
        assert (found["standards"], found["has_device"]) == ([], True)
        assert found["why_no_limits"]


def test_the_detail_of_an_unknown_motor_is_nothing(page: Page) -> None:
    from agent.core.text import Catalogue

    assert live_detail(page.web, Catalogue("en"), "nobody") is None
