"""A stream over TCP and over a pseudo-terminal: it is read, lost and found again;
the reader continues in every case.
"""

from __future__ import annotations

import os
import pty
import socket
import struct
import threading
import time
import tty
from pathlib import Path

import numpy as np
import pytest
import serial
from support.basics import wait_until

from agent.core.clock import SystemClock
from drivers import ews_protocol
from drivers.ews_stream import Assembler, StreamReader
from drivers.reading import Quality, Waveform

HELLO = ews_protocol.Hello(
    10240.0, "int16", "SN", "1", (ews_protocol.Channel("u1", 0.5), ews_protocol.Channel("i1", 0.25))
)


def wire(start: int, stream: int = 1) -> bytes:
    counts = b"".join(struct.pack("<hh", n % 1000, -(n % 1000)) for n in range(start, start + 64))
    hello = ews_protocol.build(
        ews_protocol.HELLO, ews_protocol.hello_payload(HELLO), sequence=0, calibration=1, stream=stream
    )
    return hello + ews_protocol.build(
        ews_protocol.SAMPLES, counts, sequence=1, calibration=1, stream=stream, index=start, count=64
    )


def reader_of(where: str, got: list[Waveform]) -> StreamReader:
    return StreamReader("m", where, 921600, got.append, SystemClock(), Quality.SIMULATED)


def test_a_tcp_stream_is_read_and_reconnected(caplog: pytest.LogCaptureFixture) -> None:
    got: list[Waveform] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        reader = reader_of(f"socket://127.0.0.1:{server.getsockname()[1]}", got)
        with caplog.at_level("INFO"):
            reader.start()
            first, _ = server.accept()
            with first:
                first.sendall(wire(0))
                wait_until(lambda: len(got) == 1, 5, "samples")
            second, _ = server.accept()  # it reconnects automatically
            with second:
                second.sendall(wire(0, stream=2))
                wait_until(lambda: len(got) == 2, 5, "samples after the loss")
                reader.stop()
                reader.join(5)
    assert got[0].channels == ("u1", "i1")
    assert got[0].samples[:, 3].tolist() == [1.5, -0.75]
    assert got[0].quality == Quality.SIMULATED
    assert got[1].index > got[0].index + 64, "the pause shows as missing samples"
    assert sum("lost" in record.message for record in caplog.records) == 1


def test_a_sender_that_floods_the_port_does_not_use_all_processor_time() -> None:
    """Frames of one sample with lost samples between, as fast as they are accepted."""
    got: list[Waveform] = []
    hello = ews_protocol.build(ews_protocol.HELLO, ews_protocol.hello_payload(HELLO), sequence=0, calibration=1)
    frames = b"".join(
        ews_protocol.build(ews_protocol.SAMPLES, bytes(4), sequence=1, calibration=1, index=n, count=1)
        for n in range(0, 40_000, 2)
    )
    with socket.create_server(("127.0.0.1", 0)) as server:
        reader = reader_of(f"socket://127.0.0.1:{server.getsockname()[1]}", got)
        reader.start()
        connection, _ = server.accept()
        with connection:
            sender = threading.Thread(target=connection.sendall, args=(hello + frames,), daemon=True)
            sender.start()
            wait_until(lambda: len(got) > 100, 5, "samples")
            started_s, before_s = time.monotonic(), used_and_waited_s(reader)
            wait_until(lambda: len(got) > 5000, 5, "samples")
            used_s, waited_s = np.subtract(used_and_waited_s(reader), before_s)
            share = used_s / (time.monotonic() - started_s - waited_s)
            reader.stop()
            reader.join(5)
    assert share < 0.4, "a quarter, and a part of one block"


def used_and_waited_s(thread: threading.Thread) -> tuple[float, float]:
    """Processor time, and time in which the thread was runnable and no processor was free (Linux, schedstat)."""
    used_ns, waited_ns, _ = Path(f"/proc/self/task/{thread.native_id}/schedstat").read_text().split()
    return int(used_ns) / 1e9, int(waited_ns) / 1e9


