"""The scripted slaves: every byte that they send, and the response check, which detects each wrong value."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import struct
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import fault_matrix as of
from support.answer_check import fault_of
from support.basics import wait_until
from support.fault_matrix import MATRIX, FaultStep, Line, Script
from support.scripted_line import FaultyLine
from support.scripted_slave import RtuPty, RtuTcp, open_line

from simulators.bus.frames import Ask, ReadBlock, answers, content, crc16, crc_valid, mbap, rtu_request
from simulators.devices.allowed_functions import LOG_VARIABLE

pytestmark = pytest.mark.alone

BLOCK = ReadBlock(2, 3, 100, 4)


def test_the_checksum_is_the_one_of_the_standard() -> None:
    # Modbus over Serial Line V1.02, appendix B: 02 07 gives 41 12 in transmission order.
    assert crc16(bytes((2, 7))).to_bytes(2, "little") == bytes((0x41, 0x12))


def test_contents_prove_their_request() -> None:
    words = content(2, 3, 100, 4, 7)
    assert words == content(2, 3, 100, 9, 7)[:4], "a longer response has the same beginning"
    assert answers(words, 2, 3, 100) == 7
    for other in ((3, 3, 100), (2, 4, 100), (2, 3, 101)):
        assert answers(words, *other) is None
    assert answers([8, *words[1:]], 2, 3, 100) is None


def test_the_judge_detects_an_earlier_response_of_the_same_block() -> None:
    asked = [Ask(n, 10.0 * n, 2, 3, 100, 4, None, b"") for n in (1, 2)]
    assert fault_of(content(2, 3, 100, 4, 2), BLOCK, 15.0, asked) == ""
    assert "earlier poll" in fault_of(content(2, 3, 100, 4, 1), BLOCK, 15.0, asked)
    assert "was not sent" in fault_of(content(2, 3, 100, 4, 3), BLOCK, 15.0, asked)
    assert "are not the contents" in fault_of(content(2, 3, 200, 4, 2), BLOCK, 15.0, asked)
    assert "2 registers" in fault_of(content(2, 3, 100, 2, 2), BLOCK, 15.0, asked)


@contextlib.contextmanager
def running(line: FaultyLine) -> Iterator[FaultyLine]:
    line.start()
    try:
        yield line
    finally:
        line.stop()


def exchange(line: FaultyLine, wait_s: float = 0.25, requests: int = 1) -> list[tuple[float, bytes]]:
    """Return the responses to a number of requests, each chunk with its time since the last request."""
    if line.kind is Line.RTU:
        fd = os.open(line.serial_port, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    else:
        sock = socket.create_connection((line.host, line.port_number))
        fd = sock.detach()
    try:
        pdu = struct.pack(">BHH", BLOCK.function, BLOCK.address, BLOCK.words)
        for number in range(1, requests + 1):
            request = rtu_request(*BLOCK) if line.kind.is_rtu else mbap(number, BLOCK.unit, pdu)
            sent_s, got = time.monotonic(), []
            os.write(fd, request)
            while (rest_s := sent_s + wait_s - time.monotonic()) > 0:
                if select.select([fd], [], [], rest_s)[0]:
                    try:
                        data = os.read(fd, 4096)
                    except OSError:
                        data = b""
                    if not data:
                        return [*got, (time.monotonic() - sent_s, b"closed")]
                    got.append((time.monotonic() - sent_s, data))
        return got
    finally:
        os.close(fd)


def ask(line: Line, number: int = 1) -> Ask:
    pdu = struct.pack(">BHH", BLOCK.function, BLOCK.address, BLOCK.words)
    transaction = {Line.TCP: number, Line.TCP0: 0}.get(line)
    raw = rtu_request(*BLOCK) if line.is_rtu else mbap(number, BLOCK.unit, pdu)
    return Ask(number, 0.0, *BLOCK, transaction, raw)


@pytest.mark.parametrize("kind", list(Line), ids=lambda kind: kind.value)
def test_an_unfaulted_response_is_exactly_the_frame(kind: Line) -> None:
    with running(open_line(kind, of.clean)) as line:
        got = b"".join(data for _, data in exchange(line))
        assert got == ask(kind).frame()
        assert len(line.asked) == 1


@pytest.mark.parametrize("kind", [Line.RTU, Line.RTU_TCP], ids=lambda kind: kind.value)
def test_a_response_takes_its_transmission_time(kind: Line) -> None:
    line = RtuPty(of.clean, baud=2400) if kind is Line.RTU else RtuTcp(of.clean, baud=2400)
    # 8 characters of request, 3.5 of silence, 2 ms, 13 characters of response, each 10 bits at 2400 baud.
    wire_s, took_s = (8 + 3.5 + 13) * 10 / 2400 + 0.002, list[float]()
    with running(line):
        # a busy host can delay the response, never advance it
        while len(took_s) < 5 and min(took_s, default=1.0) > wire_s + 0.02:
            took_s.append(exchange(line, 0.4)[-1][0])
    assert min(took_s) == pytest.approx(wire_s, abs=0.02)
    assert min(took_s) >= wire_s - 0.001


@pytest.mark.parametrize("fault", MATRIX, ids=lambda fault: fault.name.replace(" ", "-"))
@pytest.mark.parametrize("kind", list(Line), ids=lambda kind: kind.value)
def test_each_fault_sends_the_bytes_of_its_script(kind: Line, fault: of.Fault) -> None:
    """Exactly the bytes of the steps of request 1 arrive over the real line."""
    if kind not in fault.on:
        pytest.skip("not a fault of this kind of line")
    steps = fault.script(ask(kind))
    if any(step.close for step in steps):
        steps = steps[: [step.close for step in steps].index(True)]
        with running(open_line(kind, fault.script)) as line:
            got = exchange(line)
            assert got[-1][1] == b"closed"
            got = got[:-1]
    else:
        for patience_s in (0.12, 3.0):  # a busy host may need the longer one
            with running(open_line(kind, fault.script)) as line:
                got = exchange(line, sum(step.after_s for step in steps) + patience_s)
            if sum(len(data) for _, data in got) >= sum(len(step.data) for step in steps):
                break
    assert b"".join(data for _, data in got) == b"".join(step.data for step in steps)


def sent(script: Script, number: int, kind: Line = Line.RTU) -> bytes:
    return b"".join(step.data for step in script(ask(kind, number)))


def test_a_corrupted_response_differs_from_the_frame() -> None:
    good = ask(Line.RTU).frame()
    assert crc_valid(good)
    for script in (of.damaged, of.truncated, of.two_at_once, of.cut_off):
        assert not crc_valid(sent(script, 1))
    assert crc_valid(sent(of.wrong_unit, 1))
    assert crc_valid(sent(of.wrong_function, 1))
    assert crc_valid(sent(of.short, 1))
    assert sent(of.stray(5), 1).endswith(good)
    assert sent(of.foreign, 1).endswith(good)
    assert sent(of.echo, 1) == ask(Line.RTU).raw + good
    assert sent(of.merged, 5, Line.TCP).endswith(ask(Line.TCP, 5).frame())
    assert crc_valid(sent(of.refused_behind_noise, 1)[2:])


def test_every_and_once_count_requests() -> None:
    counted = [sent(of.every(4, of.silent), number) == b"" for number in range(1, 9)]
    assert counted == [False, False, False, True] * 2
    assert [sent(of.once(of.silent), number) == b"" for number in (1, 2, 3)] == [True, False, False]


@pytest.mark.alone
def test_a_slave_with_a_queue_responds_late_and_one_without_never() -> None:
    script = of.once(of.late(0.8))
    with running(RtuPty(script, queue=True)) as line:
        got = b"".join(data for _, data in exchange(line, 0.4, requests=3))
        assert got.startswith(ask(Line.RTU, 1).frame()), "the third wait receives the response to the first request"
        assert len(line.asked) == 3
    with running(RtuPty(of.once(of.late(1.0)), queue=False)) as line:
        exchange(line, 0.4, requests=4)
        assert (len(line.asked), line.missed) == (2, 2)


def test_two_requests_without_a_delay_are_one_corrupt_frame() -> None:
    with running(RtuPty(of.clean)) as line:
        fd = os.open(line.serial_port, os.O_RDWR | os.O_NOCTTY)
        try:
            os.write(fd, 2 * rtu_request(*BLOCK))
            wait_until(lambda: bool(line.asked) or line.damaged > 0, 5, "both requests arrive")  # type: ignore[attr-defined]
        finally:
            os.close(fd)
        assert isinstance(line, RtuPty)
        assert (len(line.asked), line.damaged) == (0, 1)


def test_a_violated_inter_frame_delay_is_counted() -> None:
    with running(RtuPty(of.clean)) as line:
        assert isinstance(line, RtuPty)
        fd = os.open(line.serial_port, os.O_RDWR | os.O_NOCTTY)
        try:

            def ask_after(pause_s: float) -> int:
                time.sleep(pause_s)
                os.write(fd, rtu_request(*BLOCK))
                received = b""
                while len(received) < 13:
                    received += os.read(fd, 100)
                return line.violations

            assert ask_after(0.0) == 0
            assert ask_after(0.02) == 0
            assert any(ask_after(0.0) for _ in range(20))  # a busy host may keep a silence by chance
        finally:
            os.close(fd)


def test_an_unplugged_adapter_returns_with_its_name() -> None:
    with running(RtuPty(of.once(of.cut_off))) as line:
        assert exchange(line)[-1][1] == b"closed"
        time.sleep(0.1)
        assert b"".join(data for _, data in exchange(line)) == ask(Line.RTU, 2).frame()


def test_a_converter_sends_late_bytes_to_the_client_of_that_time() -> None:
    with running(RtuTcp(lambda _: [FaultStep(close=True), FaultStep(b"late", 0.3)])) as line:
        assert exchange(line)[-1][1] == b"closed"
        with socket.create_connection((line.host, line.port_number), timeout=60) as sock:
            assert sock.makefile("rb").read(4) == b"late"


@pytest.mark.parametrize("kind", list(Line), ids=lambda kind: kind.value)
def test_writing_is_rejected_and_recorded(kind: Line, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = tmp_path / "functions"
    monkeypatch.setenv(LOG_VARIABLE, str(log))
    write = ask(kind).wrap(struct.pack(">BHH", 6, 0, 1))
    with running(open_line(kind, of.clean)) as line:
        exchange(line)
        assert not log.exists(), "reading writes no log line"
        if kind is Line.RTU:
            fd = os.open(line.serial_port, os.O_RDWR | os.O_NOCTTY)
        else:
            fd = socket.create_connection((line.host, line.port_number)).detach()
        try:
            os.write(fd, write)
            refused, answer = ask(kind).wrap(bytes((0x86, 1))), b""
            while len(answer) < len(refused) and select.select([fd], [], [], 60)[0]:
                answer += os.read(fd, 100)
        finally:
            os.close(fd)
    assert answer == refused
    assert log.read_text().startswith("0x06")


def test_steps_keep_their_pauses() -> None:
    with running(
        open_line(Line.TCP, lambda _: [FaultStep(b"a"), FaultStep(b"b", 0.05), FaultStep(b"c", 0.05)])
    ) as line:
        got = exchange(line)
    assert [data for _, data in got] == [b"a", b"b", b"c"]
    for number, (at_s, _) in enumerate(got):
        assert at_s >= 0.05 * number - 1e-3, "after the request; a busy host can delay it, never advance it"
