"""Alarms and condition of a device as Sparkplug metrics: Condition/CODE/State and so on.

Nothing of them can be written: an alarm is acknowledged with `magwatt alarms` or on the page.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from agent.config.alarm_definition import PRIORITIES
from agent.delivery.sparkplug.metric_registry import MetricRegistry, MetricUpdate
from agent.delivery.sparkplug.protobuf import BOOLEAN, DOUBLE, INT64

FOLDER = "Condition"
STATES = ("NORM", "UNACK", "ACKED", "RTNUN", "SHLVD", "DSUPR", "OOSRV")  # by number
STALE = ("STALE",)
_ABOUT = {
    "State": "0 NORM, 1 UNACK, 2 ACKED, 3 RTNUN, 4 SHLVD, 5 DSUPR, 6 OOSRV (ISA-18.2)",
    "Active": "whether the condition of the alarm holds; null: no data",
    "Acked": "whether no acknowledgement is missing",
    "Shelved": "whether an operator has shelved the alarm",
    "Priority": "1 low, 2 medium, 3 high, 4 safety",
    "Index": "index of this fault",
    "U95": "expanded uncertainty (k = 2) of the index",
}


def state_metric(name: str) -> str:
    """The metric with the state of an alarm. name: as of `alarm_updates`."""
    return f"{FOLDER}/{name}/State"


def alarm_updates(
    registry: MetricRegistry, name: str, record: Mapping[str, Any], indexed: Collection[str] = ()
) -> list[MetricUpdate]:  # fmt: skip
    """name: last level of the topic, code or code-part; at the node, of an alarm of a device, ASSET/ before it.

    An alarm without data keeps its state, which is then stale.

    indexed: codes whose index comes from the condition of the asset; of the others it is the value of the alarm.
    """
    state, priority = record.get("state"), record.get("priority")
    values: dict[str, tuple[int, Any]] = {
        "State": (INT64, STATES.index(state) if state in STATES else None),
        "Active": (BOOLEAN, record.get("active")),
        "Acked": (BOOLEAN, state not in ("UNACK", "RTNUN")),
        "Shelved": (BOOLEAN, state == "SHLVD"),
        "Priority": (INT64, len(PRIORITIES) - PRIORITIES.index(priority) if priority in PRIORITIES else None),
    }
    flags = () if record.get("quality") == "good" else STALE
    found = [_update(registry, f"{name}/{key}", kind, value, record, flags) for key, (kind, value) in values.items()]
    if name not in indexed:
        found += _index_updates(registry, name, record.get("value"), record, record, flags)
    return found


def condition_updates(registry: MetricRegistry, message: Mapping[str, Any]) -> list[MetricUpdate]:
    """The indices of all faults that have one; without a value where a fault is not observable now."""
    faults = (message.get("faults") or {}).items()
    return [
        item for code, fault in faults for item in _index_updates(registry, code, fault.get("index"), fault, message)
    ]


def _index_updates(
    registry: MetricRegistry, name: str, index: Any, of: Mapping[str, Any], message: Mapping[str, Any],
    flags: tuple[str, ...] = (),
) -> list[MetricUpdate]:  # fmt: skip
    """None while there never was an index. of: where its unit and uncertainty are."""
    if index is None and f"{FOLDER}/{name}/Index" not in registry.metrics:
        return []
    unit = str(of.get("unit") or "")
    values = {"Index": index, "U95": of.get("u95")}
    return [_update(registry, f"{name}/{key}", DOUBLE, value, message, flags, unit) for key, value in values.items()]


def _update(
    registry: MetricRegistry, name: str, datatype: int, value: Any, message: Mapping[str, Any], flags: tuple[str, ...],
    unit: str = "",
) -> MetricUpdate:  # fmt: skip
    about = _ABOUT[name.rpartition("/")[2]]
    return registry.set_value(FOLDER, name, datatype, value, int(message["t"]), unit, about, flags)
