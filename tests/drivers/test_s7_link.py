"""The link to a PLC: right values, one clear code for each rejection, and never the value of another request."""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from random import Random
from typing import TypeVar

import pytest
from support.s7_plc import DATA, Plc

from drivers import error_reasons as codes
from drivers.bus_settings import BusSettings
from drivers.errors import ConnectFailed, DriverError, FrameError, LinkClosed, LinkTimeout, PlcRejection
from drivers.framing import Request
from drivers.reasons import Code
from drivers.s7_link import S7Link
from drivers.s7_place import unit_of

T = TypeVar("T")
CONTENT = bytes(range(256)) * 4
ALL = Request(unit_of(7, 32), 4, 0, 8)
OTHER = Request(unit_of(7), 4, 0, 2)


def with_plc(scene: Callable[[Plc, S7Link], Awaitable[T]], plc: Plc | None = None, slot: int = 1) -> T:
    async def run() -> T:
        async with plc or Plc({7: CONTENT}) as served:
            link = S7Link(BusSettings("plc", "127.0.0.1", served.port, rack_slot=(0, slot)))
            try:
                return await scene(served, link)
            finally:
                await link.close()

    return asyncio.run(run())


async def error_of(link: S7Link, request: Request = ALL, timeout_s: float = 1.0, tries: int = 1) -> DriverError:
    with pytest.raises(DriverError) as caught:
        await link.read_block(request, timeout_s, tries=tries)
    return caught.value


def test_bytes_come_in_the_order_of_the_block() -> None:
    """From byte 32 on, register 5 is bytes 42 and 43."""

    async def scene(plc: Plc, link: S7Link) -> None:
        assert await link.read_block(Request(unit_of(7, 32), 4, 5, 3), 1.0) == bytes(range(42, 48))
        (asked,) = [frame for frame in plc.sent if frame.function == 4]
        assert asked.items == ((0x84, 7, 42 * 8, 6, 2),)

    with_plc(scene)


def test_a_long_block_takes_several_requests_of_at_most_222_bytes() -> None:
    """A response of 240 bytes: header 12, function and number 2, head of the item 4."""

    async def scene(plc: Plc, link: S7Link) -> None:
        assert await link.read_block(Request(unit_of(7), 4, 0, 250), 1.0) == CONTENT[:500]
        assert [frame.items[0][3] for frame in plc.sent if frame.function == 4] == [222, 222, 56]

    with_plc(scene)


def test_a_plc_that_grants_a_shorter_pdu_gets_shorter_requests() -> None:
    async def scene(plc: Plc, link: S7Link) -> None:
        plc.pdu = 112
        assert await link.read_block(Request(unit_of(7), 4, 0, 100), 1.0) == CONTENT[:200]
        assert [frame.items[0][3] for frame in plc.sent if frame.function == 4] == [94, 94, 12]

    with_plc(scene)


def test_one_connection_is_used_for_all_requests_and_leaves_that_of_the_engineer_free() -> None:
    async def scene(plc: Plc, link: S7Link) -> None:
        for _ in range(20):
            await link.read_block(ALL, 1.0)
        assert [frame.tsap for frame in plc.sent if frame.cotp != DATA] == [0x0301], "kind 3, rack 0, slot 1"
        assert plc.open == 1

    with_plc(scene)


@pytest.mark.parametrize(
    ("item", "header", "code"),
    [(0x0A, 0, "plc_block_missing"), (0x05, 0, "plc_out_of_range"), (0x03, 0, "plc_access_denied"),
     (0xFF, 0x8104, "plc_access_denied"), (0x06, 0, "plc_rejection_other"), (0xFF, 0x8500, "plc_rejection_other")],
)  # fmt: skip
def test_each_rejection_has_a_code_and_keeps_the_connection(item: int, header: int, code: str) -> None:
    async def scene(plc: Plc, link: S7Link) -> None:
        plc.rejection, plc.error = item, header
        error = await error_of(link)
        assert isinstance(error, PlcRejection)
        assert error.reason.code == code
        assert error.reason.data["place"] == "DB7.DBB32"
        assert (error.code == 2) == (code == "plc_out_of_range"), "only an address concerns single values"
        plc.rejection, plc.error = 0xFF, 0
        assert await link.read_block(ALL, 1.0) == CONTENT[32:48]
        assert len([frame for frame in plc.sent if frame.cotp != DATA]) == 1
        assert link.failed == 0

    with_plc(scene)


def test_a_missing_block_and_an_address_behind_its_end_are_named() -> None:
    async def scene(_: Plc, link: S7Link) -> list[Code]:
        asked = (Request(unit_of(8), 4, 0, 2), Request(unit_of(7), 4, 511, 1), Request(unit_of(7), 4, 511, 2))
        return [(await error_of(link, asked[0])).reason.code, (await error_of(link, asked[2])).reason.code]

    assert with_plc(scene) == [codes.PLC_REJECTIONS[0x0A], codes.PLC_REJECTIONS[0x05]]


@pytest.mark.parametrize(("slot", "connections"), [(2, 8), (1, 0)])
def test_a_wrong_slot_and_a_plc_without_a_free_connection_have_one_reason(slot: int, connections: int) -> None:
    async def scene(plc: Plc, link: S7Link) -> None:
        error = await error_of(link)
        assert isinstance(error, ConnectFailed)
        assert error.reason == codes.PLC_CONNECTION_REJECTED(peer=link.wire.where, rack=0, slot=slot)
        before = len(plc.received)
        assert (await error_of(link)).reason == error.reason
        assert len(plc.received) == before, "the next attempt comes after a delay"

    with_plc(scene, Plc({}, connections=connections), slot)


