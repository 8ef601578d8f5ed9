"""The transformer ratio that the agent applies, and the step of an energy counter on the primary side."""

from __future__ import annotations

from agent.config.model import Drive, Meter
from agent.config.signals import SignalDevice
from drivers.errors import ProfileError
from drivers.profiles import load_profile
from drivers.profiles.model import BCD_WORDS

CT_QUANTITIES = ("A", "W", "var", "VA", "kWh", "kvarh", "kVAh")
VT_QUANTITIES = ("V", "W", "var", "VA", "kWh", "kvarh", "kVAh")


def ratio_factor(item: Meter | Drive | SignalDevice, unit: str) -> float:
    """The factor that the agent applies when the meter does not apply the transformer ratio; otherwise 1."""
    if not isinstance(item, Meter) or item.ratio_applied_by != "agent":
        return 1.0
    ct = item.ct[0] / item.ct[1] if item.ct and unit in CT_QUANTITIES else 1.0
    vt = item.vt[0] / item.vt[1] if item.vt and unit in VT_QUANTITIES else 1.0
    return ct * vt


def energy_step_kwh(meter: Meter, quantity: str) -> float:
    """Smallest change of an energy register on the primary side, in kWh; 0: unknown, or a float."""
    try:
        row = load_profile(meter.profile).register(quantity)
    except ProfileError:
        return 0.0
    if row is None or row.scale_from or (row.type[0] not in "iu" and row.type not in BCD_WORDS):
        return 0.0
    return abs(row.scale_for(None) or 0.0) * ratio_factor(meter, row.unit)


def energy_range_kwh(meter: Meter, quantity: str) -> float | None:
    """Value at which an energy register starts again at 0, on the primary side, in kWh; None: unknown."""
    try:
        row = load_profile(meter.profile).register(quantity)
    except ProfileError:
        return None
    range_kwh = row.wraps_at() if row is not None else None
    return None if range_kwh is None or row is None else range_kwh * ratio_factor(meter, row.unit)
