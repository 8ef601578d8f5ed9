"""Listening before the first request of a scan: whether another master is active on the line, and at which setting."""

from __future__ import annotations

import asyncio

from msgspec import Struct

from agent.commissioning.discovery import reasons as codes
from agent.commissioning.discovery import scan_order as order
from agent.commissioning.discovery.scan_result import ScanOptions, ScanProgress, Target
from agent.core.text import _
from drivers.dlt645_frames import address_text
from drivers.reasons import Reason
from drivers.serial_sniffer import FRAMES_SURE, OverheardTraffic, SerialSetting, eavesdrop

STRAY_BYTES = 2  # an adapter produces these when its port is opened
TUNE_S = 1.2  # time at each setting, to find the one of another master


class LineTraffic(Struct, frozen=True):
    """What was received before the first request.

    finding: what an operator does about it.
    setting: line settings of another master; None: its frames were not recognised.
    dlt645: it reads meters of DL/T 645.
    """

    finding: Reason
    setting: SerialSetting | None = None
    dlt645: bool = False


async def listen_first(
    target: Target, options: ScanOptions, progress: ScanProgress, stop: asyncio.Event
) -> LineTraffic | None:
    """The received traffic; None if the line was silent. Sends nothing. Raises LinkClosed."""
    setting = target.setting or order.USUAL[0]
    progress.on_text(
        _("Listening for {seconds:g} s on {port}; nothing is sent …", seconds=options.listen_s, port=target.serial)
    )
    traffic = await asyncio.to_thread(eavesdrop, target.serial, setting, options.listen_s, stop.is_set)
    if len(traffic.data) <= STRAY_BYTES:
        return None
    best = await _at_best_setting(target, traffic, progress, stop)
    if _frames(best) < FRAMES_SURE:
        return LineTraffic(
            codes.SCAN_UNKNOWN_TRAFFIC(port=target.serial, n_bytes=len(traffic.data), seconds=traffic.seconds)
        )
    dlt645 = not best.frames
    units: set[int | str] = {frame[0] for frame in best.frames} or set(map(address_text, best.meters))
    finding = codes.SCAN_OTHER_MASTER(
        port=target.serial, n_bytes=len(traffic.data), seconds=traffic.seconds, line=str(best.setting),
        unit_ids=tuple(sorted(units, key=str)),
    )  # fmt: skip
    return LineTraffic(finding, best.setting, dlt645)


async def _at_best_setting(
    target: Target, traffic: OverheardTraffic, progress: ScanProgress, stop: asyncio.Event
) -> OverheardTraffic:
    """The traffic at the setting with the most valid frames."""
    best = traffic
    for setting in order.USUAL:
        if _frames(best) >= FRAMES_SURE or stop.is_set():
            break
        if setting != traffic.setting:
            progress.on_text(_("Traffic on the line; listening at {line} …", line=str(setting)))
            other = await asyncio.to_thread(eavesdrop, target.serial, setting, TUNE_S, stop.is_set)
            best = max(best, other, key=_frames)
    return best


def _frames(traffic: OverheardTraffic) -> int:
    return max(len(traffic.frames), len(traffic.meters))
