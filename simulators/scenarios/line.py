"""A serial bus of a plant: a segment with one port, named "agent", for an external program."""

from __future__ import annotations

from collections.abc import Iterable

from simulators.bus.line_settings_segment import SettingsStation
from simulators.bus.plc import Plc
from simulators.bus.segment import Segment

_TIDY_S, _LOG_MAX = 60.0, 200


class SegmentPort:
    """Starts the segment, and the PLC if there is one; truncates the segment's log, because it may run for weeks."""

    def __init__(self, segment: Segment, stations: Iterable[SettingsStation] = (), plc: Plc | None = None) -> None:
        self._segment, self._stations, self._plc = segment, tuple(stations), plc
        self._path = segment.port("agent")

    async def start(self) -> str:
        self._segment.call_soon(self._tidy)
        self._segment.start()
        if self._plc is not None:
            self._plc.start()
        return self._path

    async def stop(self) -> None:
        self._segment.stop()

    def _tidy(self) -> None:
        del self._segment.log[:-_LOG_MAX]
        for station in self._stations:
            station.functions.clear()
        self._segment.at(self._segment.now() + _TIDY_S, self._tidy)
