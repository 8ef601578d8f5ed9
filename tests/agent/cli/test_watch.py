"""The live table: events, flags, states, figures, foreign messages."""

from __future__ import annotations

import time
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from support.basics import Mosquitto, wait_until

from agent.analysis.efficiency.reasons import SERIAL_NUMBER_CHANGED
from agent.analysis.power_quality.event_text import format_event
from agent.cli.watch_notes import EVENT_S, format_flags, format_states
from agent.cli.watch_table import format_line
from agent.cli.watch_view import table
from agent.config.model import Mqtt
from agent.core.state_reasons import DEVICE_NOT_RESPONDING
from agent.core.text import _, as_object, english
from agent.delivery.mqtt.follower import FollowedMessage, Follower

DIP = {"event_kind": "dip", "event_extreme_pct": 70.9, "event_duration_s": 0.12, "event_phases": [1, 3]}


@pytest.mark.parametrize(
    ("values", "text"),
    [
        (DIP, "voltage dip: 71 %, 0.12 s, L1 L3"),
        (DIP | {"event_kind": "rapid_change", "event_extreme_pct": 6.4}, "rapid voltage change: 6 %, 0.12 s, L1 L3"),
        ({"event_kind": "swell"}, "voltage swell"),
        ({"event_kind": "maintenance", "event_state": "begin", "event_text": "轴承"}, "maintenance began: 轴承"),
        ({"event_kind": "maintenance", "event_state": "end", "event_duration_s": 9.0}, "maintenance ended"),
        ({"event_kind": "kind_of_next_year", "event_text": "a b"}, "kind_of_next_year: a b"),
    ],
)
@pytest.mark.text
def test_an_event_as_text(values: dict[str, object], text: str) -> None:
    assert format_event(values) == text


def test_the_reasons_of_an_event_replace_its_english_text() -> None:
    reason = SERIAL_NUMBER_CHANGED(serial_number="78")
    values = {"event_kind": "meter_replaced", "event_text": "English"}
    text = format_event(values, [as_object(reason)])
    assert "English" not in text
    assert english(reason) in text
    assert "123" in format_event(values, [{"code": "code_of_next_year", "data": {}, "text": "123"}])


def test_a_recent_event_is_shown_below_the_table() -> None:
    follower = Follower(Mqtt("127.0.0.1", 1883, False), "#")
    seen = follower.seen["a/m"] = FollowedMessage("a", "m")
    seen.messages = {"telemetry": {"v": {}}, "meta": {"name": "Pump 2"}, "event": {"t": 1_790_000_000_000, "v": DIP}}

    seen.received_s = {"event": time.monotonic()}
    assert "71 %, 0.12 s, L1 L3" in drawn(follower)
    seen.received_s = {"event": time.monotonic() - EVENT_S - 1}
    assert "71 %" not in drawn(follower)


def row_of(telemetry: dict[str, object], pq: dict[str, object] | None) -> str:
    follower = Follower(Mqtt("127.0.0.1", 1883, False), "#")
    seen = follower.seen["a/m"] = FollowedMessage("a", "m")
    seen.messages = {"telemetry": {"v": telemetry}, **({"pq3s": {"v": pq}} if pq is not None else {})}
    seen.received_s = {"telemetry": time.monotonic()}
    return format_line(seen)


METER_VALUES = {"thd_i_l1_pct": 30.0, "thd_i_l2_pct": 32.0, "thd_i_l3_pct": 34.0}


@pytest.mark.text
def test_the_current_distortion_is_that_of_the_waveform_else_of_the_meter() -> None:
    assert "THD-I 32.0 %" in row_of(METER_VALUES, None)
    assert "THD-I 32.0 %" in row_of(METER_VALUES, {"thd_i_l1_pct": None})
    assert "THD-I 41.0 %" in row_of(METER_VALUES, {"thd_i_l1_pct": 40.0, "thd_i_l2_pct": 42.0})
    assert "THD-I" not in row_of({"thd_u_l1_pct": 3.0}, {})


@pytest.mark.parametrize(
    ("currents_a", "shown"),
    [
        ((50.0, 52.0, 0.4), "31.0"), ((50.0, 52.0, 2.5), "31.0"), ((50.0, 52.0, 2.6), "120.7"),
        ((0.0, 9.0, 0.0), "32.0"), ((0.0, 0.0, 0.0), "120.7"), ((50.0, 52.0, None), "120.7"),
        ((None, None, None), "120.7"),
    ],
)  # fmt: skip
def test_a_phase_without_current_has_no_distortion(currents_a: tuple[float | None, ...], shown: str) -> None:
    """Less than 5 % of the mean of the other two phases is none; without currents all phases count."""
    values = {"thd_i_l1_pct": 30.0, "thd_i_l2_pct": 32.0, "thd_i_l3_pct": 300.0}
    amps = {f"current_l{n}_a": value for n, value in enumerate(currents_a, 1)}
    assert f" {shown} %" in row_of(values | amps, None)
    assert f" {shown} %" in row_of({"current_l1_a": 50.0}, values | amps)


