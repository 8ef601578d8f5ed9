"""A serial bus of a plant: a segment with one port, named "agent", for an external program."""

from __future__ import annotations

from collections.abc import Iterable
from random import Random

from simulators.bus.line_settings_segment import DeviceStation, LineSettingsSegment
from simulators.bus.meter_station import MeterLine, MeterNoise, MeterStation
from simulators.bus.plc import Plc
from simulators.bus.segment import Segment
from simulators.devices.device import SimulatedDevice
from simulators.devices.energy_meter import EnergyMeter

USUAL_TURNAROUND_S = (0.03, 0.12)  # of a meter in the field
_TRUNCATE_S, _LOG_MAX = 60.0, 200


class SegmentPort:
    """Starts the segment, and the PLC if there is one; truncates the segment's log, because it may run for weeks."""

    def __init__(self, segment: Segment, stations: Iterable[DeviceStation] = (), plc: Plc | None = None) -> None:
        self._segment, self._stations, self._plc = segment, tuple(stations), plc
        self._path = segment.port("agent")

    async def start(self) -> str:
        self._segment.call_soon(self._truncate)
        self._segment.start()
        if self._plc is not None:
            self._plc.start()
        return self._path

    async def stop(self) -> None:
        self._segment.stop()

    def _truncate(self) -> None:
        del self._segment.log[:-_LOG_MAX]
        for station in self._stations:
            station.functions.clear()
        self._segment.at(self._segment.now() + _TRUNCATE_S, self._truncate)


def meter_port(settings: str, meters: Iterable[EnergyMeter], noise: MeterNoise | None = None) -> SegmentPort:
    """Return a line with settings such as "2400 8E1" and these meters of DL/T 645. noise: faults of the line."""
    segment = LineSettingsSegment(settings)
    for meter in meters:
        MeterStation(segment, MeterLine(meter, Random(meter.unit), noise, USUAL_TURNAROUND_S))
    return SegmentPort(segment)


def segment_port(settings: str, devices: Iterable[SimulatedDevice]) -> SegmentPort:
    """Return a line with settings such as "19200 8N1" and these devices."""
    segment = LineSettingsSegment(settings)
    return SegmentPort(segment, [DeviceStation(segment, device) for device in devices])
