"""The segment delivers all transmissions with real timing, and its stations behave as real ones."""

from __future__ import annotations

import os
import select
import time
from collections.abc import Iterator

import pytest
from support.basics import wait_until
from support.numbered_slave import NumberedSlave
from support.segment_log import broken_silences
from support.special_slaves import WatchdogDrive

from simulators.bus.frames import ReadBlock, rtu_request
from simulators.bus.plc import Plc
from simulators.bus.segment import Segment


@pytest.fixture
def segment() -> Iterator[Segment]:
    found = Segment(baud=19200)
    yield found
    found.stop()


def received(fd: int, least: int) -> bytes:
    """Receive at least this number of bytes, up to a silence of 50 ms."""
    got = b""
    while select.select([fd], [], [], 60 if len(got) < least else 0.05)[0]:
        got += os.read(fd, 1000)
    return got


def test_each_participant_receives_the_bytes_of_the_others(segment: Segment) -> None:
    ports = [segment.port(name) for name in ("a", "b", "c")]
    segment.start()
    fds = [os.open(port, os.O_RDWR | os.O_NOCTTY) for port in ports]
    try:
        os.write(fds[0], b"0123456789")
        got = [received(fd, least) for fd, least in zip(fds, (0, 10, 10), strict=True)]
    finally:
        for fd in fds:
            os.close(fd)
    assert got == [b"", b"0123456789", b"0123456789"]
    (run,) = segment.log
    assert (run.station, run.data, run.collided) == ("a", b"0123456789", False)
    assert run.end_s - run.start_s == pytest.approx(10 * 10 / 19200)


def test_simultaneous_frames_corrupt_each_other(segment: Segment) -> None:
    ports = [segment.port(name) for name in ("a", "b", "c")]
    fds = [os.open(port, os.O_RDWR | os.O_NOCTTY) for port in ports]
    try:
        os.write(fds[0], b"\x11" * 8)
        os.write(fds[1], b"\x22" * 8)
        segment.start()  # started late, so that both writes are pending regardless of the time between them
        got = received(fds[2], 16)
    finally:
        for fd in fds:
            os.close(fd)
    assert len(got) == 16
    assert set(got) & {0x11, 0x22} == set()
    assert all(run.collided for run in segment.log)
    assert len(broken_silences(segment, "b")) == 1


def test_a_plc_reads_its_slaves_and_detects_another_master(segment: Segment) -> None:
    port = segment.port("intruder")
    NumberedSlave(segment, 5)
    plc = Plc(segment, [ReadBlock(5, 3, 0, 10)], every_s=0.05, timeout_s=1.0)
    segment.start()
    plc.start()
    wait_until(lambda: plc.good >= 5, 3, "the PLC polls")
    assert plc.wrong == plc.lost == 0
    assert not any(run.collided for run in segment.log)
    assert not broken_silences(segment, "slave-5")
    fd = os.open(port, os.O_RDWR | os.O_NOCTTY)
    try:
        for _ in range(20):
            os.write(fd, rtu_request(5, 3, 100, 4))
            time.sleep(0.02)
    finally:
        os.close(fd)
    wait_until(lambda: plc.lost + plc.wrong > 0, 3, "the PLC detects the collisions")
    assert broken_silences(segment, "intruder")
    plc.halt()
    time.sleep(1.5)  # its last request has its response or its timeout of 1 s
    polls = plc.good
    time.sleep(0.2)
    assert plc.good == polls


def test_the_watchdog_is_armed_by_the_first_frame_and_trips_without_one(segment: Segment) -> None:
    drive = WatchdogDrive(segment, 31, watchdog_s=1.0)
    others = [WatchdogDrive(segment, unit, watchdog_s=0.3) for unit in (32, 33, 34)]
    other = NumberedSlave(segment, 5)
    plc = Plc(segment, [ReadBlock(5, 3, 0, 2)], every_s=0.05)
    port = segment.port("master")
    segment.start()
    plc.start()
    wait_until(lambda: len(other.asked) > 10, 3, "the other slave is polled")
    assert not drive.armed
    assert drive.tripped_s is None
    plc.halt()
    time.sleep(0.1)
    fd = os.open(port, os.O_RDWR | os.O_NOCTTY)
    try:
        for _ in range(8):
            os.write(fd, rtu_request(31, 3, 0, 2))
            time.sleep(0.2)
            assert drive.armed
            assert drive.tripped_s is None
        wait_until(lambda: drive.tripped_s is not None, 1, "the watchdog trips without further frames")
        took_s = [tripped_after_s(fd, drive) for drive in others]
    finally:
        os.close(fd)
    assert 0.3 <= min(took_s) < 0.35, "a busy host can delay it, never advance it"


def tripped_after_s(fd: int, drive: WatchdogDrive) -> float:
    """Time from the only received frame."""
    os.write(fd, rtu_request(drive.unit, 3, 0, 2))
    wait_until(lambda: drive.tripped_s is not None, 1, "the watchdog trips without further frames")
    assert drive.tripped_s is not None
    return drive.tripped_s - drive.fed_s


def test_an_unplugged_port_disappears_and_returns(segment: Segment) -> None:
    port = segment.port("agent")
    NumberedSlave(segment, 5)
    segment.start()
    fd = os.open(port, os.O_RDWR | os.O_NOCTTY)
    segment.unplug("agent")
    assert not os.path.exists(port)
    with pytest.raises(OSError, match=r"Input/output"):
        os.write(fd, b"x")
    os.close(fd)
    segment.plug("agent")
    fd = os.open(port, os.O_RDWR | os.O_NOCTTY)
    try:
        os.write(fd, rtu_request(5, 3, 0, 2))
        assert len(received(fd, 9)) == 9
    finally:
        os.close(fd)


def test_a_closed_port_keeps_no_earlier_bytes(segment: Segment) -> None:
    port = segment.port("agent")
    NumberedSlave(segment, 5)
    plc = Plc(segment, [ReadBlock(5, 3, 0, 100)], every_s=0.2, timeout_s=0.15)
    segment.start()
    plc.start()
    wait_until(lambda: plc.good >= 6, 3, "traffic while the port is closed")
    fd = os.open(port, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    try:
        assert len(os.read(fd, 10_000)) < 1024
    finally:
        os.close(fd)
