"""Examines a bus that is only listened to: what the other master reads, and what is missing. Sends nothing."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator

from agent.acquisition.scheduler import BusPoller
from agent.commissioning.doctor import reasons as codes
from agent.commissioning.doctor.finding import DoctorFinding, finding, fine, note
from drivers.bus_listener import LEARN_S, BusListener
from drivers.dlt645_frames import address_text
from drivers.listened_device import ListenedDevice
from drivers.serial_port import stable_names

NOT_DECODED_MAX = 0.02  # share of the responses
LISTEN_MAX_S = 60.0


def listening_s(poller: BusPoller) -> float:
    """How long the bus is listened to: several periods of the other master."""
    return min(max(LEARN_S, 3 * poller.bus.poll_interval_s), LISTEN_MAX_S)


async def listening_findings(poller: BusPoller) -> list[DoctorFinding]:
    """Listens, and returns the findings and figures."""
    link = poller.link
    assert isinstance(link, BusListener)
    link.start()
    await asyncio.sleep(listening_s(poller))
    try:
        return list(_findings(poller, link, f"bus.{poller.bus.name}"))
    finally:
        await link.close()


def _findings(poller: BusPoller, link: BusListener, where: str) -> Iterator[DoctorFinding]:
    counts, wire = link.counts, link.wire
    if link.down is not None:
        adapters = tuple(stable_names()) if wire.is_serial else ()
        code = codes.SERIAL_PORT_UNAVAILABLE if adapters else codes.SERIAL_PORT_MISSING
        closed = code(error=link.down, adapters=adapters) if adapters else code(error=link.down)
        yield finding(where, closed if wire.is_serial else codes.TCP_BUS_UNAVAILABLE(error=link.down))
        return
    if not counts.n_bytes:
        yield finding(where, codes.LINE_SILENT(seconds=link.seconds))
        return
    if not counts.frames:
        line = f"{wire.baud} {wire.data_bits}{wire.parity}{wire.stop_bits}"
        yield finding(where, codes.LISTENED_SETTINGS(n_bytes=counts.n_bytes, line=line))
        return
    for polled in poller.devices:
        assert isinstance(polled.device, ListenedDevice)
        yield from _device(poller, link, polled.device, where)
    total = counts.decoded + counts.unpaired + counts.ambiguous
    first = 2 * len({block.request.unit for block in link.blocks()})  # the first ones may belong to earlier requests
    if (n := counts.unpaired + counts.ambiguous) > NOT_DECODED_MAX * total + first:
        yield finding(where, codes.LISTENED_NOT_DECODED(
            share=n / total, n=n, total=total, unpaired=counts.unpaired, ambiguous=counts.ambiguous
        ))  # fmt: skip
    configured = {polled.device.unit for polled in poller.devices}
    if others := sorted({block.request.unit for block in link.blocks()} - configured):
        texts = tuple(address_text(unit) if wire.dlt645 else str(unit) for unit in others)
        yield note(where, codes.OTHER_UNITS_HEARD(unit_ids=texts))
    for (unit, function), n in counts.writes.items():
        yield note(where, codes.MASTER_WRITES(unit_id=unit, function=function, n=n))


def _device(poller: BusPoller, link: BusListener, device: ListenedDevice, where: str) -> Iterator[DoctorFinding]:
    blocks = link.blocks(device.unit)
    if device.take() is None:
        cause = device.silent_reading().error
        yield finding(where, codes.DEVICE_NOT_HEARD(device=device.name, cause=cause or ""))
        return
    period_s = max((block.period_s or link.seconds for block in blocks), default=link.seconds)
    yield fine(where, codes.DEVICE_HEARD(
        device=device.name, unit_id=device.unit, n=sum(block.n for block in blocks), blocks=len(blocks),
        period_s=period_s,
    ))  # fmt: skip
    if period_s > poller.bus.poll_interval_s * 1.5:
        yield finding(where, codes.LISTENED_SLOWER(
            device=device.name, period_s=period_s, interval_s=math.ceil(period_s), bus=poller.bus.name
        ))  # fmt: skip
    if missing := device.missing():
        yield finding(where, codes.DEVICE_NOT_HEARD(device=device.name, cause=missing))
