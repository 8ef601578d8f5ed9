"""Listening next to a PLC, with real transmission times: what is received was sent, and nothing is sent."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
import time
from collections.abc import Iterator

import pytest
from support.basics import wait_until
from support.numbered_slave import NumberedSlave

from agent.core.clock import SystemClock
from drivers.bus_link import bus_link
from drivers.bus_listener import BusListener
from drivers.bus_settings import BusSettings
from drivers.error_reasons import PORT_MISSING
from drivers.errors import LinkClosed, NotReadByMaster
from drivers.framing import Request
from simulators.bus.frames import ReadBlock, answers, rtu, rtu_request
from simulators.bus.plc import Plc
from simulators.bus.segment import Segment

pytestmark = pytest.mark.alone

BLOCKS = tuple(ReadBlock(unit, 3, 16 * unit, 10 + unit) for unit in (1, 2, 3, 4))
EVERY_S = 0.05  # each of four blocks at 5 Hz


class Scene:
    def __init__(self) -> None:
        self.segment = Segment()
        self.port = self.segment.port("agent")
        for block in BLOCKS:
            NumberedSlave(self.segment, block.unit)
        self.plc = Plc(self.segment, BLOCKS, every_s=EVERY_S)
        self.listener = bus_link(BusSettings("line", serial_port=self.port, listen_only=True), SystemClock())
        assert isinstance(self.listener, BusListener)

    def stop(self) -> None:
        asyncio.run(self.listener.close())
        self.segment.stop()


@pytest.fixture
def scene() -> Iterator[Scene]:
    made = Scene()
    made.segment.start()
    made.plc.start()
    yield made
    made.stop()


def test_responses_are_heard_and_nothing_is_sent(scene: Scene) -> None:
    """Next to a PLC at 5 Hz on four devices; the thread needs little of a processor."""
    listener, segment = scene.listener, scene.segment
    assert isinstance(listener, BusListener)
    listener.start()
    thread = next(item for item in threading.enumerate() if item.name == "listen-line")
    clock_id = time.pthread_getcpuclockid(thread.ident)
    time.sleep(3.0)
    used_s = time.clock_gettime(clock_id)
    counts = listener.counts
    assert counts.decoded >= 20
    assert counts.decoded + counts.ambiguous >= 0.95 * scene.plc.good
    assert len(listener.blocks()) == len(BLOCKS)
    for block in listener.blocks():
        words = struct.unpack(f">{block.request.registers}H", block.data)
        assert answers(words, *block.request[:3]) is not None
        assert block.period_s is not None
        assert block.period_s > 0.15
    assert segment.sent_bytes["agent"] == 0
    assert scene.plc.wrong == 0
    assert used_s < 0.03 * 3.0


def test_a_reader_gets_what_is_heard_next(scene: Scene) -> None:
    """A part of a block; registers that the other master does not read are rejected after a time of learning."""
    listener = scene.listener

    async def main() -> None:
        data = await listener.read_block(Request(2, 3, 34, 4), 0.1)
        again = await listener.read_block(Request(2, 3, 32, 12), 0.1)
        assert len(data) == 8
        assert answers(struct.unpack(">12H", again), 2, 3, 32) is not None

    asyncio.run(main())
    assert scene.segment.sent_bytes["agent"] == 0


def test_registers_that_are_not_read_are_rejected(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drivers.bus_listener.LEARN_S", 0.3)
    with pytest.raises(NotReadByMaster):
        asyncio.run(scene.listener.read_block(Request(2, 3, 40, 12), 0.1))


def test_an_unplugged_adapter_is_opened_again(scene: Scene) -> None:
    listener = scene.listener
    assert isinstance(listener, BusListener)
    listener.start()
    wait_until(lambda: listener.counts.decoded > 5, 60.0, "responses")
    scene.segment.unplug("agent")
    wait_until(lambda: listener.down is not None and listener.down.code == PORT_MISSING, 60.0, "the port is missing")
    with pytest.raises(LinkClosed):
        asyncio.run(listener.read_block(Request(2, 3, 32, 12), 0.1))
    scene.segment.plug("agent")
    heard = listener.counts.decoded
    wait_until(lambda: listener.down is None and listener.counts.decoded > heard + 5, 60.0, "responses again")


def test_a_transparent_converter_is_listened_to() -> None:
    """It gets no byte."""
    block = BLOCKS[1]
    request, response = rtu_request(*block), rtu(block.unit, b"\x03\x18" + bytes(range(24)))
    with socket.create_server(("127.0.0.1", 0)) as server:
        wire = BusSettings(
            "c", host="127.0.0.1", port_number=server.getsockname()[1], rtu_framing=True, listen_only=True
        )
        listener = BusListener(wire, SystemClock())
        listener.start()
        peer, _ = server.accept()
        with peer:
            for _ in range(3):  # the response to the first request may belong to an earlier one
                peer.sendall(request)
                time.sleep(0.05)
                peer.sendall(response)
                time.sleep(0.3)
            wait_until(lambda: listener.counts.decoded >= 1, 60.0, "a response")
            peer.setblocking(False)
            with pytest.raises(BlockingIOError):
                peer.recv(1)
    (found,) = listener.blocks()
    assert (found.request, found.data) == (Request(*block), bytes(range(24)))
    asyncio.run(listener.close())
