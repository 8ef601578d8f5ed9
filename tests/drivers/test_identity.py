"""Functions 0x11 and 0x2B / 0x0E: literal frames assembled after the application protocol, 6.13 and 6.21."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.clock import SystemClock
from drivers import error_reasons as codes
from drivers.bus_settings import BusSettings
from drivers.errors import FrameError, ModbusExceptionResponse
from drivers.framing import Request
from drivers.identity import parse_identity, parse_server_id, read_identity, read_server_id
from drivers.modbus_link import ModbusLink
from drivers.profiles import load_profile
from drivers.reading import RegisterLink
from drivers.reasons import Reason
from drivers.response_matcher import ResponseMatcher
from drivers.rtu_framing import rtu_matcher, rtu_request
from drivers.tcp_framing import tcp_request, tcp_scan
from simulators.bus.frames import mbap, rtu
from simulators.bus.line_settings_segment import DeviceStation, LineSettingsSegment
from simulators.bus.memory import MemoryLink
from simulators.bus.tcp import TcpBus
from simulators.devices.device import SimulatedDevice
from simulators.devices.identity import DeviceIdentification

UNIT = 7
ASK_ID, ASK_SERVER = Request(UNIT, 0x2B, 0x0200, 0), Request(UNIT, 0x11, 0, 0)
ACME = bytes.fromhex("2b 0e 02 82 00 00 03  00 04 41434d45  01 03 583230  02 05 56322e3131")  # ACME, X20, V2.11
SERVER = bytes.fromhex("11 05 09 ff 46 43 33")


def test_requests_have_no_address_and_no_count() -> None:
    assert rtu_request(ASK_SERVER) == rtu(UNIT, b"\x11")
    assert rtu_request(ASK_ID) == rtu(UNIT, bytes.fromhex("2b 0e 02 00"))
    assert tcp_request(ASK_ID, 0x0102) == bytes.fromhex("0102 0000 0005 07 2b0e0200")
    assert tcp_request(ASK_SERVER, 3) == bytes.fromhex("0003 0000 0002 07 11")


@pytest.mark.parametrize(("ask", "pdu"), [(ASK_ID, ACME), (ASK_SERVER, SERVER)], ids=["0x2B", "0x11"])
@pytest.mark.parametrize(
    "before", [b"", b"\x07", b"\x07\x2b", b"\x07\x2b\x0e\x02\x82\0\0\x09", b"\x07\x11\xf0", b"\xff" * 5]
)
def test_a_response_after_noise_in_pieces_is_found(ask: Request, pdu: bytes, before: bytes) -> None:
    want = rtu_matcher({ask.shape: ask})
    got = [answer for byte in before + rtu(UNIT, pdu) if (answer := want.feed(bytes((byte,))))]
    assert [answer.data for answer in got] == [pdu[1:]]


@pytest.mark.parametrize(
    "pdu",
    [
        ACME[:2] + b"\x01" + ACME[3:],  # another read code
        b"\x2b\x0d" + ACME[2:],  # another MEI type
        ACME[:-1],  # the last object is truncated; the CRC matches the bytes present
        ACME + b"\0",
        b"\x11" + ACME[1:],
        bytes((0x2B, 0x0E, 2, 0x82, 0, 0, 200)) + b"\0\0" * 123,  # longer than any frame
    ],
)
def test_a_frame_that_does_not_match_is_not_a_response(pdu: bytes) -> None:
    for want, frame in (
        (rtu_matcher({ASK_ID.shape: ASK_ID}), rtu(UNIT, pdu)),
        (ResponseMatcher(tcp_scan, {5: ASK_ID}), mbap(5, UNIT, pdu)),
    ):
        assert want.feed(frame) is None


def test_a_corrupt_response_and_one_of_another_unit_are_rejected() -> None:
    frame = bytearray(rtu(UNIT, ACME))
    frame[12] ^= 1
    want = rtu_matcher({ASK_ID.shape: ASK_ID})
    assert want.feed(bytes(frame)) is None
    assert want.feed(rtu(UNIT + 1, ACME)) is None
    answer = want.feed(rtu(UNIT, b"\xab\x01"))
    assert answer is not None
    assert answer.exception == 1


def test_a_response_with_transaction_id_0_is_matched_by_unit_and_function() -> None:
    want = ResponseMatcher(tcp_scan, {5: ASK_ID})
    assert want.feed(mbap(0, UNIT + 1, ACME)) is None
    answer = want.feed(mbap(0, UNIT, ACME))
    assert answer is not None
    assert answer.data == ACME[1:]


def test_the_objects_are_distinguished() -> None:
    objects, following = parse_identity(ACME[1:])
    assert (objects, following) == ({0: "ACME", 1: "X20", 2: "V2.11"}, None)
    assert parse_server_id(SERVER[1:]) == "FC3"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ("0e 02 82 00", codes.IDENTITY_HEADER()),
        ("0e 02 82 00 00 01 00 05 41", codes.IDENTITY_OBJECT_TRUNCATED()),
        ("0e 02 82 00 00 01 00 01 41 42", codes.IDENTITY_EXTRA_BYTES()),
        ("0e 02 82 00 00 02 01 01 41 00 01 42", codes.IDENTITY_OBJECT_ORDER(object_id=0, last_id=1)),
        ("0e 02 82 ff 00 01 00 01 41", codes.IDENTITY_NEXT_OBJECT(object_id=0, last_id=0)),  # would never end
        ("0e 02 82 07 00 01 00 01 41", codes.IDENTITY_MORE_FOLLOWS(value=7)),
    ],
)
def test_an_invalid_identification_is_an_error(data: str, reason: Reason) -> None:
    with pytest.raises(FrameError) as caught:
        parse_identity(bytes.fromhex(data))
    assert caught.value.reason == reason


def test_a_server_id_with_a_wrong_count_raises() -> None:
    for data in (b"", b"\x01", b"\0", b"\x03\x01\x02"):
        with pytest.raises(FrameError):
            parse_server_id(data)


@given(st.binary(max_size=40))
def test_any_bytes_are_a_response_or_an_error(data: bytes) -> None:
    for parse in (parse_identity, parse_server_id):
        with contextlib.suppress(FrameError):
            parse(data)


LONG = {0: "Vendor", 1: "P" * 200, 2: "R" * 120, 3: "http://", 4: "N" * 150, 5: "M" * 200}
IDENTIFICATION = DeviceIdentification(LONG, b"\x01\xffFC 302")


async def _rtu(scene: Callable[[RegisterLink], Awaitable[None]]) -> None:
    segment = LineSettingsSegment("115200 8N1")
    for unit in (UNIT, 8):
        DeviceStation(segment, _device(unit))
    link = ModbusLink(BusSettings("test", serial_port=segment.port("agent"), baud=115200), SystemClock())
    segment.start()
    try:
        await scene(link)
    finally:
        await link.close()
        segment.stop()


async def _tcp(scene: Callable[[RegisterLink], Awaitable[None]]) -> None:
    bus = TcpBus([_device(UNIT), _device(8)])
    host, port = (await bus.start()).split(":")
    link = ModbusLink(BusSettings("test", host=host, port_number=int(port)), SystemClock())
    try:
        await scene(link)
    finally:
        await link.close()
        await bus.stop()


async def _memory(scene: Callable[[RegisterLink], Awaitable[None]]) -> None:
    await scene(MemoryLink([_device(UNIT), _device(8)], SystemClock()))


def _device(unit: int) -> SimulatedDevice:
    profile, own = load_profile("eastron/sdm630"), IDENTIFICATION if unit == UNIT else None
    return SimulatedDevice(unit, profile, lambda: {"frequency": 50.0}, identification=own)


@pytest.mark.parametrize("line", [_rtu, _tcp, _memory], ids=["rtu", "tcp", "memory"])
def test_a_device_sends_its_names_in_several_responses(line: Callable[..., Awaitable[None]]) -> None:
    async def scene(link: RegisterLink) -> None:
        assert await read_identity(link, UNIT, 1.0) == " ".join(LONG.values())
        assert await read_server_id(link, UNIT, 1.0) == "FC 302"
        for read in (read_identity, read_server_id):
            with pytest.raises(ModbusExceptionResponse) as refused:
                await read(link, 8, 1.0)
            assert refused.value.code == 1
        assert await link.read_block(Request(UNIT, 4, 70, 2), 1.0) == bytes.fromhex("42480000"), "registers as ever"

    asyncio.run(line(scene))
