"""Names, units and plausibility limits of all quantities (data: vocabulary.toml)."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path

from drivers.reading import Quantity

_SUFFIX = {
    "W": "w", "kW": "kw", "var": "var", "VA": "va", "V": "v", "A": "a", "Hz": "hz", "rpm": "rpm", "%": "pct",
    "degC": "degc", "deg": "deg", "Nm": "nm", "h": "h", "d": "d", "kWh": "kwh", "Wh": "wh", "MWh": "mwh", "GWh": "gwh",
    "kvarh": "kvarh", "kVAh": "kvah", "m3/h": "m3_h", "bar": "bar", "s": "s", "ms": "ms", "MB": "mb", "": "",
}  # fmt: skip


@cache
def vocabulary() -> dict[str, Quantity]:
    """All quantities by name."""
    raw = tomllib.loads(Path(__file__).with_name("vocabulary.toml").read_text(encoding="utf-8"))
    found = {}
    for name, row in raw["name"].items():
        low, high = row.get("plausible", (None, None))
        found[name] = Quantity(name, row["unit"], row["kind"], row.get("desc", ""), low, high)
    return found


def metric_name(name: str, unit: str) -> str:
    """Metric name with unit suffix, as published: `active_power` in W → `active_power_w`.

    Names that already end in their unit do not change (`energy_kwh`, `motor_load_percent`). Raises ValueError for a
    unit without a suffix; new units are added in this module.
    """
    if unit not in _SUFFIX:
        raise ValueError(f"{name}: no suffix is defined for the unit {unit!r}")
    suffix = _SUFFIX[unit]
    if not suffix or name.endswith(f"_{suffix}") or (unit == "%" and name.endswith("_percent")):
        return name
    return f"{name}_{suffix}"


@cache
def metric_name_of(name: str) -> str:
    """`metric_name` of a quantity of the vocabulary; an unknown name is returned unchanged."""
    quantity = vocabulary().get(name)
    return metric_name(name, quantity.unit) if quantity else name
