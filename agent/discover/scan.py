"""Scan a bus: find the devices and the line settings. Listens first, then reads one register of each unit.

The order is in scan_order.py, one request in probe.py, the output in scan_view.py.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace

from agent.clock import SystemClock
from agent.core.text import _
from agent.discover import reasons as codes
from agent.discover import scan_order as order
from agent.discover.identify import identify
from agent.discover.overhear import overhear
from agent.discover.probe import Heard, Reply, ask
from agent.discover.scan_result import Found, Options, Result, ScanProgress, Target, noise_findings
from drivers.bus import ModbusLink
from drivers.eavesdrop import Setting
from drivers.errors import LinkBusy, LinkClosed
from drivers.reasons import cause_of

GATEWAY_S = 3.0  # a gateway waits for its own timeout before it reports that a unit does not respond
NETWORK_S = 0.1  # round trip to a converter
QUIET_TCP_S = 0.4  # timeout after it is known that absent units cause no response
PROMISCUOUS = (255, 1, 246, 137, 94, 211)  # a single device responds to all of these
SLOW_UNITS = 8  # number of the last queried units that are queried again after a late response
FEW = 40  # up to this number of units, the second query has a long timeout
RETRIES = 3  # requests to a unit from which invalid bytes were received


class Stopped(Exception):
    """The scan was interrupted by Ctrl-C."""


class Scan:
    """One scan. `stop` may be set by a signal handler: the result then contains what was found until then."""

    def __init__(self, target: Target, options: Options, progress: ScanProgress) -> None:
        self.result = Result(target, fc03=options.fc03)
        self.stop = asyncio.Event()
        self._target, self._options, self._progress = target, options, progress
        self._excluded: set[int] = set()  # units with a private protocol
        self._noisy: dict[int, Setting | None] = {}
        self._echo = False
        self._began_s = time.monotonic()

    async def run(self) -> Result:
        """Scans the bus. Raises LinkClosed if the port or the connection cannot be opened."""
        result, options = self.result, self._options
        try:
            if self._target.serial and (finding := await overhear(self._target, options, self._progress, self.stop)):
                result.findings.append(finding)
                return result
            self._check_stop()
            if self._target.is_line:
                await self._line()
            else:
                await self._tcp()
            result.findings += noise_findings(self._noisy, result)
            self._compare()
            result.sought_s = time.monotonic() - self._began_s
            if options.identify:
                await self._identify()
        except LinkBusy as error:
            result.findings.append(codes.SCAN_BUS_IN_USE(error=cause_of(error)))
        except LinkClosed as error:
            if not result.asked:
                raise
            result.findings.append(codes.SCAN_ENDED_EARLY(error=cause_of(error)))
        except Stopped:
            result.stopped = True
        result.sought_s = result.sought_s or time.monotonic() - self._began_s
        result.found.sort(key=lambda found: found.unit)
        return result

    # --- serial line, at a port or a converter ---

    async def _line(self) -> None:
        known, units = self._target.setting, self._wanted()
        if known is not None:
            await self._all_units(known, units)
            return
        setting = await self._find_setting(units)
        if setting is not None:
            self._progress.on_text(_("Devices respond at {line}.", line=str(setting)))
            await self._all_units(setting, units)

    def _wanted(self) -> list[int]:
        units = order.in_order(self._options.units)
        if self._options.depth == "quick":
            likely = set(order.likely_units())
            units = [unit for unit in units if unit in likely] or units
        return units

    async def _all_units(self, setting: Setting | None, units: Sequence[int]) -> None:
        result = self.result
        result.setting = setting
        link = self._open(setting)
        try:
            await self._sweep(link, setting, units, order.DEVICE_S, 4)
            await self._again(link, setting)
            await self._repeat(link, setting, units)
            silent = [unit for unit in units if self._is_open(unit)]
            if self._options.depth == "full":
                await self._sweep(link, setting, silent, order.SLOW_S, 4)
            if self._options.fc03 and (self._options.depth == "full" or not result.found):
                await self._sweep(link, setting, [unit for unit in silent if self._is_open(unit)], order.DEVICE_S, 3)
        finally:
            await link.close()

    async def _find_setting(self, units: Sequence[int]) -> Setting | None:
        """The first setting at which a unit responds."""
        first, rest = units[: order.FIRST_UNITS], units[order.FIRST_UNITS :]
        settings = order.USUAL + order.UNCOMMON + (order.RARE if self._options.depth == "full" else ())
        if found := await self._try_all(settings, first, order.DEVICE_S):
            return found
        for at in range(0, len(rest), order.PART):
            if found := await self._try_all(order.USUAL, rest[at : at + order.PART], order.HASTY_S):
                return found
        if self._options.depth == "full" and (found := await self._try_all(settings, rest, order.DEVICE_S)):
            return found
        return await self._try_all(settings, first, order.DEVICE_S, 3) if self._options.fc03 else None

    async def _try_all(
        self, settings: Iterable[Setting], units: Sequence[int], device_s: float, function: int = 4
    ) -> Setting | None:
        for setting in settings:
            noisy_before = set(self._noisy)
            link = self._open(setting)
            try:
                if await self._sweep(link, setting, units, device_s, function, until_found=True):
                    return setting
            finally:
                await link.close()
            # Invalid bytes are a response at another setting, or an incomplete one: the unit identifier is right.
            for unit in set(self._noisy) - noisy_before:
                for other in (setting, *(item for item in order.USUAL if item != setting)):
                    retry_s = order.SLOW_S if other == setting else order.DEVICE_S
                    link = self._open(other)
                    try:
                        if await self._sweep(link, other, [unit], retry_s, function):
                            return other
                    finally:
                        await link.close()
        return None

    # --- TCP ---

    async def _tcp(self) -> None:
        wanted = self._wanted()
        units = order.in_order([*wanted, *((255, 0) if len(wanted) > 1 else ())], (255, 0, 1))
        link = self._open(None)
        result = self.result
        try:
            if len(wanted) > len(PROMISCUOUS):
                await self._sweep(link, None, PROMISCUOUS, GATEWAY_S, 4)
                if result.units >= set(PROMISCUOUS):
                    result.found = [found for found in result.found if found.unit == 1]
                    result.notes.append(codes.ONE_DEVICE_ALL_UNITS(target=str(self._target)))
                    return
            await self._sweep(link, None, [unit for unit in units if self._is_open(unit)], GATEWAY_S, 4)
            if result.units & {0, 255} and 1 in result.units:
                result.notes.append(codes.GATEWAY_UNITS())
            if self._options.fc03 and (self._options.depth == "full" or not result.found):
                silent = [unit for unit in units if self._is_open(unit)]
                await self._sweep(link, None, silent, GATEWAY_S, 3)
        finally:
            await link.close()

    # --- requests ---

    def _open(self, setting: Setting | None) -> ModbusLink:
        """The first connection to a converter listens before it sends; at a serial port this is already done."""
        listen_s = 0.0 if self._target.serial or self.result.asked else self._options.listen_s
        return ModbusLink(replace(self._target.wire(setting), listen_s=listen_s), SystemClock())

    def _is_open(self, unit: int) -> bool:
        """Whether nothing was received from the unit yet."""
        return unit not in self.result.units and unit not in self._excluded and unit not in self._noisy

    async def _sweep(
        self, link: ModbusLink, setting: Setting | None, units: Sequence[int], device_s: float, function: int,
        until_found: bool = False,
    ) -> bool:  # fmt: skip
        """Queries each unit once. Returns whether one responded."""
        found, silent, mute = False, [], 0
        self._progress.on_part(
            _("{line}, function {function:02d}", line=str(setting or self._target), function=function), len(units)
        )
        for unit in units:
            self._check_stop()
            self._progress.on_unit(unit)
            if unit in self.result.units or unit in self._excluded:
                continue
            if not self._target.is_line and mute >= 3:
                device_s = QUIET_TCP_S  # absent units are not reported: the long timeout would take hours
            registers = 2 if device_s == order.SLOW_S else 1
            reply = await self._ask(link, setting, unit, function, device_s, registers, confirm=until_found)
            if reply.outcome is Heard.HERE or (until_found and reply.outcome is Heard.FOREIGN):
                found = True  # any valid checksum confirms the setting
                if until_found:
                    break
            elif reply.outcome is Heard.NOTHING:
                mute += not reply.exception
                silent.append(unit)
            if reply.late:  # a unit queried before is slow: the last ones are queried again with a long timeout
                slow_s = order.SLOW_S
                if not self._target.is_line:
                    device_s = slow_s = 2 * GATEWAY_S
                    mute = -len(units)
                for slow in silent[-SLOW_UNITS:]:
                    again = await self._ask(link, setting, slow, function, slow_s, 2)
                    found |= again.outcome is Heard.HERE
                silent.clear()
        return found

    async def _ask(
        self, link: ModbusLink, setting: Setting | None, unit: int, function: int, device_s: float, registers: int,
        confirm: bool = False,
    ) -> Reply:  # fmt: skip
        """Sends one request. confirm: repeat it after a response, since interference can look like a frame once."""
        timeout_s = order.timeout_s(setting, device_s) if setting else device_s
        if self._target.rtu:
            timeout_s += NETWORK_S
        reply = await ask(link, unit, function, timeout_s, registers)
        if confirm and reply.outcome is Heard.HERE:
            reply = await ask(link, unit, function, timeout_s + order.SLOW_S, registers + 1)
        self.result.asked += 1
        if reply.echo and not self._echo:
            self._echo = True
            self.result.notes.append(codes.SCAN_ECHO())
        if reply.outcome is Heard.HERE:
            self._noisy.pop(unit, None)
            found = Found(unit, setting, function, reply.exception, reply.took_s)
            self.result.found.append(found)
            self._progress.on_found(found)
        elif reply.outcome is Heard.NOISE:
            self._noisy.setdefault(unit, setting)
        elif reply.outcome is Heard.FOREIGN:
            self._exclude(unit, reply)
        return reply

    def _exclude(self, unit: int, reply: Reply) -> None:
        self._excluded.add(unit)
        self.result.findings.append(codes.SCAN_PRIVATE_PROTOCOL(unit_id=unit, data=reply.raw[:12].hex(" ")))

    async def _again(self, link: ModbusLink, setting: Setting | None) -> None:
        """Queries the units from which invalid bytes were received again, with a long timeout."""
        for unit in list(self._noisy):
            for registers in range(2, 2 + RETRIES):
                self._check_stop()
                if (await self._ask(link, setting, unit, 4, order.SLOW_S, registers)).outcome is not Heard.NOISE:
                    break
            if unit in self.result.units:
                self.result.notes.append(codes.SCAN_CORRUPT_RESPONSE(unit_id=unit))
            elif unit in self._excluded:
                del self._noisy[unit]

    async def _repeat(self, link: ModbusLink, setting: Setting | None, units: Sequence[int]) -> None:
        """Queries the units without response once more if devices are missing."""
        expected = self._options.expected
        if expected is None or not expected.missing(self.result.units):
            return
        text = _(
            "{n:d} of {expected:d} devices responded; querying the others again …",
            n=len(self.result.found), expected=expected.count,
        )  # fmt: skip
        self._progress.on_text(text)
        silent = [unit for unit in expected.units or units if self._is_open(unit)]
        await self._sweep(link, setting, silent, order.SLOW_S if len(silent) <= FEW else order.DEVICE_S, 4)

    def _compare(self) -> None:
        """Compares the devices found with the expected ones."""
        if expected := self._options.expected:
            if missing := expected.missing(self.result.units):
                self.result.findings.append(missing)
            if surplus := expected.surplus(self.result.units):
                self.result.notes.append(surplus)

    def _check_stop(self) -> None:
        if self.stop.is_set():
            raise Stopped

    # --- identification ---

    async def _identify(self) -> None:
        found = sorted(self.result.found, key=lambda item: item.unit)
        if not found:
            return
        link = self._open(self.result.setting)
        try:
            self._progress.on_part(_("identification"), len(found))
            for item in found:
                self._check_stop()
                self._progress.on_unit(item.unit)
                timeout_s = max(0.3, 3 * item.took_s)
                item.identified = await identify(
                    link, item.unit, timeout_s, fc03=self._options.fc03, ending=self.stop, function=item.function,
                    character_s=link.wire.character_s if self._target.is_line else 0.0,
                )  # fmt: skip
            self._check_stop()
        finally:
            await link.close()
