"""Entities of Home Assistant: device class, state class and unit of each metric, derived from the metrics table.

Classes and units follow Home Assistant's sensor/const.py: a device class is set only with a unit that it supports, and
a state class only where the device class allows it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from agent.config.topology import Asset
from agent.core.metrics import Metric
from agent.core.row_names import gateway_row
from agent.core.state_reasons import STATES
from agent.delivery.base.metric_types import BAD_NAMES, MetricType, is_monotonic, metric_type, quantity_kind
from agent.delivery.homeassistant.condition import SUMMARY, index_entity, problem_entity

UNITS = {"degC": "°C", "deg": "°", "Nm": "N·m", "m3/h": "m³/h", "": None}
CLASSES = {
    "W": "power", "kW": "power", "var": "reactive_power", "VA": "apparent_power", "V": "voltage", "A": "current",
    "Hz": "frequency", "degC": "temperature", "kWh": "energy", "Wh": "energy", "MWh": "energy", "GWh": "energy",
    "h": "duration", "d": "duration", "s": "duration", "ms": "duration", "m3/h": "volume_flow_rate", "bar": "pressure",
    "MB": "data_size",
}  # fmt: skip  # %, rpm, Nm, deg, kvarh and kVAh have no matching class, or none in older versions
# Metrics in seconds whose row has no unit.
SECONDS = ("uptime_s", "event_duration_s", "event_interruption_s", "energy_uncounted_s")
ALWAYS_ON = ("gauge", "estimate", "counter", "text", "code")  # of telemetry; other entities are disabled by default


def entity(metric: Metric, kind: str, root: str, asset: str | None, name: str | None = None) -> dict[str, Any]:
    """One component of a discovery message.

    asset: None: the gateway.
    name: of the metric in messages; None: the name of the row.
    """
    name = name or metric.name
    found: dict[str, Any] = {
        "p": "sensor",
        "name": title(name, kind),
        "stat_t": "/".join([root, *([asset] if asset else []), kind]),
        "val_tpl": template(name, metric_type(metric)),
    }
    seconds = metric.name in SECONDS
    unit = "s" if seconds else UNITS.get(metric.unit, metric.unit)
    device_class = "duration" if seconds else "power_factor" if metric.name.startswith("power_factor") else None
    device_class = device_class or CLASSES.get(metric.unit)
    what = quantity_kind(metric)
    if metric_type(metric) is MetricType.NUMBER:
        state_class = state_class_of(metric, what, device_class)
        if state_class is None and what in ("setting", "event") and device_class == "energy":
            device_class = None
        classes = {"dev_cla": device_class, "stat_cla": state_class, "unit_of_meas": unit}
        found |= {key: value for key, value in classes.items() if value is not None}
    elif metric_type(metric) is MetricType.SERIES:
        found |= {
            "json_attr_t": found["stat_t"],
            "json_attr_tpl": f"{{{{ {{'values': value_json.v.get('{name}'), 'unit': '{unit or ''}'}} | tojson }}}}",
        }
    elif metric.kind == "code":
        reasons = f"(value_json.r|default({{}})).get('{name}', [])"
        found |= {"json_attr_t": found["stat_t"], "json_attr_tpl": _reasons_template(reasons)}
    if kind == "health" or what in ("setting", "identity", "state"):
        found["ent_cat"] = "diagnostic"
    if not (kind == "health" or (kind == "telemetry" and what in ALWAYS_ON) or kind in ("pq3s", "savings")):
        found["en"] = False
    return found


def _reasons_template(reasons: str) -> str:
    """Attributes of a code: the English text, and the reasons with code and data."""
    return f"{{{{ {{'text': {reasons} | map(attribute='text') | join('; '), 'reasons': {reasons}}} | tojson }}}}"


def state_class_of(metric: Metric, what: str, device_class: str | None) -> str | None:
    """State class of a metric; None where Home Assistant allows none."""
    if what in ("setting", "event"):
        return None
    if metric.topic == "savings" and device_class == "energy":  # sums may decrease; values of one interval are not sums
        return None if metric.name.startswith("interval_") else "total"
    if metric.kind != "counter":
        return None if device_class == "energy" else "measurement"
    if is_monotonic(metric):
        return "total_increasing"
    return "total" if device_class == "energy" or metric.unit in ("kvarh", "kVAh") else "measurement"


def template(name: str, form: MetricType) -> str:
    """Template of the value: None (unknown) where it is missing or flagged as unusable; for a series its length."""
    value = f"value_json.v.get('{name}')"
    if form is MetricType.SERIES:
        return f"{{{{ {value} | count if {value} else None }}}}"
    flags = f"(value_json.f|default({{}})).get('{name}',[])"
    bad = "['" + "','".join(sorted(BAD_NAMES)) + "']"
    return f"{{{{ None if {flags}|select('in',{bad})|list else {value} }}}}"


def title(name: str, kind: str) -> str:
    """Name of an entity: "Active power w", "pq3s active power w"."""
    words = name.replace("_", " ")
    return words[0].upper() + words[1:] if kind in ("telemetry", "health") else f"{kind} {words}"


def asset_device(
    asset: Asset, ids: EntityIds, root: str, names: Mapping[str, Iterable[str]],
    indices: Mapping[str, str] | None = None,
) -> dict[str, Any]:  # fmt: skip
    """The discovery message of a motor or shared meter.

    names: message type → published metrics; `alarm`: it has alarms. indices: code of a fault → unit of its index.
    """
    own = ids.of(asset.name)
    topic = f"{root}/{asset.name}/state"
    components = {
        "state": {
            "p": "sensor", "name": "State", "dev_cla": "enum", "ops": list(STATES), "stat_t": topic,
            "val_tpl": "{{ value_json.state }}", "uniq_id": f"{own}_state",
            "avty": [_online(root)],  # available while the other entities are not
            "json_attr_t": topic, "json_attr_tpl": _reasons_template("(value_json.reason or [])"),
        },
    }  # fmt: skip
    for kind, published in names.items():
        for name in published:
            metric, uncertainty = _row(asset, kind, name)
            if metric is None:
                continue
            key = f"{kind}_{name}"
            found = components[key] = entity(metric, kind, root, asset.name, name) | {"uniq_id": f"{own}_{key}"}
            if uncertainty:
                found |= {"stat_cla": "measurement", "ent_cat": "diagnostic"}
                if found.get("dev_cla") == "energy":
                    del found["dev_cla"]
            if name == "fault_code":
                components["fault"] = _fault(found, own)
    if "alarm" in names:
        components["alarm"] = problem_entity(f"{root}/{asset.name}/{SUMMARY}", own, _online(root))
    for code, unit in (indices or {}).items():
        components[f"condition_{code}"] = index_entity(f"{root}/{asset.name}/condition", own, code, unit)
    device: dict[str, Any] = {"ids": [own], "name": asset.title, "via_device": ids.gateway}
    if asset.drive or asset.meter:
        device["mdl"] = " / ".join(item.profile for item in (asset.drive, asset.meter) if item)
    if asset.meter and asset.meter.serial_number and not asset.motor:
        device["sn"] = asset.meter.serial_number
    availability = "{{ 'offline' if value_json.state == 'offline' else 'online' }}"
    return {
        "dev": device,
        "avty": [_online(root), {"t": topic, "val_tpl": availability} | _AVAILABILITY_PAYLOADS],
        "avty_mode": "all",
        "qos": 1,
        "cmps": components,
    }


def gateway_device(ids: EntityIds, root: str, names: Mapping[str, Iterable[str]]) -> dict[str, Any]:
    """The discovery message of the gateway. names: message type → published metrics."""
    components: dict[str, dict[str, Any]] = {
        "connected": {
            "p": "binary_sensor", "name": "Connection", "dev_cla": "connectivity", "ent_cat": "diagnostic",
            "stat_t": f"{root}/status", "pl_on": "online", "pl_off": "offline", "uniq_id": f"{ids.gateway}_connected",
        },
    }  # fmt: skip
    for kind, published in names.items():
        for name in published:
            if (metric := gateway_row(kind, name)) is None:
                continue
            key = f"{kind}_{name}"
            components[key] = entity(metric, kind, root, None, name) | {
                "uniq_id": f"{ids.gateway}_{key}", "avty": [_online(root)],
            }  # fmt: skip
    return {"dev": {"ids": [ids.gateway], "name": ids.title, "mdl": "gateway"}, "qos": 1, "cmps": components}


class EntityIds:
    """Identifiers, unique over all plants. `_U` stands for an underscore within a name."""

    def __init__(self, site: str, gateway: str) -> None:
        self.title = f"magwatt {site} {gateway}"
        self._parts = ("magwatt", site, gateway)
        self.gateway = self._join(self._parts)

    def of(self, asset: str) -> str:
        return self._join((*self._parts, asset))

    @staticmethod
    def _join(parts: Iterable[str]) -> str:
        """`a_b`, `c` → `a_Ub_c`, and `a`, `b_c` → `a_b_Uc`."""
        return "_".join(part.replace("_", "_U") for part in parts)


def _row(asset: Asset, kind: str, name: str) -> tuple[Metric | None, bool]:
    table = asset.metrics(kind)
    if name in table:
        return table[name], False
    return table.get(name.removesuffix("_u")), True


def _fault(code: dict[str, Any], own: str) -> dict[str, Any]:
    value = "value_json.v.get('fault_code')"
    return {
        "p": "binary_sensor", "name": "Fault", "dev_cla": "problem", "stat_t": code["stat_t"],
        "val_tpl": f"{{{{ None if {value} is none else 'ON' if {value} else 'OFF' }}}}", "uniq_id": f"{own}_fault",
    }  # fmt: skip


_AVAILABILITY_PAYLOADS = {"pl_avail": "online", "pl_not_avail": "offline"}


def _online(root: str) -> dict[str, str]:
    return {"t": f"{root}/status"} | _AVAILABILITY_PAYLOADS