def test_a_serial_port(caplog: pytest.LogCaptureFixture) -> None:
    master, slave = pty.openpty()
    tty.setraw(master)
    tty.setraw(slave)
    got: list[Waveform] = []
    reader = reader_of(os.ttyname(slave), got)
    reader.start()
    wait_until(lambda: _feed(master, got), 5, "samples")
    assert got[0].samples.shape[0] == 2
    reader.stop()
    reader.join(5)
    os.close(master)
    os.close(slave)


def _feed(master: int, got: list[Waveform]) -> bool:
    os.write(master, b"\x00noise before the first frame\x00" + wire(0))
    return bool(got)


def test_a_missing_port_is_logged_once_and_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    got: list[Waveform] = []
    reader = reader_of("/dev/does-not-exist", got)
    with caplog.at_level("WARNING"):
        reader.start()
        wait_until(lambda: bool(caplog.records), 5, "said")
        reader.join(1.5)
        assert reader.is_alive()
    reader.stop()
    reader.join(5)
    assert len(caplog.records) == 1
    assert "/dev/does-not-exist" in caplog.records[0].getMessage()


def test_a_step_of_the_clock_is_neither_drift_nor_a_gap() -> None:
    """A sender at exactly its rate, from 60 s before to 60 s after a UTC step of −8 h, then a restart of the sender."""
    assembler = Assembler("m")
    period_ns = round(64 / HELLO.rate_hz * 1e9)
    now_ns, index = 1_790_000_000_000_000_000, 0
    for second in range(120):
        if second == 60:
            now_ns -= 8 * 3600 * 10**9
            assembler.clock_stepped(-8 * 3600 * 10**9)
        for _ in range(160):
            got = assembler.feed(wire(index), now_ns)
            now_ns, index = now_ns + period_ns, index + 64
    drift_ppm = assembler.drift_ppm()
    assert drift_ppm is not None
    assert abs(drift_ppm) < 1
    assert got[0].index == index - 64, "no sample is missing"
    (block,) = assembler.feed(wire(0, stream=2), now_ns + 10**9)
    assert block.index - index == pytest.approx(HELLO.rate_hz, abs=64), "one second is missing, not eight hours"


@pytest.mark.parametrize("channels", [[("u1", 1.0), ("i1", 1.0), ("i2", 1.0)], [("i1", 3.0), ("u1", 2.0)]])
def test_a_hello_between_samples_counts_from_there_on(channels: list[tuple[str, float]]) -> None:
    """The boundaries between received pieces do not affect channels and scales."""
    later = ews_protocol.Hello(10240.0, "int16", "SN", "1", tuple(ews_protocol.Channel(*item) for item in channels))
    counts = b"".join(struct.pack("<h", n) * len(channels) for n in range(64))
    pieces = [
        wire(0),
        ews_protocol.build(ews_protocol.HELLO, ews_protocol.hello_payload(later), sequence=2, calibration=2),
        ews_protocol.build(ews_protocol.SAMPLES, counts, sequence=3, calibration=2, index=64, count=64),
    ]
    got = Assembler("m").feed(b"".join(pieces), 10**18)
    assert [block.channels for block in got] == [("u1", "i1"), tuple(name for name, _ in channels)]
    assert [block.index for block in got] == [0, 64]
    assert got[0].samples[:, 3].tolist() == [1.5, -0.75]
    assert got[1].samples[:, 3].tolist() == [3 * scale for _, scale in channels]


def test_a_port_that_never_runs_dry_is_still_read_and_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    class Flood:
        in_waiting = 64

        def __init__(self, *_: object, **__: object) -> None: ...

        def __enter__(self) -> Flood:
            return self

        def __exit__(self, *_: object) -> None: ...

        def read(self, size: int) -> bytes:
            return wire(0)[:size] if size > 1 else b"\0"

    monkeypatch.setattr(serial, "Serial", Flood)
    reader = reader_of("/dev/flood", [])
    reader.start()
    wait_until(lambda: reader.assembler.decoder.damaged > 0, 5, "anything read")
    reader.stop()
    reader.join(5)
    assert not reader.is_alive()
