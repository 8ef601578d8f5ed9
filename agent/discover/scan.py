"""`magwatt scan`: who is on this line, with which settings. Listens first, reads one register of each unit.

The order is in scan_order.py, one question in probe.py, what a person sees in scan_view.py.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace

from agent.clock import SystemClock
from agent.discover import scan_order as order
from agent.discover.identify import identify
from agent.discover.overhear import overhear
from agent.discover.probe import Heard, Reply, ask
from agent.discover.scan_result import Found, Options, Result, Target, noise_findings
from agent.discover.scan_view import View
from drivers.bus import ModbusLink
from drivers.eavesdrop import Setting
from drivers.errors import LinkBusy, LinkClosed

GATEWAY_S = 3.0  # a gateway waits for its own line before it says that a unit is silent
NETWORK_S = 0.1  # to a converter and back
QUIET_TCP_S = 0.4  # once it is known that absent units are just not answered
PROMISCUOUS = (255, 1, 246, 137, 94, 211)  # who answers as all of these is one device
SLOW_UNITS = 8  # that were asked last, one of which answered late
FEW = 40  # silent units that may be asked once more patiently
RETRIES = 3  # questions to a unit that answered with noise


class Stopped(Exception):
    """Somebody pressed Ctrl-C."""


class Scan:
    """One scan. `stop` may be set from a signal handler: the result then holds what was found so far."""

    def __init__(self, target: Target, options: Options, view: View) -> None:
        self.result = Result(target, fc03=options.fc03)
        self.stop = asyncio.Event()
        self._target, self._options, self._view = target, options, view
        self._left_alone: set[int] = set()  # speaks something else
        self._noisy: dict[int, Setting | None] = {}
        self._echo = False
        self._began_s = time.monotonic()

    async def run(self) -> Result:
        """Raises LinkClosed when the port or the host cannot be had at all."""
        result, options = self.result, self._options
        try:
            if self._target.serial and (finding := await overhear(self._target, options, self._view, self.stop)):
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
            result.findings.append(f"{error}; stop it, or scan while it is off")
        except LinkClosed as error:
            if not result.asked:
                raise
            result.findings.append(f"the scan ended early: {error}")
        except Stopped:
            result.stopped = True
        result.sought_s = result.sought_s or time.monotonic() - self._began_s
        result.found.sort(key=lambda found: found.unit)
        return result

    # --- a line, behind a port or a converter ---

    async def _line(self) -> None:
        known, units = self._target.setting, self._wanted()
        if known is not None:
            await self._all_units(known, units)
            return
        setting = await self._find_setting(units)
        if setting is not None:
            self._view.say(f"devices answer at {setting}")
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
            await self._insist(link, setting, units)
            silent = [unit for unit in units if self._unheard(unit)]
            if self._options.depth == "full":
                await self._sweep(link, setting, silent, order.SLOW_S, 4)
            if self._options.fc03 and (self._options.depth == "full" or not result.found):
                await self._sweep(link, setting, [unit for unit in silent if self._unheard(unit)], order.DEVICE_S, 3)
        finally:
            await link.close()

    async def _find_setting(self, units: Sequence[int]) -> Setting | None:
        """The first setting at which anybody answers."""
        first, rest = units[: order.FIRST_UNITS], units[order.FIRST_UNITS :]
        settings = order.USUAL + order.SELDOM + (order.RARE if self._options.depth == "full" else ())
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
            # Noise is somebody who understood, and whom we do not, or whom we cut short: the unit is right.
            for unit in set(self._noisy) - noisy_before:
                for other in (setting, *(item for item in order.USUAL if item != setting)):
                    patient_s = order.SLOW_S if other == setting else order.DEVICE_S
                    link = self._open(other)
                    try:
                        if await self._sweep(link, other, [unit], patient_s, function):
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
                    result.notes.append(f"{self._target} answers as every unit: one device, not a gateway; use unit 1")
                    return
            await self._sweep(link, None, [unit for unit in units if self._unheard(unit)], GATEWAY_S, 4)
            if result.units & {0, 255} and 1 in result.units:
                result.notes.append("units 0 and 255 are as a rule the gateway itself, or another name of unit 1")
            if self._options.fc03 and (self._options.depth == "full" or not result.found):
                silent = [unit for unit in units if self._unheard(unit)]
                await self._sweep(link, None, silent, GATEWAY_S, 3)
        finally:
            await link.close()

    # --- asking ---

    def _open(self, setting: Setting | None) -> ModbusLink:
        """A converter is listened to when it is first connected to; a port was before."""
        listen_s = 0.0 if self._target.serial or self.result.asked else self._options.listen_s
        return ModbusLink(replace(self._target.wire(setting), listen_s=listen_s), SystemClock())

    def _unheard(self, unit: int) -> bool:
        return unit not in self.result.units and unit not in self._left_alone and unit not in self._noisy

    async def _sweep(
        self, link: ModbusLink, setting: Setting | None, units: Sequence[int], device_s: float, function: int,
        until_found: bool = False,
    ) -> bool:  # fmt: skip
        """Asks each unit once; whether anybody answered."""
        found, silent, mute = False, [], 0
        self._view.begin(f"{setting or self._target}, function {function:02}", len(units))
        for unit in units:
            self._check_stop()
            self._view.step(unit)
            if unit in self.result.units or unit in self._left_alone:
                continue
            if not self._target.is_line and mute >= 3:
                device_s = QUIET_TCP_S  # nobody says that a unit is absent: waiting long for each would take hours
            registers = 2 if device_s == order.SLOW_S else 1
            reply = await self._ask(link, setting, unit, function, device_s, registers, unsure=until_found)
            if reply.heard is Heard.HERE or (until_found and reply.heard is Heard.FOREIGN):
                found = True  # a right checksum, whatever it means, proves the setting
                if until_found:
                    break
            elif reply.heard is Heard.NOBODY:
                mute += not reply.exception
                silent.append(unit)
            if reply.late:  # one of those asked before is slow: all that were just asked are asked again, patiently
                slow_s = order.SLOW_S
                if not self._target.is_line:
                    device_s = slow_s = 2 * GATEWAY_S
                    mute = -len(units)
                for slow in silent[-SLOW_UNITS:]:
                    again = await self._ask(link, setting, slow, function, slow_s, 2)
                    found |= again.heard is Heard.HERE
                silent.clear()
        return found

    async def _ask(
        self, link: ModbusLink, setting: Setting | None, unit: int, function: int, device_s: float, registers: int,
        unsure: bool = False,
    ) -> Reply:  # fmt: skip
        """unsure: the setting is only tried; noise may look like a frame once, not twice."""
        patience_s = order.patience_s(setting, device_s) if setting else device_s
        if self._target.rtu:
            patience_s += NETWORK_S
        reply = await ask(link, unit, function, patience_s, registers)
        if unsure and reply.heard is Heard.HERE:
            reply = await ask(link, unit, function, patience_s + order.SLOW_S, registers + 1)
        self.result.asked += 1
        if reply.echo and not self._echo:
            self._echo = True
            self.result.notes.append("the adapter hears itself (echo); that does no harm")
        if reply.heard is Heard.HERE:
            self._noisy.pop(unit, None)
            found = Found(unit, setting, function, reply.text, reply.took_s)
            self.result.found.append(found)
            self._view.found(found)
        elif reply.heard is Heard.NOISE:
            self._noisy.setdefault(unit, setting)
        elif reply.heard is Heard.FOREIGN:
            self._leave_alone(unit, reply)
        return reply

    def _leave_alone(self, unit: int, reply: Reply) -> None:
        self._left_alone.add(unit)
        self.result.findings.append(
            f"unit {unit} answers in a dialect that is not Modbus ({reply.raw[:12].hex(' ')}; Huanyang HY drives do): "
            "it is not asked again. Never poll that unit; better take it off this line"
        )

    async def _again(self, link: ModbusLink, setting: Setting | None) -> None:
        """Units that answered with noise are asked again, slowly: was it a glitch?"""
        for unit in list(self._noisy):
            for registers in range(2, 2 + RETRIES):
                self._check_stop()
                if (await self._ask(link, setting, unit, 4, order.SLOW_S, registers)).heard is not Heard.NOISE:
                    break
            if unit in self.result.units:
                self.result.notes.append(f"unit {unit}: an answer came damaged; noise, or a line without termination?")
            elif unit in self._left_alone:
                del self._noisy[unit]

    async def _insist(self, link: ModbusLink, setting: Setting | None, units: Sequence[int]) -> None:
        """Where somebody is missing the silent are asked once more: a bad line, or a device that comes and goes."""
        expected = self._options.expected
        if expected is None or not expected.missing(self.result.units):
            return
        self._view.say(f"{len(self.result.found)} answered, {expected.count} expected: the silent are asked once more")
        silent = [unit for unit in expected.units or units if self._unheard(unit)]
        await self._sweep(link, setting, silent, order.SLOW_S if len(silent) <= FEW else order.DEVICE_S, 4)

    def _compare(self) -> None:
        """What was found against what is expected."""
        if expected := self._options.expected:
            if missing := expected.missing(self.result.units):
                self.result.findings.append(missing)
            if surplus := expected.surplus(self.result.units):
                self.result.notes.append(surplus)

    def _check_stop(self) -> None:
        if self.stop.is_set():
            raise Stopped

    # --- who they are ---

    async def _identify(self) -> None:
        found = sorted(self.result.found, key=lambda item: item.unit)
        if not found:
            return
        link = self._open(self.result.setting)
        try:
            self._view.begin("who are they?", len(found))
            for item in found:
                self._check_stop()
                self._view.step(item.unit)
                timeout_s = max(0.3, 3 * item.took_s)
                item.identified = await identify(
                    link, item.unit, timeout_s, fc03=self._options.fc03, ending=self.stop, function=item.function,
                    character_s=link.wire.character_s if self._target.is_line else 0.0,
                )  # fmt: skip
            self._check_stop()
        finally:
            await link.close()