def test_flags_of_complete_messages_are_shown_below_the_table() -> None:
    follower = Follower(Mqtt("127.0.0.1", 1883, False), "#")
    for name, flags in (("p-1", ["CLOCK_UNSYNCHRONIZED", "SIMULATED"]), ("p-2", ["CLOCK_UNSYNCHRONIZED"]), ("p-3", [])):
        seen = follower.seen[f"a/{name}"] = FollowedMessage("a", name)
        seen.messages = {"telemetry": {"v": {}, "f": {"*": flags} if flags else {}}}
        seen.received_s = {"telemetry": time.monotonic()}
    [line] = format_flags(follower)
    assert "CLOCK_UNSYNCHRONIZED (" in line
    assert "p-1" in line
    assert "p-2" in line
    assert "p-3" not in line
    assert "`magwatt doctor`" in line
    assert "CLOCK_UNSYNCHRONIZED" in drawn(follower)


def test_the_reasons_of_a_state_are_shown_below_the_table() -> None:
    follower = Follower(Mqtt("127.0.0.1", 1883, False), "#")
    seen = follower.seen["a/m"] = FollowedMessage("a", "m")
    reason = DEVICE_NOT_RESPONDING(device="mcc-1")
    unknown = {"code": "of_another_version", "data": {}, "text": "text of another version"}
    reasons = [as_object(reason), unknown]
    state = {"t": 1_790_000_060_000, "since": 1_790_000_000_000, "state": "offline", "reason": reasons}
    seen.messages = {"state": state}
    seen.received_s = {"state": time.monotonic()}
    [line] = format_states(follower)
    assert f"m: {_('offline')}: " in line
    assert english(reason) in line
    assert "text of another version" in line, "an unknown code has the text of the message"
    assert english(reason) in drawn(follower)
    follower.gateways["a"] = "offline"
    assert format_states(follower) == []
    follower.gateways["a"] = "online"
    seen.messages = {"state": state | {"state": "online", "reason": []}}
    assert format_states(follower) == []


def followed(broker: Mosquitto, published: list[tuple[str, bytes]]) -> Follower:
    """A follower that has received these messages."""
    follower = Follower(Mqtt("127.0.0.1", broker.port, False), "#")
    follower.start()
    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    try:
        for topic, payload in published:
            client.publish(topic, payload, qos=1).wait_for_publish(60)

        def subscribed() -> bool:
            client.publish("x/status", b"online", qos=1)
            return "x" in follower.gateways

        wait_until(subscribed, 60, "the subscription and all messages")
    finally:
        client.disconnect()
        client.loop_stop()
        follower.stop()
    return follower


def test_messages_of_other_publishers_are_ignored(mosquitto: Mosquitto) -> None:
    payloads = [b'{"x":1}', b'{"v":null}', b'{"t":5,"v":{"active_power_w":"ON"}}', b'{"t":5,"m":null,"f":[]}',
                b'{"state":3}', b"ON"]  # fmt: skip
    foreign = [
        (f"zigbee/kitchen/plug/{kind}", payload)
        for kind in ("telemetry", "event", "state", "meta")
        for payload in payloads
    ]
    own = ("magwatt/v1/a/b/pump-1/telemetry", b'{"s":"magwatt.telemetry/1","t":5,"v":{"motor_speed_rpm":1470}}')
    follower = followed(mosquitto, [*foreign, own])
    assert "1470" in drawn(follower)
    assert "plug" not in drawn(follower)


def test_a_motor_that_was_removed_from_the_configuration_leaves_the_table(mosquitto: Mosquitto) -> None:
    online = b'{"s":"magwatt.state/1","t":5,"state":"online","reason":[]}'
    states = [(f"magwatt/v1/a/b/{name}/state", online) for name in ("pump-1", "pump-2")]
    follower = followed(mosquitto, [*states, ("magwatt/v1/a/b/pump-1/state", b"")])
    assert "pump-1" not in drawn(follower)
    assert "pump-2" in drawn(follower)


def test_a_lost_connection_to_the_broker_is_in_the_title(tmp_path: Path) -> None:
    broker = Mosquitto(tmp_path)
    broker.start()
    follower = Follower(Mqtt("127.0.0.1", broker.port, False), "#")
    follower.start()
    try:
        follower.seen["a/m"] = FollowedMessage("a", "m", {"telemetry": {"v": {}}}, {"telemetry": time.monotonic()})
        assert _("no connection to the broker") not in drawn(follower)
        broker.stop()
        wait_until(lambda: _("no connection to the broker") in drawn(follower), 10, "the title")
    finally:
        follower.stop()
        broker.stop()


def drawn(follower: Follower) -> str:
    return "\n".join("".join(span.text for span in line) for line in table(follower, 120))


def test_no_figure_has_a_minus_before_zero() -> None:
    seen = FollowedMessage("a", "m")
    seen.messages = {"telemetry": {"v": {"active_power_w": -0.4, "shaft_power_w": -4.0, "shaft_power_w_u": 90.0}}}
    assert "0.00 kW" in format_line(seen)
    assert "0.00 ±0.09 kW" in format_line(seen)
    assert "-0" not in format_line(seen)
