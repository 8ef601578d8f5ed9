"""The serial segment: no response to unknown units, tolerance of noise, intact responses."""

from __future__ import annotations

import os
import select
import struct
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from drivers.profiles import load_profile
from simulators.bus.frames import crc16
from simulators.bus.frames import rtu_request as request
from simulators.bus.line_settings_segment import DeviceStation
from simulators.bus.pty import Pty
from simulators.bus.segment import Segment
from simulators.bus.stream import PtyOutlet
from simulators.devices.device import SimulatedDevice


@pytest.fixture
def station() -> Iterator[tuple[int, DeviceStation]]:
    """A drive on a segment, and the file descriptor of a master's port."""
    device = SimulatedDevice(
        31, load_profile("yaskawa/ga800"), lambda: {"output_frequency": 81.2, "motor_current": 57.5}, rating_kw=55.0
    )
    segment = Segment()
    station = DeviceStation(segment, device)
    fd = os.open(segment.port("master"), os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    segment.start()
    try:
        yield fd, station
    finally:
        os.close(fd)
        segment.stop()


def listen(fd: int, seconds: float = 2.0, size: int = 1) -> bytes:
    """Return the received bytes as soon as `size` have arrived, at the latest after `seconds`."""
    got, end_s = b"", time.monotonic() + seconds
    while len(got) < size and (left_s := end_s - time.monotonic()) > 0:
        if select.select([fd], [], [], left_s)[0]:
            got += os.read(fd, 4096)
    return got


def test_the_crc_is_that_of_the_example_in_the_standard() -> None:
    """Modbus over Serial Line 1.02: the check value of "123456789" in CRC-16/MODBUS is 0x4B37."""
    assert crc16(b"123456789") == 0x4B37


def test_a_response_has_the_bytes_of_the_standard(station: tuple[int, DeviceStation]) -> None:
    fd, _ = station
    os.write(fd, request(31, 3, 0x41, 2))
    got = listen(fd, size=9)
    assert got[:3] == bytes([31, 3, 4])
    assert struct.unpack(">HH", got[3:7]) == (8120, 575)
    assert crc16(got[:-2]) == int.from_bytes(got[-2:], "little")


def test_no_response_to_unknown_units_and_corrupt_frames(station: tuple[int, DeviceStation]) -> None:
    fd, drive = station
    broken = bytearray(request(31, 3, 0x41, 2))
    broken[3] ^= 1
    frames = (request(7, 3, 0, 1), bytes(broken), request(31, 3, 0x41, 2)[:5], b"\xff\x00garbage", b"\x00")
    for damaged, frame in enumerate(frames):
        os.write(fd, frame)
        assert listen(fd, 0.05) == b""
        ending_s = time.monotonic() + 10
        while drive.framing.damaged < damaged and time.monotonic() < ending_s:
            time.sleep(0.01)  # a busy machine notices the silence after the frame late
        assert drive.framing.damaged == damaged
    os.write(fd, request(31, 3, 0x41, 1))
    assert len(listen(fd, size=7)) == 7  # it still responds afterwards


def test_rejected_requests_are_modbus_exceptions(station: tuple[int, DeviceStation]) -> None:
    fd, _ = station
    for frame, code in (
        (request(31, 3, 0x1000, 1), 2),
        (request(31, 3, 0x20, 17), 3),
        (request(31, 6, 0x01, 1), 1),
        (request(31, 4, 0x20, 1), 2),
    ):
        os.write(fd, frame)
        assert listen(fd, size=5)[1:3] == bytes([frame[1] | 0x80, code]), frame


def test_a_port_states_whether_a_client_is_connected() -> None:
    port = Pty(hold=False)
    try:
        assert not port.is_opened()
        fd = os.open(port.path, os.O_RDWR | os.O_NOCTTY)
        assert port.is_opened()
        os.close(fd)
        assert not port.is_opened()
    finally:
        port.close()


def test_a_closed_port_leaves_its_number_to_others(tmp_path: Path) -> None:
    """A late write must not go to a file that reuses the descriptor."""
    port = Pty(hold=True)
    number = port.fd
    port.close()
    fd = os.open(tmp_path / "other", os.O_RDWR | os.O_CREAT)
    if fd != number:
        os.dup2(fd, number)
        os.close(fd)
        fd = number
    try:
        os.write(fd, b"kept")
        os.lseek(fd, 0, os.SEEK_SET)
        assert port.write(b"late") == 0
        assert port.read() == b""
        assert not port.is_opened()
        port.close()
        assert os.read(fd, 9) == b"kept"
    finally:
        os.close(fd)


@pytest.mark.parametrize("opened", [False, True])
def test_an_unread_stream_is_dropped_without_waiting(opened: bool) -> None:
    outlet = PtyOutlet()
    fd = os.open(outlet.path, os.O_RDWR | os.O_NOCTTY) if opened else -1
    try:
        began = time.monotonic()
        for _ in range(400):
            outlet.send([b"x" * 1000 + b"\0"])
        assert time.monotonic() - began < 2
        assert (outlet.dropped > 250) == opened  # the kernel buffers some tens of kB for an open port
    finally:
        if opened:
            os.close(fd)
        outlet.close()


def test_a_new_client_gets_no_stale_data() -> None:
    outlet = PtyOutlet()
    try:
        for _ in range(3):
            outlet.send([b"old\0"] * 100)
            fd = os.open(outlet.path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
            with pytest.raises(BlockingIOError):
                os.read(fd, 4096)
            outlet.send([b"new\0"])
            assert os.read(fd, 4096) == b"new\0"
            os.close(fd)
    finally:
        outlet.close()


def test_a_dropped_frame_leaves_the_others_intact() -> None:
    outlet = PtyOutlet()
    fd = os.open(outlet.path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    frame, got = bytes(range(1, 251)) + b"\0", b""
    try:
        for k in range(2000):
            outlet.send([frame])
            if k % 700 == 699:
                while True:
                    try:
                        got += os.read(fd, 65536)
                    except BlockingIOError:
                        break
        pieces = got.split(b"\0")[:-1]
        assert outlet.dropped > 0
        assert len(pieces) > 100
        assert set(pieces) == {frame[:-1]}
    finally:
        os.close(fd)
        outlet.close()
