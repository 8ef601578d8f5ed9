"""Alarms and condition of a motor in Home Assistant: one problem for each motor, one sensor for each index.

An entity of Home Assistant has one topic for its state, and each alarm has its own: the sink therefore publishes a
summary of the alarms of a motor, retained, below its topic. There is neither a button nor a topic for commands.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from agent.config.alarm_definition import PRIORITIES
from agent.core.messages import encode_plain

SUMMARY = "homeassistant"  # last level of the topic
OPEN = ("UNACK", "ACKED")  # the condition holds, and the alarm is neither shelved nor suppressed
PROBLEMS = PRIORITIES[:3]
UNITS = {"degC": "°C"}
_ATTRIBUTES = (
    "code", "part", "title", "priority", "state", "since_ms", "acked_by", "value", "unit", "limit", "u95", "confidence",
    "advice", "consequence", "time_to_respond_min", "quality",
)  # fmt: skip
Record = Mapping[str, Any]


class MotorAlarms:
    """What the agent published of all assets, from its retained messages. root: topic of the gateway.

    indices: asset → code of the fault → unit of its index.
    """

    def __init__(self, root: str) -> None:
        self._root = root
        self._records: dict[str, dict[str, Record]] = {}
        self.indices: dict[str, dict[str, str]] = {}

    def __contains__(self, asset: str) -> bool:
        """Whether alarms of an asset were received in this run: before, nothing is known of them."""
        return asset in self._records

    def take(self, topic: str, payload: bytes) -> tuple[str, str] | None:
        """Asset and kind (alarm, condition) of a message that may change its entities; None: another message."""
        levels = topic.removeprefix(f"{self._root}/").split("/")
        if len(levels) == 3 and levels[1] == "alarm":
            records = self._records.setdefault(levels[0], {})
            if payload:
                records[levels[2]] = msgspec.json.decode(payload, type=dict[str, Any])
            else:
                records.pop(levels[2], None)
            return levels[0], "alarm"
        if len(levels) == 2 and levels[1] == "condition" and payload:
            known, found = self.indices.get(levels[0], {}), _indices(msgspec.json.decode(payload))
            if found.items() <= known.items():
                return None
            self.indices[levels[0]] = {**known, **found}
            return levels[0], "condition"
        return None

    def summary(self, asset: str, t_ms: int) -> bytes:
        """The alarms of one asset: whether one is a problem, the worst of them, and all that are open."""
        open_ = [record for record in self._records.get(asset, {}).values() if record.get("state") in OPEN]
        open_.sort(key=lambda record: _rank(record.get("priority")))
        body: dict[str, Any] = {
            "problem": any(record.get("priority") in PROBLEMS for record in open_),
            "priority": open_[0].get("priority") if open_ else None,
            "text": "; ".join(str(record.get("title")) for record in open_),
            "alarms": [{key: record.get(key) for key in _ATTRIBUTES} for record in open_],
        }
        return encode_plain(SUMMARY, t_ms, body)

    def forget(self, asset: str) -> None:
        """The asset was removed."""
        self._records.pop(asset, None)
        self.indices.pop(asset, None)


def problem_entity(topic: str, own: str, availability: Mapping[str, str]) -> dict[str, Any]:
    """Whether an alarm of priority medium or above is open. topic: of the summary; own: identifier of the asset.

    availability: of the agent only: an alarm stays while the motor does not respond.
    """
    return {
        "p": "binary_sensor", "name": "Alarm", "dev_cla": "problem", "stat_t": topic, "uniq_id": f"{own}_alarm",
        "val_tpl": "{{ 'ON' if value_json.problem else 'OFF' }}", "avty": [availability], "json_attr_t": topic,
        "json_attr_tpl": "{{ {'priority': value_json.priority, 'text': value_json.text, 'alarms': value_json.alarms}"
        " | tojson }}",
    }  # fmt: skip


def index_entity(topic: str, own: str, code: str, unit: str) -> dict[str, Any]:
    """The index of one fault, with what is known of it as attributes. topic: `condition` of the asset."""
    fault = f"(value_json.faults.get('{code}') or {{}})"
    found = {
        "p": "sensor", "name": f"Condition {code.replace('_', ' ')}", "stat_t": topic, "stat_cla": "measurement",
        "val_tpl": f"{{{{ {fault}.get('index') }}}}", "uniq_id": f"{own}_condition_{code}", "json_attr_t": topic,
        "json_attr_tpl": f"{{{{ {fault} | tojson }}}}",
    }  # fmt: skip
    shown = UNITS.get(unit, unit)
    if shown:
        found["unit_of_meas"] = shown
    if shown == "°C":
        found["dev_cla"] = "temperature"
    return found


def _indices(body: Mapping[str, Any]) -> dict[str, str]:
    """Code → unit of the faults with an index."""
    faults = body.get("faults") or {}
    return {code: str(fault.get("unit") or "") for code, fault in faults.items() if fault.get("index") is not None}


def _rank(priority: Any) -> int:
    return PRIORITIES.index(priority) if priority in PRIORITIES else len(PRIORITIES)
