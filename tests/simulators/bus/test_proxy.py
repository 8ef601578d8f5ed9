"""The proxies in front of a server and a serial line: each fault has its named effect, only reads pass."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import select
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from random import Random

import pytest
from click.testing import CliRunner
from support import fault_matrix as of
from support.answer_check import Score, block_of
from support.basics import wait_until
from support.bus_servers import read_registers
from support.scripted_slave import ModbusTcp, RtuPty

from agent.cli import main
from agent.core.clock import SystemClock
from agent.simulation.fault_proxy import run_proxy
from agent.simulation.reasons import PROXY_TARGET_INVALID
from drivers.errors import DriverError
from drivers.file_reasons import DID_YOU_MEAN
from drivers.modbus_link import BusSettings, ModbusLink
from drivers.reasons import InvalidValue
from simulators.bus.fault_injection import SECONDS, SWITCHES, FaultInjection, faults_of, injected
from simulators.bus.frames import crc_valid, mbap, rtu, rtu_request
from simulators.bus.frames import rtu as rtu_frame
from simulators.bus.proxy import FaultProxy, SerialProxy
from simulators.bus.reactor import Reactor
from simulators.bus.sockets import SocketListener
from simulators.reasons import FAULT_NAME_UNKNOWN, FAULT_VALUE

ASKED = mbap(7, 11, struct.pack(">BHH", 3, 100, 4))
ANSWER = mbap(7, 11, bytes((3, 8, *range(8))))
RTU_ASKED, RTU_ANSWER = rtu_request(11, 3, 100, 4), rtu(11, bytes((3, 8, *range(8))))


def with_fault(name: str, answer: bytes = ANSWER, seed: int = 3) -> list[tuple[bytes, float]]:
    asked = RTU_ASKED if crc_valid(answer) else ASKED
    return [(step.data, step.after_s) for step in injected(answer, asked, FaultInjection(**{name: 1.0}), Random(seed))]


@pytest.mark.parametrize("answer", [ANSWER, RTU_ANSWER], ids=["tcp", "rtu"])
@pytest.mark.parametrize("seed", range(5))
def test_each_fault_has_the_effect_of_its_name(answer: bytes, seed: int) -> None:
    def one(name: str) -> bytes:
        ((data, after_s),) = with_fault(name, answer, seed)
        assert after_s == 0
        return data

    serial = answer == RTU_ANSWER
    assert with_fault("drop", answer, seed) == []
    assert one("duplicate") == 2 * answer
    assert with_fault("late", answer, seed) == [(answer, 1.5)]
    flipped = one("flip")
    assert sum((a ^ b).bit_count() for a, b in zip(flipped, answer, strict=True)) == 1
    assert not crc_valid(flipped)
    assert 0 < len(one("truncate")) < len(answer)
    assert answer.startswith(one("truncate"))
    for name, where in (("garbage_before", bytes.endswith), ("garbage_after", bytes.startswith)):
        assert where(one(name), answer)
        assert 1 <= len(one(name)) - len(answer) <= of.STRAY_MAX
    other = one("wrong_unit")
    assert crc_valid(other) is serial
    at = 0 if serial else 6
    assert other[at] != answer[at]
    assert other[at + 1 : at + 11] == answer[at + 1 : at + 11]
    assert (one("wrong_id") == answer) is serial, "RTU has none"
    assert one("wrong_id")[2:] == answer[2:]
    assert one("collision") == bytes(a | b for a, b in zip(answer, other, strict=True))
    (first, _), (rest, pause_s) = with_fault("split", answer, seed)
    assert first + rest == answer
    assert pause_s > 0
    assert with_fault("echo", answer, seed) == [(RTU_ASKED if serial else ASKED, 0.0), (answer, 0.0)]
    assert with_fault("latency_s", answer, seed) == [(answer, 1.0)]


def test_fault_rates_are_kept_and_a_seed_is_reproducible() -> None:
    """1000 responses at 0.2: within four standard deviations, 4·√(1000·0.2·0.8) = 51."""
    faults = FaultInjection(drop=0.2)

    def lost(seed: int) -> list[bool]:
        chance = Random(seed)
        return [not injected(ANSWER, ASKED, faults, chance) for _ in range(1000)]

    assert abs(sum(lost(1)) - 200) < 51
    assert lost(1) == lost(1) != lost(2)


def test_faults_from_texts() -> None:
    assert {*SECONDS, *SWITCHES} < {item.name for item in fields(FaultInjection)}
    assert faults_of(["flip=0.25", "garbage-before=1", "only_one"]) == FaultInjection(
        flip=0.25, garbage_before=1.0, only_one=True
    )
    for text, reason in (
        ("flip=2", FAULT_VALUE(text="flip=2", fault="flip", high=1.0)),
        ("late=often", FAULT_VALUE(text="late=often", fault="late", high=1.0)),
        ("drop", FAULT_VALUE(text="drop", fault="drop", high=1.0)),
        ("late_s=3601", FAULT_VALUE(text="late_s=3601", fault="late_s", high=3600.0)),
    ):
        with pytest.raises(InvalidValue) as caught:
            faults_of([text])
        assert caught.value.reason == reason
    with pytest.raises(InvalidValue) as caught:
        faults_of(["xyz=1"])
    assert caught.value.reason.code == FAULT_NAME_UNKNOWN
    with pytest.raises(InvalidValue) as caught:
        faults_of(["flop=1"])
    assert (caught.value.reason.code, caught.value.reason.data["near"]) == (DID_YOU_MEAN, "flip")


@pytest.fixture
def proxy() -> Iterator[FaultProxy]:
    server = ModbusTcp(of.clean)
    server.start()
    found = FaultProxy(server.host, server.port_number)
    found.start()
    yield found
    found.stop()
    server.stop()


def received(sock: socket.socket, least: int) -> bytes:
    """Receive at least this number of bytes, up to a silence of 0.2 s."""
    got = b""
    sock.settimeout(60 if least else 0.2)
    with contextlib.suppress(TimeoutError, ConnectionError):
        while data := sock.recv(100):
            got += data
            sock.settimeout(60 if len(got) < least else 0.2)
    return got


def through(proxy: FaultProxy, least: int) -> bytes:
    """Send one request on a new connection and return the received bytes."""
    with socket.create_connection((proxy.host, proxy.port_number)) as sock:
        sock.sendall(ASKED)
        return received(sock, least)


def first_s(proxy: FaultProxy) -> float:
    """Return the time from a request to the first received byte."""
    with socket.create_connection((proxy.host, proxy.port_number), timeout=60) as sock:
        started_s = time.monotonic()
        sock.sendall(ASKED)
        assert sock.recv(1)
        return time.monotonic() - started_s


def test_a_proxy_without_faults_is_a_relay(proxy: FaultProxy) -> None:
    assert through(proxy, 17)[:9] == bytes((0, 7, 0, 0, 0, 11, 11, 3, 8))


@contextlib.contextmanager
def recorded(rtu: bool) -> Iterator[tuple[FaultProxy, list[bytes]]]:
    """A proxy in front of a server that never responds, and the bytes that pass."""
    came: list[bytes] = []
    server = Reactor("server")
    listener = SocketListener(server, lambda data, _: came.append(data))
    server.start()
    proxy = FaultProxy("127.0.0.1", listener.port_number, rtu=rtu)
    proxy.start()
    try:
        yield proxy, came
    finally:
        proxy.stop()
        server.stop()
        listener.close()


WRITE = struct.pack(">BHH", 6, 100, 1)
SEVERAL = struct.pack(">BHHBHH", 16, 100, 2, 4, 1, 2)  # a serial line transmits no length: the bytes after it are lost
CANOPEN = bytes((0x2B, 0x0D, 0, 0))  # function 0x2B can do more than read the device identification
PLATE = bytes((0x2B, 0x0E, 1, 0))


@pytest.mark.parametrize("rtu", [False, True], ids=["tcp", "rtu"])
def test_no_write_passes_after_a_read_or_in_pieces(rtu: bool) -> None:
    def frame(pdu: bytes) -> bytes:
        return rtu_frame(11, pdu) if rtu else mbap(7, 11, pdu)

    read, plate = frame(struct.pack(">BHH", 3, 100, 4)), frame(PLATE)
    for pieces, passes, blocked in (
        ([read + frame(WRITE) + read], [read, read], 1),
        ([read + read], [read, read], 0),
        ([read[:5], read[5:]], [read], 0),
        ([frame(WRITE)[:5], frame(WRITE)[5:]], [], 1),
        ([read + frame(SEVERAL) + read], [read] if rtu else [read, read], 1),
        ([plate + frame(CANOPEN)], [plate], 1),
    ):
        with recorded(rtu) as (proxy, came), socket.create_connection((proxy.host, proxy.port_number)) as sock:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for piece in pieces:
                sock.sendall(piece)
                time.sleep(0.05)
            wait_until(lambda passes=passes, blocked=blocked: len(b"".join(came)) >= len(b"".join(passes))  # type: ignore[misc]
                       and proxy.blocked >= blocked, 5, "all requests are processed")  # fmt: skip
            assert b"".join(came) == b"".join(passes), pieces
            assert proxy.blocked == blocked


def test_invalid_modbus_ends_the_connection() -> None:
    with recorded(rtu=False) as (proxy, came), socket.create_connection((proxy.host, proxy.port_number)) as sock:
        sock.settimeout(60)
        sock.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert sock.recv(10) == b""
        assert came == []


def test_the_proxy_delays_drops_and_doubles(proxy: FaultProxy) -> None:
    proxy.faults.latency_s = 0.1
    assert len(through(proxy, 17)) == 17
    late_s = [first_s(proxy) for _ in range(5)]
    assert 0.1 <= min(late_s) < 0.3, "a busy host can delay responses, never advance them"
    proxy.faults.latency_s = 0.0
    proxy.faults.duplicate = 1.0
    assert len(through(proxy, 34)) == 34
    proxy.faults.duplicate, proxy.faults.drop = 0.0, 1.0
    assert through(proxy, 0) == b""
    proxy.faults.drop, proxy.faults.half_open = 0.0, True
    assert through(proxy, 0) == b""


def test_the_proxy_allows_one_connection_if_configured(proxy: FaultProxy) -> None:
    proxy.faults.only_one = True
    with socket.create_connection((proxy.host, proxy.port_number)) as first:
        assert through(proxy, 0) == b""
        first.sendall(ASKED)
        first.settimeout(60)
        assert first.recv(100)[:2] == b"\x00\x07"
    assert proxy.refused == 1


@pytest.fixture
def serial_proxy() -> Iterator[tuple[SerialProxy, RtuPty]]:
    line = RtuPty(of.clean)
    line.start()
    found = SerialProxy(line.serial_port, "19200 8N1")
    found.start()
    yield found, line
    found.stop()
    line.stop()


@pytest.mark.alone  # a pause of a busy machine within a response divides it into two
def test_a_proxy_in_front_of_a_serial_line(serial_proxy: tuple[SerialProxy, RtuPty]) -> None:
    proxy, line = serial_proxy
    port = os.open(proxy.path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)

    def exchange(request: bytes, least: int) -> bytes:
        """Send a request and receive at least this number of bytes, up to a silence of 0.2 s."""
        os.write(port, request)
        got = b""
        while select.select([port], [], [], 60 if len(got) < least else 0.2)[0]:
            got += os.read(port, 512)
        return got

    try:
        assert exchange(rtu_request(11, 3, 100, 4), 13) == line.asked[0].frame()
        proxy.faults.flip = 1.0
        assert not crc_valid(exchange(rtu_request(11, 3, 100, 4), 13))
        proxy.faults.flip, proxy.faults.echo = 0.0, 1.0
        assert exchange(rtu_request(11, 3, 100, 4), 21).startswith(rtu_request(11, 3, 100, 4))
        proxy.faults.echo = 0.0
        before = len(line.asked)
        assert exchange(rtu(11, struct.pack(">BHH", 6, 100, 1)), 0) == b""
        wait_until(lambda: proxy.blocked > 0, 5, "the request is processed")
        assert (proxy.blocked, len(line.asked)) == (1, before)
        assert (proxy.passed, proxy.altered) == (1, 2)
    finally:
        os.close(port)


@pytest.mark.parametrize("serial", [False, True], ids=["tcp", "rtu"])
def test_a_master_behind_a_proxy_gets_no_wrong_value(serial: bool) -> None:
    """All faults together: each value belongs to its own request, and some values arrive."""
    chances = [item.name for item in fields(FaultInjection) if item.name not in (*SECONDS, *SWITCHES)]
    faults = FaultInjection(**dict.fromkeys(chances, 0.04), late_s=0.15)
    server = RtuPty(of.clean, baud=115200) if serial else ModbusTcp(of.clean)
    server.start()
    proxy = SerialProxy(server.serial_port, "115200 8N1", Random(5), faults) if serial else FaultProxy(
        "127.0.0.1", server.port_number, Random(5), faults
    )  # fmt: skip
    proxy.start()
    score = Score()

    async def master() -> None:
        wire = (
            BusSettings("line", serial_port=proxy.path, baud=115200, rtu_framing=True)
            if isinstance(proxy, SerialProxy)
            else BusSettings("line", host=proxy.host, port_number=proxy.port_number)
        )
        link = ModbusLink(wire, SystemClock())
        for poll in range(60):
            block, since_s = block_of(poll), time.monotonic()
            try:
                words = await read_registers(
                    link, block.unit, block.function, block.address, block.words, 0.2, spare=8, tries=2
                )
            except DriverError as error:
                score.miss(error)
            else:
                score.take(words, block, since_s, server.asked)
        await link.close()

    try:
        asyncio.run(asyncio.wait_for(master(), 60))
    finally:
        proxy.stop()
        server.stop()
    assert score.wrong == 0, score.reasons
    assert score.good > 40
    assert proxy.altered > 10


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--proxy", "somewhere"], "somewhere"),
        (["--proxy", "/dev/nowhere"], "--proxy /dev/nowhere: No such file"),
        (["--proxy", "127.0.0.1:5", "--fault-rate", "flop=1"], "flop"),
        (["--proxy", "127.0.0.1:5", "pump-station"], "`--proxy`"),
        (["--fault-rate", "flip=1"], "`--fault-rate`"),
    ],
)
def test_a_proxy_that_cannot_start_reports_the_cause(arguments: list[str], expected: str) -> None:
    result = CliRunner().invoke(main, ["simulate", *arguments])
    assert result.exit_code == 2
    assert expected in result.output
    assert result.output.count("\n") == 1


@pytest.mark.parametrize("target", ["somewhere", "host:", ":502", "host:0", "host:65536", "host:x"])
def test_the_target_of_a_proxy_is_an_address_or_a_port(target: str) -> None:
    with pytest.raises(InvalidValue) as error:
        run_proxy(target, "9600 8N1", (), 1, 1.0)
    assert error.value.reason == PROXY_TARGET_INVALID(value=target)


def test_the_command_forwards_to_a_server_and_prints_counters() -> None:
    server = ModbusTcp(of.clean)
    server.start()
    command = [sys.executable, "-c", "from agent.cli import main; main()", "simulate", "--proxy",
               f"127.0.0.1:{server.port_number}", "--fault-rate", "duplicate=1"]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        port, target = (int(number) for number in re.findall(r"127\.0\.0\.1:(\d+)", first))
        assert target == server.port_number
        with socket.create_connection(("127.0.0.1", port), timeout=60) as sock:
            sock.sendall(ASKED)
            got = received(sock, 34)
        process.send_signal(signal.SIGTERM)
        assert re.findall(r"\d+", process.stdout.read()) == ["0", "1", "0"], "unchanged, with faults, blocked"
        assert process.wait(60) == 0
    server.stop()
    assert got == 2 * server.asked[0].frame()


def test_files_of_a_killed_process_are_deleted_at_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = "from simulators.bus.folder import port_folder; print(port_folder(), flush=True); input()"
    environment = {**os.environ, "TMPDIR": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)}

    def start() -> tuple[subprocess.Popen[str], Path]:
        process = subprocess.Popen(
            [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )
        assert process.stdout is not None
        return process, Path(process.stdout.readline().strip())

    killed, left = start()
    alive, kept = start()
    try:
        killed.kill()
        killed.wait(60)
        assert left.is_dir()
        third, _ = start()
        third.communicate("\n", 60)
        assert not left.exists()
        assert kept.is_dir(), "its process still runs"
    finally:
        alive.communicate("\n", 5)
        for process in (killed,):
            process.stdin.close()  # type: ignore[union-attr]
            process.stdout.close()  # type: ignore[union-attr]
