"""The registers of a motor: values, what is not known, age and quality."""

from __future__ import annotations

import math
import struct
from typing import Any

import pytest
from support.northbound import ROOT, FedFollower

from agent.northbound.modbus.motor_block import MotorBlock
from agent.northbound.modbus.register_table import registers

OFFSETS = {(item.message, item.metric): item for item in registers()}


class Block:
    """A motor that is read as a client does."""

    def __init__(self, **meta: Any) -> None:
        self.follower = FedFollower(lambda _followed, _kind: self.block.on_message())
        self.block = MotorBlock(7, f"{ROOT}/pump-1", self.follower)
        if meta:
            self.follower.feed("pump-1", "meta", meta)

    def value(self, metric: str, message: str = "telemetry") -> float:
        item = OFFSETS[(message, metric)]
        form = ">f" if item.kind == "f32" else ">d"
        return float(struct.unpack_from(form, self.block.registers(), 2 * item.offset)[0])

    def head(self) -> dict[str, int]:
        names = ("number", "quality", "age_s", "alarm", "flags", "state", "open")
        return dict(zip(names, struct.unpack_from(">HHHHIHH", self.block.registers()), strict=True))


def test_values_arrive_in_their_type() -> None:
    found = Block()
    found.follower.feed_row("pump-1", active_power_w=18234.5, energy_counted_import_wh=123_456_789_012.25, tripped=1)
    found.follower.feed_row("pump-1", kind="savings", saved_energy_wh=-9_300_001)
    assert found.value("active_power_w") == 18234.5
    assert found.value("energy_counted_import_wh") == 123_456_789_012.25
    assert found.value("saved_energy_wh", "savings") == -9_300_001
    assert found.value("tripped") == 1


def test_what_is_not_known_is_nan() -> None:
    """Null, a flag that makes it unusable, a text, beyond the range of the type, and what was never sent."""
    found = Block()
    values = {"active_power_w": None, "motor_current_a": 5.0, "shaft_power_w": 3.0, "shaft_power_w_u": 1.0,
              "power_factor": "0.9", "motor_speed_rpm": 1e39, "frequency_hz": 50.0}  # fmt: skip
    flags = {"motor_current_a": ["STALE"], "shaft_power_w": ["NO_REPLY"], "frequency_hz": ["SIMULATED"]}
    found.follower.feed("pump-1", "telemetry", {"q": "uncertain", "v": values, "f": flags})
    for metric in (*(name for name in values if name != "frequency_hz"), "dc_bus_voltage_v"):
        assert math.isnan(found.value(metric)), metric
    assert found.value("frequency_hz") == 50.0


def test_a_flag_of_the_message_holds_for_all_values() -> None:
    found = Block()
    found.follower.feed("pump-1", "telemetry", {"q": "bad", "v": {"active_power_w": 1.0}, "f": {"*": ["GAP"]}})
    assert math.isnan(found.value("active_power_w"))
    assert found.head()["quality"] == 2


def test_before_the_first_row() -> None:
    found = Block()
    assert found.head() == {
        "number": 7, "quality": 2, "age_s": 65535, "alarm": 0, "flags": 1, "state": 65535, "open": 0,
    }  # fmt: skip
    assert math.isnan(found.value("active_power_w"))
    assert math.isnan(found.value("energy_counted_import_wh"))


def test_age_quality_flags_and_state() -> None:
    found = Block()
    found.follower.feed("pump-1", "state", {"state": "maintenance"})
    body = {"q": "uncertain", "v": {"active_power_w": 1.0}, "f": {"*": ["SIMULATED"], "power_factor": ["MAINTENANCE"]}}
    found.follower.feed("pump-1", "telemetry", body, age_s=2.4)
    assert found.head() == {
        "number": 7, "quality": 1, "age_s": 2, "alarm": 0, "flags": 64 | 4096, "state": 3, "open": 0,
    }  # fmt: skip


def test_a_row_that_is_not_of_the_present_is_bad_and_after_a_minute_unknown() -> None:
    found = Block()
    found.follower.feed_row("pump-1", age_s=10.0, active_power_w=5.0)
    assert (found.head()["quality"], found.head()["flags"], found.head()["age_s"]) == (2, 1, 10)
    assert found.value("active_power_w") == 5.0
    found.follower.feed_row("pump-1", age_s=61.0, active_power_w=5.0)
    assert math.isnan(found.value("active_power_w"))
    assert found.head()["age_s"] == 61


def test_a_value_becomes_unknown_without_a_further_message(monkeypatch: pytest.MonkeyPatch) -> None:
    found, now_s = Block(), [1000.0]
    monkeypatch.setattr("time.monotonic", lambda: now_s[0])
    found.follower.feed_row("pump-1", active_power_w=5.0)
    found.follower.feed_row("pump-1", kind="savings", saved_energy_wh=7)
    now_s[0] += 59.0
    assert found.value("active_power_w") == 5.0
    now_s[0] += 2.0
    assert math.isnan(found.value("active_power_w"))
    assert found.value("saved_energy_wh", "savings") == 7, "savings arrive every 15 min"
    now_s[0] += 3600.0
    assert math.isnan(found.value("saved_energy_wh", "savings"))


@pytest.mark.parametrize("lost", ["connection", "agent"])
def test_without_contact_a_new_row_is_bad(lost: str) -> None:
    found = Block()
    found.follower.feed_row("pump-1", active_power_w=5.0)
    assert found.head()["quality"] == 0
    if lost == "connection":
        found.follower.connected = False
    else:
        found.follower.receive(f"{ROOT}/status", b"offline")
    assert found.head()["quality"] == 2


def test_the_worst_active_alarm() -> None:
    found = Block()
    for name, priority, state in (("a", "low", "UNACK"), ("b", "high", "ACKED"), ("c", "safety", "SHLVD"),
                                  ("d", "medium", "RTNUN"), ("e", "safety", "NORM")):  # fmt: skip
        body = f'{{"s":"magwatt.alarm/1","state":"{state}","priority":"{priority}"}}'
        found.follower.receive(f"{ROOT}/pump-1/alarm/{name}", body.encode())
    assert (found.head()["alarm"], found.head()["open"]) == (3, 2)


def test_the_name_is_in_the_block() -> None:
    assert found_name(Block(name="Descaling 泵 1")) == "Descaling 泵 1"
    assert found_name(Block()) == "pump-1"
    assert found_name(Block(name="泵" * 20)) == "泵" * 10, "no part of a character"


def found_name(found: Block) -> str:
    return found.block.registers()[120:152].rstrip(b"\0").decode()
