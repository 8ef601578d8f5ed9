"""Scan a bus: find the devices and the line settings. Listens first, then reads one register of each unit.

The order is in scan_order.py, the units in unit_sweep.py, meters of DL/T 645 in meter_scan.py, one request in probe.py,
the output in scan_view.py.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

from agent.commissioning.discovery import reasons as codes
from agent.commissioning.discovery import scan_order as order
from agent.commissioning.discovery.identify import identify_responding, timeout_of
from agent.commissioning.discovery.meter_scan import MeterScan
from agent.commissioning.discovery.overheard_devices import HEAR_FACTOR, hear_devices
from agent.commissioning.discovery.passive_listen import LineTraffic, listen_first
from agent.commissioning.discovery.reported import Reported, read_reported
from agent.commissioning.discovery.scan_result import (
    FoundDevice,
    ScanOptions,
    ScanProgress,
    ScanResult,
    Target,
    noise_findings,
)
from agent.commissioning.discovery.scan_session import ScanSession, ScanStopped
from agent.commissioning.discovery.unit_sweep import GATEWAY_S, UnitSweep
from agent.core.clock import SystemClock
from agent.core.text import _
from drivers.bus_link import bus_link
from drivers.bus_settings import BusSettings
from drivers.errors import ForeignMasterActive, LinkClosed
from drivers.reading import Clock
from drivers.reasons import cause_of
from drivers.serial_sniffer import SerialSetting

PROMISCUOUS = (255, 1, 246, 137, 94, 211)  # a single device responds to all of these

Listen = Callable[[Target, ScanOptions, ScanProgress, asyncio.Event], Awaitable[LineTraffic | None]]


class Scan:
    """One scan. `stop` may be set by a signal handler: the result then contains what was found until then."""

    def __init__(
        self, target: Target, options: ScanOptions, progress: ScanProgress, clock: Clock | None = None,
        link_of: Callable[[BusSettings, Clock], Any] = bus_link, listen: Listen = listen_first,
    ) -> None:  # fmt: skip
        """clock, link_of, listen: the time and the bus, for a simulated one."""
        self._session = ScanSession(target, options, progress, clock or SystemClock(), link_of)
        self._units = UnitSweep(self._session)
        self._listen = listen

    @property
    def result(self) -> ScanResult:
        """What was found until now."""
        return self._session.result

    @property
    def stop(self) -> asyncio.Event:
        return self._session.stop

    async def run(self) -> ScanResult:
        """Scans the bus. Raises LinkClosed if the port or the connection cannot be opened."""
        result, options = self.result, self._session.options
        self._session.duration.start(len(self._units_in_order()))
        target, progress, clock = self._session.target, self._session.progress, self._session.clock
        try:
            traffic = await self._listen(target, options, progress, self.stop) if target.serial else None
            if traffic is not None:
                result.findings.append(traffic.finding)
            if traffic is not None or options.listen_only:
                seconds = HEAR_FACTOR * options.listen_s
                await hear_devices(target, traffic, seconds, result, progress, self.stop, clock)
                return result
            self._session.check_stop()
            if await MeterScan(self._session).scan():
                return result
            await (self._scan_line() if self._session.target.is_line else self._scan_tcp())
            result.findings += noise_findings(self._units.noisy, result)
            if options.expected:
                result.findings += filter(None, (options.expected.missing(result.units),))
                result.notes += filter(None, (options.expected.surplus(result.units),))
            if options.identify:
                await self._identify()
        except ForeignMasterActive as error:
            result.findings.append(codes.SCAN_BUS_IN_USE(error=cause_of(error)))
        except LinkClosed as error:
            if not result.requests:
                raise
            result.findings.append(codes.SCAN_ENDED_EARLY(error=cause_of(error)))
        except ScanStopped:
            result.stopped = True
        finally:
            result.duration_s = self._session.duration.elapsed_s
            result.found.sort(key=lambda found: found.unit)
        return result

    # --- serial line, at a port or a converter ---

    async def _scan_line(self) -> None:
        setting, units = self._session.target.setting, self._units_in_order()
        if setting is None and (setting := await self._find_setting(units)):
            self._session.progress.on_text(_("Devices respond at {line}.", line=str(setting)))
        if setting is not None:
            await self._all_units(setting, units)

    def _units_in_order(self) -> list[int]:
        units = order.by_likelihood(self._session.options.units)
        if self._session.options.depth == "quick":
            return [unit for unit in units if unit in order.likely_units()] or units
        return units

    async def _all_units(self, setting: SerialSetting, units: Sequence[int]) -> None:
        self.result.setting = setting
        if self._session.target.setting is None:
            self._session.duration.on_setting(setting, len(units))
        async with self._session.open(setting):
            await self._units.sweep(units, order.DEVICE_S)
            await self._units.query_noisy()
            await self._units.query_missing(units)
            if self._session.options.depth == "full":
                await self._units.sweep(self._units.silent(units), order.SLOW_S)
            await self._query_with_fc03(units, order.DEVICE_S)

    async def _query_with_fc03(self, units: Sequence[int], device_s: float) -> None:
        """Queries the units without response with function 03, if it is permitted and makes sense."""
        if self._session.options.fc03 and (self._session.options.depth == "full" or not self.result.found):
            await self._units.sweep(self._units.silent(units), device_s, 3)

    async def _find_setting(self, units: Sequence[int]) -> SerialSetting | None:
        """The first setting at which a unit responds."""
        first, rest = units[: order.FIRST_UNITS], units[order.FIRST_UNITS :]
        settings = order.settings(self._session.options.depth)
        if found := await self._try_all(settings, first, order.DEVICE_S):
            return found
        for at in range(0, len(rest), order.PART):
            if found := await self._try_all(order.USUAL, rest[at : at + order.PART], order.SHORT_S):
                return found
        if self._session.options.depth == "full" and (found := await self._try_all(settings, rest, order.DEVICE_S)):
            return found
        return await self._try_all(settings, first, order.DEVICE_S, 3) if self._session.options.fc03 else None

    async def _try_all(
        self, settings: Iterable[SerialSetting], units: Sequence[int], device_s: float, function: int = 4
    ) -> SerialSetting | None:
        for setting in settings:
            noisy_before = set(self._units.noisy)
            async with self._session.open(setting):
                if await self._units.sweep(units, device_s, function, until_found=True):
                    return setting
            # Invalid bytes are a response at another setting, or an incomplete one: the unit identifier is right.
            for unit in set(self._units.noisy) - noisy_before:
                for other in (setting, *(item for item in order.USUAL if item != setting)):
                    async with self._session.open(other):
                        wait_s = order.SLOW_S if other == setting else order.DEVICE_S
                        if await self._units.sweep([unit], wait_s, function):
                            return other
        return None

    # --- TCP ---

    async def _scan_tcp(self) -> None:
        requested, result = self._units_in_order(), self.result
        units = order.by_likelihood([*requested, *((255, 0) if len(requested) > 1 else ())], (255, 0, 1))
        async with self._session.open(None):
            if len(requested) > len(PROMISCUOUS):
                await self._units.sweep(PROMISCUOUS, GATEWAY_S)
                if result.units >= set(PROMISCUOUS):
                    result.found = [found for found in result.found if found.unit == 1]
                    result.notes.append(codes.ONE_DEVICE_ALL_UNITS(target=str(self._session.target)))
                    return
            await self._units.sweep(self._units.silent(units), GATEWAY_S)
            if result.units & {0, 255} and 1 in result.units:
                result.notes.append(codes.GATEWAY_UNITS())
            await self._query_with_fc03(units, GATEWAY_S)

    # --- identification ---

    async def _identify(self) -> None:
        found = sorted(self.result.found, key=lambda item: item.unit)
        if not found:
            return
        async with self._session.open(self.result.setting):
            reported = await self._read_reported(found)
            self._session.duration.on_reported()
            self._session.progress.on_part(_("identification"), len(found))
            for item in found:
                self._session.check_stop()
                self._session.progress.on_unit(item.unit)
                item.identified = await identify_responding(
                    self._session.link, item.unit, item.response_s, self._session.options.fc03, self.stop,
                    item.function, reported[item.unit],
                )  # fmt: skip
                self.result.requests += item.identified.requests
                self._session.duration.on_identified(item)
            self._session.check_stop()

    async def _read_reported(self, found: Iterable[FoundDevice]) -> dict[int, Reported]:
        """What the devices report about themselves: it shows how many requests their identification needs."""
        reported: dict[int, Reported] = {}
        for item in found:
            self._session.check_stop()
            began_ns = self._session.clock.monotonic_ns()
            texts = await read_reported(self._session.link, item.unit, timeout_of(item.response_s))
            reported[item.unit] = texts
            request_s = (self._session.clock.monotonic_ns() - began_ns) / 1e9 / texts.requests
            self._session.duration.on_name(self._session.link.wire, item, texts.names_model, request_s)
        return reported
