"""What the nameplate of a cage motor gives: load, slip, typical admittance; and where it contradicts itself."""

from __future__ import annotations

import math

from agent.analysis.condition import cage_reasons as reasons
from agent.analysis.condition import common_reasons as common
from agent.analysis.condition.machine import MachineData
from drivers.reasons import Reason
from dsp.efficiency_induction import m1_shaft_power_w
from dsp.tables import ie_efficiency

_SLIP_MIN = 0.001
_SLIP_KW = ((1.0, 0.13), (4.0, 0.09), (30.0, 0.06), (math.inf, 0.04))  # rated power up to kW: largest rated slip
_PF_MIN, _PF_MAX = 0.4, 0.97  # of rated power factor × efficiency


def rated_kw(machine: MachineData) -> float | None:
    kw = machine.kw
    if kw is None and machine.nm and machine.rpm:
        kw = machine.nm * machine.rpm * math.pi / 30e3
    return kw if kw is not None and 0 < kw < math.inf else None


def rated_amps(machine: MachineData) -> float | None:
    """Rated current; without it from power and voltage with 0.79 for power factor × efficiency (0.70 to 0.85)."""
    kw = rated_kw(machine)
    if machine.amps is None and kw and machine.volts:
        return kw * 1e3 / (math.sqrt(3) * machine.volts * 0.79)
    return machine.amps


def nameplate_reason(machine: MachineData) -> Reason | None:
    """What is missing or contradicts itself for the slip of this motor; None: nothing."""
    kw = rated_kw(machine)
    values = {"kw": kw, "rpm": machine.rpm, "hz": machine.hz, "poles": machine.poles}
    missing = tuple(key for key, value in values.items() if not value)
    if missing:
        return common.NAMEPLATE_MISSING(keys=missing)
    assert kw
    assert machine.rpm
    assert machine.hz
    assert machine.poles
    slip = machine.rated_slip
    highest = next(most for up_to_kw, most in _SLIP_KW if kw <= up_to_kw)
    nearest = int(120 * machine.hz / machine.rpm / 2 + 1e-9) * 2  # poles of the next higher synchronous speed
    if slip is None or not _SLIP_MIN <= slip <= highest or machine.poles != nearest:
        return reasons.NAMEPLATE_SPEED(rpm=machine.rpm, poles=machine.poles, hz=machine.hz, kw=kw)
    if machine.volts and machine.amps:
        product = kw * 1e3 / (math.sqrt(3) * machine.volts * machine.amps)
        if not _PF_MIN <= product <= _PF_MAX:
            return reasons.NAMEPLATE_POWER(kw=kw, volts=machine.volts, amps=machine.amps, product=product)
    return None


def load_and_slip(machine: MachineData, power_w: float, u1_v: float, f_hz: float) -> tuple[float | None, float | None]:
    """Torque relative to rated, and slip frequency in Hz, from the input power; None: not known from the nameplate.

    Efficiency: IE2 at the rated power; one class more or less changes the load by 1 to 3 %. The slip of a torque is
    proportional to (frequency / voltage)².
    """
    kw = rated_kw(machine)
    if not kw or power_w <= 0:
        return None, None
    poles = min(max((machine.poles or 4) // 2 * 2, 2), 8)
    shaft_w = m1_shaft_power_w(power_w, kw * 1e3, ie_efficiency("IE2", min(max(kw, 0.12), 1000.0), poles))
    torque = shaft_w / (kw * 1e3) * (machine.hz / f_hz if machine.hz else 1.0)
    if nameplate_reason(machine) is not None or not machine.hz or machine.rated_slip is None:
        return torque, None
    flux = (u1_v * math.sqrt(3) / machine.volts if machine.volts else 1.0) * machine.hz / f_hz
    return torque, max(torque, 0.0) * machine.rated_slip * machine.hz / flux**2