@pytest.mark.parametrize("rack_slot", [(0, 1), (0, 3), (2, 5), (7, 31)])
def test_rack_and_slot_are_in_the_called_address(rack_slot: tuple[int, int]) -> None:
    """Kind of connection in the first byte; in the second the rack in its three highest bits, then the slot."""

    async def scene() -> int:
        async with Plc({7: CONTENT}, tsap=0x0300 + 32 * rack_slot[0] + rack_slot[1]) as plc:
            link = S7Link(BusSettings("plc", "127.0.0.1", plc.port, rack_slot=rack_slot))
            data = await link.read_block(ALL, 1.0)
            await link.close()
        return len(data)

    assert asyncio.run(scene()) == 16


def test_nothing_on_the_port_and_a_server_of_another_kind() -> None:
    async def scene() -> tuple[DriverError, DriverError]:
        with socket.create_server(("127.0.0.1", 0)) as closed:
            port = closed.getsockname()[1]
        nothing = await error_of(S7Link(BusSettings("plc", "127.0.0.1", port, rack_slot=(0, 1))))
        web = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
        link = S7Link(BusSettings("plc", "127.0.0.1", web.sockets[0].getsockname()[1], rack_slot=(0, 1)))
        other = await error_of(link)
        web.close()
        return nothing, other

    nothing, other = asyncio.run(scene())
    assert nothing.reason.code == codes.CONNECTION_REFUSED
    assert other.reason.code == codes.PLC_CONNECTION_REJECTED


def test_a_late_response_is_never_that_to_the_next_request() -> None:
    """After a time-out the connection is closed, and with it what may still arrive."""

    async def scene(plc: Plc, link: S7Link) -> None:
        await link.read_block(ALL, 1.0)
        plc.silent = True
        began_s = time.monotonic()
        error = await error_of(link, timeout_s=0.05, tries=3)
        assert isinstance(error, LinkTimeout)
        assert error.reason == codes.PLC_NO_RESPONSE(place="DB7.DBB32", timeout_s=0.05)
        assert time.monotonic() - began_s < 1.0, "not repeated: TCP repeats what is lost"
        plc.silent = False
        assert await link.read_block(Request(unit_of(7), 4, 0, 2), 1.0) == CONTENT[:4]
        assert len([frame for frame in plc.sent if frame.cotp != DATA]) == 2

    with_plc(scene)


def test_a_response_with_another_reference_is_discarded() -> None:
    async def scene(plc: Plc, link: S7Link) -> None:
        plc.changed = lambda frame: frame[:11] + struct.pack(">H", 0x4242) + frame[13:]
        assert isinstance(await error_of(link), FrameError)
        assert link.damaged == 1
        plc.changed = lambda frame: frame
        assert await link.read_block(ALL, 1.0, tries=2) == CONTENT[32:48]

    with_plc(scene)


def test_a_plc_that_restarts_is_read_again() -> None:
    async def scene(plc: Plc, link: S7Link) -> None:
        await link.read_block(ALL, 1.0)
        await plc.stop()
        assert isinstance(await error_of(link), LinkClosed)
        assert isinstance(await error_of(link), ConnectFailed)
        await plc.start()
        async with asyncio.timeout(5):
            while True:
                try:
                    assert await link.read_block(ALL, 1.0) == CONTENT[32:48]
                    break
                except ConnectFailed:
                    await asyncio.sleep(0.05)

    with_plc(scene)


def test_closing_ends_an_exchange_at_once() -> None:
    async def scene(plc: Plc, link: S7Link) -> float:
        await link.read_block(ALL, 1.0)
        plc.silent = True
        waiting = asyncio.ensure_future(error_of(link, timeout_s=30.0))
        await asyncio.sleep(0.05)
        began_s = time.monotonic()
        await link.close()
        assert isinstance(await waiting, LinkClosed)
        return time.monotonic() - began_s

    assert with_plc(scene) < 5


def test_no_damaged_response_becomes_a_value() -> None:
    """Each byte before the values is changed in turn, and the response is cut anywhere: never a wrong value, and never
    another error than those of the package. A changed value itself cannot be detected: TCP has the checksum."""

    async def scene(plc: Plc, link: S7Link) -> None:
        chance = Random(1)
        head = 4 + 3 + 12 + 2 + 4
        cases = [(at, chance.randrange(1, 256), 0) for at in range(head) for _ in range(2)]
        cases += [(0, 0, cut) for cut in range(1, 41, 4)]
        for at, bits, cut in cases:

            def changed(frame: bytes, at: int = at, bits: int = bits, cut: int = cut) -> bytes:
                frame = frame[:at] + bytes((frame[at] ^ bits,)) + frame[at + 1 :]
                return frame[: len(frame) - cut]

            plc.changed = changed
            link.announce([OTHER])
            with suppress(DriverError):
                assert await link.read_block(ALL, 0.03) == CONTENT[32:48], (at, bits, cut)
            plc.changed = lambda frame: frame
            assert await link.read_block(OTHER, 1.0) == CONTENT[:4], "the second item of the same response"

    with_plc(scene)
