"""Compares the clock of a meter with that of the gateway."""

from __future__ import annotations

from collections.abc import Iterator

from agent.acquisition.scheduler import PolledDevice
from agent.commissioning.doctor import reasons as codes
from agent.commissioning.doctor.finding import DoctorFinding, finding, fine
from agent.core.meter_clock import TIME, clock_offset, is_invalid
from drivers.modbus_device import ModbusDevice
from drivers.reading import Reading

OFF_MAX_S = 60.0  # a clock of DL/T 614 drifts 0.5 s a day: four months without a synchronization


async def clock_reading(polled: PolledDevice) -> Reading | None:
    """A poll with date and time; None: the meter has no clock, or rejects it."""
    device = polled.device
    if not isinstance(device, ModbusDevice) or TIME not in device.names(["slow"]):
        return None
    return await device.poll(frozenset({"slow"}))


def clock_findings(where: str, reading: Reading, timezone: str) -> Iterator[DoctorFinding]:
    """The offset of the clock; a finding if it is certainly more than a minute, or if the clock shows no time."""
    if is_invalid(reading):
        yield finding(where, codes.METER_CLOCK_INVALID(device=reading.device))
    elif offset := clock_offset(reading, timezone):
        about = {"device": reading.device, "offset_s": offset.seconds, "u_s": offset.u_s}
        if abs(offset.seconds) - offset.u_s > OFF_MAX_S:
            yield finding(where, codes.METER_CLOCK_WRONG(**about, timezone=timezone))
        else:
            yield fine(where, codes.METER_CLOCK(**about))
