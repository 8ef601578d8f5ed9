"""Listening before the first byte of a scan: whether somebody else is master of the line, and how it speaks."""

from __future__ import annotations

import asyncio

from agent.discover import scan_order as order
from agent.discover.scan_result import Options, Target
from agent.discover.scan_view import View
from drivers.eavesdrop import FRAMES_SURE, Heard, Setting, eavesdrop

STRAY_BYTES = 2  # what an adapter makes of being opened
TUNE_S = 1.2  # on each setting, to find out at which one a foreign master talks


async def overhear(target: Target, options: Options, view: View, stop: asyncio.Event) -> str:
    """What was heard and what to do, empty when the line was silent. Sends nothing. Raises LinkClosed."""
    setting = target.setting or order.USUAL[0]
    view.say(f"listening {options.listen_s:g} s on {target.serial}; nothing is sent meanwhile")
    heard = await _listen(target, setting, options.listen_s, stop)
    if len(heard.data) <= STRAY_BYTES:
        return ""
    said = f"{len(heard.data)} bytes in {heard.seconds:.0f} s ({len(heard.data) / heard.seconds:.0f} bytes/s)"
    best = await _in_tune(target, heard, view, stop)
    if len(best.frames) >= FRAMES_SURE:
        units = sorted({frame[0] for frame in best.frames})
        said += f", Modbus frames at {best.setting} with units {', '.join(map(str, units))}: another master talks"
    else:
        said += ", no Modbus frame at any usual setting: another protocol, or noise"
    return (
        f"{target.serial}: {said}; nothing was sent. Let the other master stop (or take its line off) while you scan; "
        "two masters on one line break control"
    )


async def _listen(target: Target, setting: Setting, seconds: float, stop: asyncio.Event) -> Heard:
    return await asyncio.to_thread(eavesdrop, target.serial, setting, seconds, stop.is_set)


async def _in_tune(target: Target, heard: Heard, view: View, stop: asyncio.Event) -> Heard:
    """The same talk at the setting at which it makes most sense."""
    best = heard
    for setting in order.USUAL:
        if len(best.frames) >= FRAMES_SURE or stop.is_set():
            break
        if setting != heard.setting:
            view.say(f"somebody talks; does it make sense at {setting}?")
            tried = await _listen(target, setting, TUNE_S, stop)
            best = max(best, tried, key=lambda item: len(item.frames))
    return best
