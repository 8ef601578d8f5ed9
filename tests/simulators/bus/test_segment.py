"""The segment hears everything, takes a wire's time, and its stations do what their real ones do."""

from __future__ import annotations

import os
import select
import time
from collections.abc import Iterator

import pytest
from testkit import wait_until

from simulators.bus.frames import rtu_request
from simulators.bus.judge import Block
from simulators.bus.plc import Plc
from simulators.bus.segment import Segment, SegmentSlave
from simulators.bus.watchdog import WatchdogDrive


@pytest.fixture
def segment() -> Iterator[Segment]:
    found = Segment(baud=19200)
    yield found
    found.stop()


def heard(fd: int, seconds: float) -> bytes:
    got, until_s = b"", time.monotonic() + seconds
    while (rest_s := until_s - time.monotonic()) > 0:
        if select.select([fd], [], [], rest_s)[0]:
            got += os.read(fd, 1000)
    return got


def test_all_others_hear_what_one_says(segment: Segment) -> None:
    ports = [segment.port(name) for name in ("a", "b", "c")]
    segment.start()
    fds = [os.open(port, os.O_RDWR | os.O_NOCTTY) for port in ports]
    try:
        os.write(fds[0], b"0123456789")
        got = [heard(fd, 0.05) for fd in fds]
    finally:
        for fd in fds:
            os.close(fd)
    assert got == [b"", b"0123456789", b"0123456789"]
    (spoken,) = segment.log
    assert (spoken.who, spoken.data, spoken.collided) == ("a", b"0123456789", False)
    assert spoken.end_s - spoken.start_s == pytest.approx(10 * 10 / 19200)


def test_two_at_once_spoil_both(segment: Segment) -> None:
    ports = [segment.port(name) for name in ("a", "b", "c")]
    segment.start()
    fds = [os.open(port, os.O_RDWR | os.O_NOCTTY) for port in ports]
    try:
        os.write(fds[0], b"\x11" * 8)
        os.write(fds[1], b"\x22" * 8)
        got = heard(fds[2], 0.05)
    finally:
        for fd in fds:
            os.close(fd)
    assert len(got) == 16
    assert set(got) & {0x11, 0x22} == set()
    assert all(spoken.collided for spoken in segment.log)
    assert len(segment.broken_silences("b")) == 1


def test_a_plc_reads_its_slaves_and_notices_an_intruder(segment: Segment) -> None:
    port = segment.port("intruder")
    SegmentSlave(segment, 5)
    plc = Plc(segment, [Block(5, 3, 0, 10)], every_s=0.05)
    segment.start()
    plc.start()
    wait_until(lambda: plc.good >= 5, 3, "the PLC polls")
    assert plc.wrong == plc.lost == 0
    assert not any(spoken.collided for spoken in segment.log)
    assert not segment.broken_silences("slave-5")
    fd = os.open(port, os.O_RDWR | os.O_NOCTTY)
    try:
        for _ in range(20):
            os.write(fd, rtu_request(5, 3, 100, 4))
            time.sleep(0.02)
    finally:
        os.close(fd)
    assert plc.lost + plc.wrong > 0
    assert segment.broken_silences("intruder")
    plc.halt()
    time.sleep(0.1)
    polls = plc.good
    time.sleep(0.2)
    assert plc.good == polls


def test_the_watchdog_is_armed_by_the_first_frame_and_trips_without_one(segment: Segment) -> None:
    drive = WatchdogDrive(segment, 31, watchdog_s=0.3)
    other = SegmentSlave(segment, 5)
    plc = Plc(segment, [Block(5, 3, 0, 2)], every_s=0.05)
    port = segment.port("master")
    segment.start()
    plc.start()
    wait_until(lambda: len(other.asked) > 10, 3, "the neighbour is polled")
    assert not drive.armed
    assert drive.tripped_s is None
    plc.halt()
    time.sleep(0.1)
    fd = os.open(port, os.O_RDWR | os.O_NOCTTY)
    try:
        for _ in range(4):
            os.write(fd, rtu_request(31, 3, 0, 2))
            time.sleep(0.2)
            assert drive.armed
            assert drive.tripped_s is None
    finally:
        os.close(fd)
    wait_until(lambda: drive.tripped_s is not None, 1, "nobody feeds it any more")
    assert drive.tripped_s is not None
    assert drive.tripped_s - drive.fed_s == pytest.approx(0.3, abs=0.05)


def test_an_unplugged_port_is_gone_and_comes_back(segment: Segment) -> None:
    port = segment.port("agent")
    SegmentSlave(segment, 5)
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
        assert len(heard(fd, 0.1)) == 9
    finally:
        os.close(fd)


def test_a_closed_port_keeps_no_old_talk(segment: Segment) -> None:
    port = segment.port("agent")
    SegmentSlave(segment, 5)
    plc = Plc(segment, [Block(5, 3, 0, 100)], every_s=0.2, timeout_s=0.15)
    segment.start()
    plc.start()
    wait_until(lambda: plc.good >= 6, 3, "much is said while nobody listens")
    fd = os.open(port, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    try:
        assert len(os.read(fd, 10_000)) < 1024
    finally:
        os.close(fd)
