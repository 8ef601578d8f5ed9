"""What the parts of a scan share: its target, options, result and time, and the bus while it is open."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from msgspec.structs import replace

from agent.commissioning.discovery.duration import AnnouncedDuration
from agent.commissioning.discovery.scan_result import ScanOptions, ScanProgress, ScanResult, Target
from drivers.bus_settings import BusSettings
from drivers.modbus_link import ModbusLink
from drivers.reading import Clock
from drivers.serial_sniffer import SerialSetting


class ScanStopped(Exception):
    """The scan was interrupted by Ctrl-C."""


class ScanSession:
    """target, options, progress: of the scan. result: what was found until now. stop: may be set by a signal handler.

    link, setting: the bus while it is open, and its line settings; None: TCP.
    """

    def __init__(
        self, target: Target, options: ScanOptions, progress: ScanProgress, clock: Clock,
        link_of: Callable[[BusSettings, Clock], Any],
    ) -> None:  # fmt: skip
        self.target, self.options, self.progress, self.clock = target, options, progress, clock
        self.result = ScanResult(target, fc03=options.fc03)
        self.stop = asyncio.Event()
        self.duration = AnnouncedDuration(target, options, progress, clock)
        self.link: ModbusLink
        self.setting: SerialSetting | None = None
        self._link_of = link_of

    @asynccontextmanager
    async def open(self, setting: SerialSetting | None, dlt645: bool = False) -> AsyncIterator[Any]:
        """Opens the bus for the requests inside.

        The first connection to a converter listens before it sends; at a serial port this is already done.
        """
        listen_s = 0.0 if self.target.serial or self.result.requests else self.options.listen_s
        self.setting = setting
        self.link = self._link_of(replace(self.target, dlt645=dlt645).bus_settings(setting, listen_s), self.clock)
        try:
            yield self.link
        finally:
            await self.link.close()

    def check_stop(self) -> None:
        """Raises ScanStopped after Ctrl-C."""
        if self.stop.is_set():
            raise ScanStopped
