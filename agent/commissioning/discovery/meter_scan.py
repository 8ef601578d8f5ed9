"""Searches a line for meters of DL/T 645, at a port or a converter."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from agent.commissioning.discovery import meters
from agent.commissioning.discovery import reasons as codes
from agent.commissioning.discovery.match import Identified
from agent.commissioning.discovery.scan_result import FoundDevice
from agent.commissioning.discovery.scan_session import ScanSession
from agent.core.text import _, text_of
from drivers.dlt645_frames import address_text
from drivers.dlt645_link import Dlt645Link
from drivers.errors import FrameError, LinkTimeout
from drivers.reasons import Reason
from drivers.serial_sniffer import SerialSetting


class MeterScan:
    """The part of a scan that uses DL/T 645."""

    def __init__(self, session: ScanSession) -> None:
        self._session = session

    async def scan(self) -> bool:
        """Whether meters respond: a line has one protocol, so that devices with Modbus are not searched then."""
        result, asked, silent = self._session.result, self._session.options.meters, set(self._session.options.meters)
        findings: list[Reason] = []
        for setting in meters.settings_of(self._session.target):
            self._session.check_stop()
            self._session.progress.on_part(_("{line}, DL/T 645", line=str(setting)), max(1, len(asked)))
            self._session.duration.on_meters(setting, len(asked))
            async with self._session.open(setting, dlt645=True) as link:
                found, finding = await meters.find_meters(link, setting, asked)
                result.requests += max(1, len(asked))
                if finding is not None and self._session.options.deep:
                    found, finding = await self._search_meters(link, setting), None
                if finding is not None and not found:
                    self._session.progress.on_text(text_of(finding))  # the search for other devices takes minutes
                findings = [*([] if found else findings), *([finding] if finding else [])]
                silent -= {item.unit for item in found}
                await self._add_meters(link, found)
            if found:
                result.target, result.setting = replace(self._session.target, dlt645=True), setting
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
            self._session.check_stop()
            self._session.result.requests += 1

        return await meters.search_meters(link, setting, self._session.progress, on_query)

    async def _add_meters(self, link: Dlt645Link, found: Sequence[FoundDevice]) -> None:
        for item in found:
            self._session.result.found.append(item)
            self._session.progress.on_found(item)
            if self._session.options.identify:
                self._session.check_stop()
                try:
                    item.identified = await meters.identify_meter(link, item.unit)
                except (LinkTimeout, FrameError):
                    item.identified = Identified(item.unit, notes=[codes.DEVICE_STOPPED_RESPONDING()])
                self._session.result.requests += item.identified.requests
