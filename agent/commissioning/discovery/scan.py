"""Scan a bus: find the devices and the line settings. Listens first, then reads one register of each unit.

The order is in scan_order.py, one request in probe.py, the output in scan_view.py.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from msgspec.structs import replace

from agent.commissioning.discovery import meters
from agent.commissioning.discovery import reasons as codes
from agent.commissioning.discovery import scan_order as order
from agent.commissioning.discovery.duration import AnnouncedDuration
from agent.commissioning.discovery.identify import identify_responding, timeout_of
from agent.commissioning.discovery.match import Identified
from agent.commissioning.discovery.overheard_devices import HEAR_FACTOR, hear_devices
from agent.commissioning.discovery.passive_listen import LineTraffic, listen_first
from agent.commissioning.discovery.probe import ProbeResult, Reply, probe
from agent.commissioning.discovery.reported import Reported, read_reported
from agent.commissioning.discovery.scan_result import (
    QUIET_TCP_S,
    FoundDevice,
    ScanOptions,
    ScanProgress,
    ScanResult,
    Target,
    noise_findings,
)
from agent.core.clock import SystemClock
from agent.core.text import _, text_of
from drivers.bus_link import bus_link
from drivers.bus_settings import BusSettings
from drivers.dlt645_frames import address_text
from drivers.dlt645_link import Dlt645Link
from drivers.errors import ForeignMasterActive, FrameError, LinkClosed, LinkTimeout
from drivers.modbus_link import ModbusLink
from drivers.reading import Clock
from drivers.reasons import Reason, cause_of
from drivers.serial_sniffer import SerialSetting

GATEWAY_S = 3.0  # a gateway waits for its own timeout before it reports that a unit does not respond
PROMISCUOUS = (255, 1, 246, 137, 94, 211)  # a single device responds to all of these
SLOW_UNITS = 8  # number of the last queried units that are queried again after a late response
FEW = 40  # up to this number of units, the second query has a long timeout
RETRIES = 3  # requests to a unit from which invalid bytes were received

Listen = Callable[[Target, ScanOptions, ScanProgress, asyncio.Event], Awaitable[LineTraffic | None]]


class ScanStopped(Exception):
    """The scan was interrupted by Ctrl-C."""


class Scan:
    """One scan. `stop` may be set by a signal handler: the result then contains what was found until then."""

    def __init__(
        self, target: Target, options: ScanOptions, progress: ScanProgress, clock: Clock | None = None,
        link_of: Callable[[BusSettings, Clock], Any] = bus_link, listen: Listen = listen_first,
    ) -> None:  # fmt: skip
        """clock, link_of, listen: the time and the bus, for a simulated one."""
        self.result = ScanResult(target, fc03=options.fc03)
        self.stop = asyncio.Event()
        self._target, self._options, self._progress = target, options, progress
        self._excluded: set[int] = set()  # units with a private protocol
        self._noisy: dict[int, SerialSetting | None] = {}
        self._link: ModbusLink  # while the bus is open
        self._setting: SerialSetting | None = None
        self._clock = clock or SystemClock()
        self._link_of, self._listen = link_of, listen
        self._duration = AnnouncedDuration(target, options, progress, self._clock)

    async def run(self) -> ScanResult:
        """Scans the bus. Raises LinkClosed if the port or the connection cannot be opened."""
        result, options = self.result, self._options
        self._duration.start(len(self._units_in_order()))
        target, progress, clock = self._target, self._progress, self._clock
        try:
            traffic = await self._listen(target, options, progress, self.stop) if target.serial else None
            if traffic is not None:
                result.findings.append(traffic.finding)
            if traffic is not None or options.listen_only:
                seconds = HEAR_FACTOR * options.listen_s
                await hear_devices(target, traffic, seconds, result, progress, self.stop, clock)
                return result
            self._check_stop()
            if await self._scan_meters():
                return result
            await (self._scan_line() if self._target.is_line else self._scan_tcp())
            result.findings += noise_findings(self._noisy, result)
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
            result.duration_s = self._duration.elapsed_s
            result.found.sort(key=lambda found: found.unit)
        return result

    # --- meters of DL/T 645, at a port or a converter ---

    async def _scan_meters(self) -> bool:
        """Whether meters respond: a line has one protocol, so that devices with Modbus are not searched then."""
        result, asked, silent = self.result, self._options.meters, set(self._options.meters)
        findings: list[Reason] = []
        for setting in meters.settings_of(self._target):
            self._check_stop()
            self._progress.on_part(_("{line}, DL/T 645", line=str(setting)), max(1, len(asked)))
            self._duration.on_meters(setting, len(asked))
            async with self._open(setting, dlt645=True) as link:
                found, finding = await meters.find_meters(link, setting, asked)
                result.requests += max(1, len(asked))
                if finding is not None and self._options.deep:
                    found, finding = await self._search_meters(link, setting), None
                if finding is not None and not found:
                    self._progress.on_text(text_of(finding))  # the search for other devices takes minutes
                findings = [*([] if found else findings), *([finding] if finding else [])]
                silent -= {item.unit for item in found}
                await self._add_meters(link, found)
            if found:
                result.target, result.setting = replace(self._target, dlt645=True), setting
                break
        result.findings += findings
        if silent:
            result.findings.append(
                codes.METERS_SILENT(n=len(silent), addresses=tuple(map(address_text, sorted(silent))))
            )
        if result.found:
            result.notes.append(codes.METER_LINE())
        return bool(result.found or asked)

    async def _search_meters(self, link: Dlt645Link, setting: SerialSetting) -> list[FoundDevice]:
        """The meters of a line on which several respond to the wildcard."""

        def on_query() -> None:
            self._check_stop()
            self.result.requests += 1

        return await meters.search_meters(link, setting, self._progress, on_query)

    async def _add_meters(self, link: Dlt645Link, found: Sequence[FoundDevice]) -> None:
        for item in found:
            self.result.found.append(item)
            self._progress.on_found(item)
            if self._options.identify:
                self._check_stop()
                try:
                    item.identified = await meters.identify_meter(link, item.unit)
                except (LinkTimeout, FrameError):
                    item.identified = Identified(item.unit, notes=[codes.DEVICE_STOPPED_RESPONDING()])
                self.result.requests += item.identified.requests

    # --- serial line, at a port or a converter ---

    async def _scan_line(self) -> None:
        setting, units = self._target.setting, self._units_in_order()
        if setting is None and (setting := await self._find_setting(units)):
            self._progress.on_text(_("Devices respond at {line}.", line=str(setting)))
        if setting is not None:
            await self._all_units(setting, units)

    def _units_in_order(self) -> list[int]:
        units = order.by_likelihood(self._options.units)
        if self._options.depth == "quick":
            return [unit for unit in units if unit in order.likely_units()] or units
        return units

    async def _all_units(self, setting: SerialSetting, units: Sequence[int]) -> None:
        self.result.setting = setting
        if self._target.setting is None:
            self._duration.on_setting(setting, len(units))
        async with self._open(setting):
            await self._sweep(units, order.DEVICE_S)
            await self._query_noisy()
            await self._query_missing(units)
            if self._options.depth == "full":
                await self._sweep(self._silent(units), order.SLOW_S)
            await self._query_with_fc03(units, order.DEVICE_S)

    async def _query_with_fc03(self, units: Sequence[int], device_s: float) -> None:
        """Queries the units without response with function 03, if it is permitted and makes sense."""
        if self._options.fc03 and (self._options.depth == "full" or not self.result.found):
            await self._sweep(self._silent(units), device_s, 3)

    async def _find_setting(self, units: Sequence[int]) -> SerialSetting | None:
        """The first setting at which a unit responds."""
        first, rest = units[: order.FIRST_UNITS], units[order.FIRST_UNITS :]
        settings = order.settings(self._options.depth)
        if found := await self._try_all(settings, first, order.DEVICE_S):
            return found
        for at in range(0, len(rest), order.PART):
            if found := await self._try_all(order.USUAL, rest[at : at + order.PART], order.SHORT_S):
                return found
        if self._options.depth == "full" and (found := await self._try_all(settings, rest, order.DEVICE_S)):
            return found
        return await self._try_all(settings, first, order.DEVICE_S, 3) if self._options.fc03 else None

    async def _try_all(
        self, settings: Iterable[SerialSetting], units: Sequence[int], device_s: float, function: int = 4
    ) -> SerialSetting | None:
        for setting in settings:
            noisy_before = set(self._noisy)
            async with self._open(setting):
                if await self._sweep(units, device_s, function, until_found=True):
                    return setting
            # Invalid bytes are a response at another setting, or an incomplete one: the unit identifier is right.
            for unit in set(self._noisy) - noisy_before:
                for other in (setting, *(item for item in order.USUAL if item != setting)):
                    async with self._open(other):
                        if await self._sweep([unit], order.SLOW_S if other == setting else order.DEVICE_S, function):
                            return other
        return None

    # --- TCP ---

    async def _scan_tcp(self) -> None:
        requested, result = self._units_in_order(), self.result
        units = order.by_likelihood([*requested, *((255, 0) if len(requested) > 1 else ())], (255, 0, 1))
        async with self._open(None):
            if len(requested) > len(PROMISCUOUS):
                await self._sweep(PROMISCUOUS, GATEWAY_S)
                if result.units >= set(PROMISCUOUS):
                    result.found = [found for found in result.found if found.unit == 1]
                    result.notes.append(codes.ONE_DEVICE_ALL_UNITS(target=str(self._target)))
                    return
            await self._sweep(self._silent(units), GATEWAY_S)
            if result.units & {0, 255} and 1 in result.units:
                result.notes.append(codes.GATEWAY_UNITS())
            await self._query_with_fc03(units, GATEWAY_S)

    # --- requests ---

    @asynccontextmanager
    async def _open(self, setting: SerialSetting | None, dlt645: bool = False) -> AsyncIterator[Any]:
        """Opens the bus for the requests inside.

        The first connection to a converter listens before it sends; at a serial port this is already done.
        """
        listen_s = 0.0 if self._target.serial or self.result.requests else self._options.listen_s
        self._setting = setting
        self._link = self._link_of(replace(self._target, dlt645=dlt645).bus_settings(setting, listen_s), self._clock)
        try:
            yield self._link
        finally:
            await self._link.close()

    def _silent(self, units: Iterable[int]) -> list[int]:
        """The units from which nothing was received yet."""
        return [unit for unit in units if unit not in self.result.units | self._excluded | self._noisy.keys()]

    async def _sweep(
        self, units: Sequence[int], device_s: float, function: int = 4, until_found: bool = False
    ) -> bool:  # fmt: skip
        """Queries each unit once. Returns whether one responded."""
        found, silent, without_response = False, [], 0
        part = _("{line}, function {function:02d}", line=str(self._setting or self._target), function=function)
        self._progress.on_part(part, len(units))
        for unit in units:
            self._check_stop()
            self._progress.on_unit(unit)
            self._duration.on_unit(self._link.wire, device_s)
            if unit in self.result.units or unit in self._excluded:
                continue
            if not self._target.is_line and without_response >= 3:
                device_s = QUIET_TCP_S  # absent units are not reported: the long timeout would take hours
            registers = 2 if device_s == order.SLOW_S else 1
            reply = await self._query(unit, function, device_s, registers, confirm=until_found)
            if reply.outcome is ProbeResult.HERE or (until_found and reply.outcome is ProbeResult.FOREIGN):
                found = True  # any valid checksum confirms the setting
                if until_found:
                    break
            elif reply.outcome is ProbeResult.NOTHING:
                without_response += not reply.exception
                silent.append(unit)
            if reply.late:  # a unit queried before is slow: the last ones are queried again with a long timeout
                slow_s = order.SLOW_S
                if not self._target.is_line:
                    device_s = slow_s = 2 * GATEWAY_S
                    without_response = -len(units)
                for slow in silent[-SLOW_UNITS:]:
                    found |= (await self._query(slow, function, slow_s, 2)).outcome is ProbeResult.HERE
                silent.clear()
        return found

    async def _query(
        self, unit: int, function: int, device_s: float, registers: int, confirm: bool = False
    ) -> Reply:  # fmt: skip
        """Sends one request. confirm: repeat it after a response, since interference can look like a frame once."""
        device_s = self._target.waited_s(device_s)
        timeout_s = order.timeout_s(self._setting, device_s) if self._setting else device_s
        reply = await probe(self._link, unit, function, timeout_s, registers)
        if confirm and reply.outcome is ProbeResult.HERE:
            reply = await probe(self._link, unit, function, timeout_s + order.SLOW_S, registers + 1)
        self.result.requests += 1
        if reply.echo and codes.SCAN_ECHO() not in self.result.notes:
            self.result.notes.append(codes.SCAN_ECHO())
        if reply.outcome is ProbeResult.HERE:
            self._noisy.pop(unit, None)
            found = FoundDevice(unit, self._setting, function, reply.exception, reply.response_s)
            self.result.found.append(found)
            self._progress.on_found(found)
            self._duration.on_found(self._link.wire, found)
        elif reply.outcome is ProbeResult.NOISE:
            self._noisy.setdefault(unit, self._setting)
        elif reply.outcome is ProbeResult.FOREIGN:
            self._excluded.add(unit)
            self.result.findings.append(codes.SCAN_PRIVATE_PROTOCOL(unit_id=unit, data=reply.raw[:12].hex(" ")))
        return reply

    async def _query_noisy(self) -> None:
        """Queries the units from which invalid bytes were received again, with a long timeout."""
        for unit in list(self._noisy):
            for registers in range(2, 2 + RETRIES):
                self._check_stop()
                if (await self._query(unit, 4, order.SLOW_S, registers)).outcome is not ProbeResult.NOISE:
                    break
            if unit in self.result.units:
                self.result.notes.append(codes.SCAN_CORRUPT_RESPONSE(unit_id=unit))
            elif unit in self._excluded:
                del self._noisy[unit]

    async def _query_missing(self, units: Sequence[int]) -> None:
        """Queries the units without response once more if devices are missing."""
        expected = self._options.expected
        if expected is None or not expected.missing(self.result.units):
            return
        self._progress.on_text(_(
            "{n:d} of {expected:d} devices responded; querying the others again …",
            n=len(self.result.found), expected=expected.count,
        ))  # fmt: skip
        silent = self._silent(expected.units or units)
        await self._sweep(silent, order.SLOW_S if len(silent) <= FEW else order.DEVICE_S)

    def _check_stop(self) -> None:
        if self.stop.is_set():
            raise ScanStopped

    # --- identification ---

    async def _identify(self) -> None:
        found = sorted(self.result.found, key=lambda item: item.unit)
        if not found:
            return
        async with self._open(self.result.setting):
            reported = await self._read_reported(found)
            self._duration.on_reported()
            self._progress.on_part(_("identification"), len(found))
            for item in found:
                self._check_stop()
                self._progress.on_unit(item.unit)
                item.identified = await identify_responding(
                    self._link, item.unit, item.response_s, self._options.fc03, self.stop, item.function,
                    reported[item.unit],
                )  # fmt: skip
                self.result.requests += item.identified.requests
                self._duration.on_identified(item)
            self._check_stop()

    async def _read_reported(self, found: Iterable[FoundDevice]) -> dict[int, Reported]:
        """What the devices report about themselves: it shows how many requests their identification needs."""
        reported: dict[int, Reported] = {}
        for item in found:
            self._check_stop()
            began_ns = self._clock.monotonic_ns()
            texts = await read_reported(self._link, item.unit, timeout_of(item.response_s))
            reported[item.unit] = texts
            request_s = (self._clock.monotonic_ns() - began_ns) / 1e9 / texts.requests
            self._duration.on_name(self._link.wire, item, texts.names_model, request_s)
        return reported
