"""Nameplate data from the configuration for the machine downstream of a device."""

from __future__ import annotations

import math
from collections.abc import Sequence

from msgspec.structs import replace

from agent.commissioning.selfcheck.model import DeviceSet, Subject
from agent.commissioning.selfcheck.rule import RatedValues
from agent.config.model import Drive, Meter, Motor
from dsp.efficiency import CAGE_PF, MAGNET_PF, USUAL_EFFICIENCY, rated_current_a


def plate_of(device_set: DeviceSet, subject: Subject) -> RatedValues:
    """The nameplate of the motor downstream of a device, or of its motors together when they share a drive."""
    item = subject.device
    if isinstance(item, Meter):
        devices = (other.device for other in device_set.subjects)
        drives = [device.name for device in devices if isinstance(device, Drive) and device.fed_by == item.name]
        direct = [motor for motor in device_set.motors if motor.fed_by == item.name]
        motors = direct + [motor for motor in device_set.motors if motor.fed_by in drives]
        base = RatedValues(
            sinusoidal=item.measuring_point == "motor",
            per_phase=per_phase(subject),
            ct=item.ct[0] / item.ct[1] if item.ct else math.nan,
            vt=item.vt[0] / item.vt[1] if item.vt else math.nan,
            ratio_by_agent=item.ratio_applied_by == "agent",
        )
        single = len(direct) + len(drives) == 1
        return replace(_motor_plate(base, motors), direct=bool(direct)) if single else base
    motors = [motor for motor in device_set.motors if motor.fed_by == item.name]
    return replace(_motor_plate(RatedValues(), motors), drive_kw=item.kw or math.nan)


def per_phase(subject: Subject) -> bool:
    item = subject.device
    return isinstance(item, Meter) and item.wiring == "3P4W" and subject.profile.phases == 3


def _motor_plate(plate: RatedValues, motors: Sequence[Motor]) -> RatedValues:
    if not motors:
        return plate
    first = motors[0]
    efficiency = first.efficiency_pct / 100 if first.efficiency_pct else USUAL_EFFICIENCY
    pf = CAGE_PF if first.kind == "induction" else MAGNET_PF
    amps = first.amps or rated_current_a(first.kw * 1000, first.volts, efficiency, pf)
    return replace(
        plate,
        kw=sum(motor.kw for motor in motors),
        rpm=first.rpm,
        poles=first.poles,
        volts=first.volts,
        amps=amps * sum(motor.kw for motor in motors) / first.kw,
        induction=first.kind == "induction",
        efficiency=efficiency,
    )
