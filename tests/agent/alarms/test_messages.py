"""What is published: the fields of the retained record, a text for each transition, the numbers of the gateway."""

from __future__ import annotations

import json

import msgspec
import pytest
from support.alarms import AlarmBench, definition

from agent.alarms.messages import counts_body, event_of, identity, record_body, topic_of
from agent.alarms.model import AlarmKey, AlarmRecord, AlarmState, AlarmTransition, Change
from agent.alarms.stored import read_stored
from agent.config.alarm_table import DEFINITIONS
from agent.core.messages import encode
from agent.core.metrics import by_name
from agent.core.state_reasons import DEVICE_NOT_RESPONDING

FIELDS = {
    "code", "state", "priority", "active", "title", "since_ms", "raised_ms", "acked_by", "acked_ms", "shelved_until_ms",
    "shelved_by", "shelved_why", "suppressed_by", "caused_by", "value", "unit", "limit", "u95", "confidence", "why",
    "advice", "consequence", "time_to_respond_min", "count_24h", "quality", "seq",
}  # fmt: skip


def test_the_retained_record_has_all_fields_and_the_reason_with_its_text() -> None:
    bench = AlarmBench(*DEFINITIONS.values())
    why = DEVICE_NOT_RESPONDING(device="vfd-1")
    bench.until(
        30, bench.input(True, "no_reply", why=why, value=3.0, unit="s", limit=2.0, u95=0.1, confidence="likely")
    )
    body = record_body(bench.record("no_reply"), DEFINITIONS["no_reply"])
    assert body.keys() >= FIELDS
    assert body["why"]["code"] == "device_not_responding"
    assert body["why"]["data"] == {"device": "vfd-1"}
    assert "vfd-1" in body["why"]["text"]
    assert (body["state"], body["active"], body["caused_by"], body["count_24h"]) == ("UNACK", True, None, 1)
    assert body["raised_ms"] - body["since_ms"] == 0
    assert msgspec.json.decode(msgspec.json.encode(body)) == json.loads(json.dumps(body))


def test_evidence_is_still_known_after_a_restart() -> None:
    bench = AlarmBench(definition())
    why = DEVICE_NOT_RESPONDING(device="vfd-1")
    bench.at(0, bench.input(True, why=why, value=3.0, unit="s", limit=2.0))
    bench.restart()
    bench.at(5)
    record = bench.record()
    assert (record.why, record.value, record.limit, record.quality) == (why, 3.0, 2.0, "uncertain")
    stored = read_stored(json.loads(json.dumps(bench.manager.state())))
    assert stored is not None
    assert stored.alarms[0].record == record


def test_each_transition_has_a_text_and_only_known_metrics() -> None:
    metrics = by_name("event")
    record = AlarmRecord(asset="m", code="stall", priority="high", shelved_until_ms=0, caused_by="supply_dip")
    texts = set()
    for change in Change:
        for after in AlarmState:
            transition = AlarmTransition(seq=4, at_ms=5, before=AlarmState.NORM, after=after, change=change,
                                         announced=True, record=record, by="li", note="n")  # fmt: skip
            message = event_of(transition, DEFINITIONS["stall"])
            assert message.values.keys() <= metrics.keys()
            body = msgspec.json.decode(encode(message, "x"))
            assert body["v"]["event_number"] == 4
            texts.add(body["r"]["event_text"][0]["code"])
    assert len(texts) == len(Change) + 2, "a consequence and an alarm in maintenance have texts of their own"


def test_names_and_topics() -> None:
    south = AlarmKey("", "bus_failure", "south")
    assert (topic_of(south), identity(south)) == ("alarm/bus_failure-south", "bus_failure-south")
    assert identity(AlarmKey("pump-1", "stall")) == "pump-1/stall"


def test_the_numbers_of_the_gateway() -> None:
    bench = AlarmBench(definition(priority="high"), definition("cold", priority="low"))
    bench.at(0, bench.input(True), bench.input(True, asset="n"), bench.input(True, "cold"))
    bench.act("ack")
    bench.at(1)
    bench.at(86_500)
    body = counts_body(bench.manager.counts())
    assert body["alarms"] == {"high": {"ACKED": 1, "UNACK": 1}, "low": {"UNACK": 1}}
    assert (body["unacknowledged"], body["highest"], body["stale"], body["flood"]) == (2, "high", 3, False)
    assert body["metrics"]["announced"] == 0, "all older than 24 h"
    assert json.dumps(body)


@pytest.mark.text
def test_the_reason_of_an_acknowledgement_is_in_its_event() -> None:
    bench = AlarmBench(definition("hot"))
    bench.at(0, bench.input(True))
    bench.at(5)
    bench.act("ack", reason="cable replaced")
    (transition,) = bench.at(6)
    text = event_of(transition, DEFINITIONS["no_reply"]).values["event_text"]
    assert text == "acknowledged by li: a device does not respond; reason: cable replaced"
