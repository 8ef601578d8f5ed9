"""Asks units of a Modbus bus for one register each, and notes which respond."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from agent.commissioning.discovery import reasons as codes
from agent.commissioning.discovery import scan_order as order
from agent.commissioning.discovery.probe import ProbeResult, Reply, probe
from agent.commissioning.discovery.scan_result import QUIET_TCP_S, FoundDevice
from agent.commissioning.discovery.scan_session import ScanSession
from agent.core.text import _
from drivers.serial_sniffer import SerialSetting

GATEWAY_S = 3.0  # a gateway waits for its own timeout before it reports that a unit does not respond
SLOW_UNITS = 8  # number of the last queried units that are queried again after a late response
FEW = 40  # up to this number of units, the second query has a long timeout
RETRIES = 3  # requests to a unit from which invalid bytes were received


class UnitSweep:
    """noisy: units from which only invalid bytes were received, with the line settings."""

    def __init__(self, session: ScanSession) -> None:
        self.noisy: dict[int, SerialSetting | None] = {}
        self._session = session
        self._excluded: set[int] = set()  # units with a private protocol

    def silent(self, units: Iterable[int]) -> list[int]:
        """The units from which nothing was received yet."""
        return [unit for unit in units if unit not in self._session.result.units | self._excluded | self.noisy.keys()]

    async def sweep(
        self, units: Sequence[int], device_s: float, function: int = 4, until_found: bool = False
    ) -> bool:  # fmt: skip
        """Queries each unit once. Returns whether one responded."""
        found, silent, without_response = False, [], 0
        line = str(self._session.setting or self._session.target)
        part = _("{line}, function {function:02d}", line=line, function=function)
        self._session.progress.on_part(part, len(units))
        for unit in units:
            self._session.check_stop()
            self._session.progress.on_unit(unit)
            self._session.duration.on_unit(self._session.link.wire, device_s)
            if unit in self._session.result.units or unit in self._excluded:
                continue
            if not self._session.target.is_line and without_response >= 3:
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
                if not self._session.target.is_line:
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
        device_s = self._session.target.waited_s(device_s)
        timeout_s = order.timeout_s(self._session.setting, device_s) if self._session.setting else device_s
        reply = await probe(self._session.link, unit, function, timeout_s, registers)
        if confirm and reply.outcome is ProbeResult.HERE:
            reply = await probe(self._session.link, unit, function, timeout_s + order.SLOW_S, registers + 1)
        self._session.result.requests += 1
        if reply.echo and codes.SCAN_ECHO() not in self._session.result.notes:
            self._session.result.notes.append(codes.SCAN_ECHO())
        if reply.outcome is ProbeResult.HERE:
            self.noisy.pop(unit, None)
            found = FoundDevice(unit, self._session.setting, function, reply.exception, reply.response_s)
            self._session.result.found.append(found)
            self._session.progress.on_found(found)
            self._session.duration.on_found(self._session.link.wire, found)
        elif reply.outcome is ProbeResult.NOISE:
            self.noisy.setdefault(unit, self._session.setting)
        elif reply.outcome is ProbeResult.FOREIGN:
            self._excluded.add(unit)
            self._session.result.findings.append(
                codes.SCAN_PRIVATE_PROTOCOL(unit_id=unit, data=reply.raw[:12].hex(" "))
            )
        return reply

    async def query_noisy(self) -> None:
        """Queries the units from which invalid bytes were received again, with a long timeout."""
        for unit in list(self.noisy):
            for registers in range(2, 2 + RETRIES):
                self._session.check_stop()
                if (await self._query(unit, 4, order.SLOW_S, registers)).outcome is not ProbeResult.NOISE:
                    break
            if unit in self._session.result.units:
                self._session.result.notes.append(codes.SCAN_CORRUPT_RESPONSE(unit_id=unit))
            elif unit in self._excluded:
                del self.noisy[unit]

    async def query_missing(self, units: Sequence[int]) -> None:
        """Queries the units without response once more if devices are missing."""
        expected = self._session.options.expected
        if expected is None or not expected.missing(self._session.result.units):
            return
        self._session.progress.on_text(_(
            "{n:d} of {expected:d} devices responded; querying the others again …",
            n=len(self._session.result.found), expected=expected.count,
        ))  # fmt: skip
        silent = self.silent(expected.units or units)
        await self.sweep(silent, order.SLOW_S if len(silent) <= FEW else order.DEVICE_S)
