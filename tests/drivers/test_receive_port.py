"""Ports that only receive: nothing can be sent, neither by a function nor by the file descriptor."""

from __future__ import annotations

import errno
import os
import select
import socket
import time
from collections.abc import Iterator

import pytest

from drivers.bus_settings import BusSettings
from drivers.error_reasons import CONNECTION_CLOSED, PORT_IN_USE, PORT_MISSING, PORT_UNSUITABLE
from drivers.errors import ConnectFailed, LinkClosed
from drivers.receive_port import Receiver, SerialReceiver, TcpReceiver, open_receiver
from drivers.serial_line import open_port
from simulators.bus.pty import Pty


@pytest.fixture
def pty() -> Iterator[Pty]:
    port = Pty(hold=True)
    yield port
    port.close()


def settings(port: str, **more: object) -> BusSettings:
    return BusSettings("b", serial_port=port, **more)  # type: ignore[arg-type]


def received(port: Receiver, n: int) -> bytes:
    data, until_s = b"", time.monotonic() + 2.0
    while len(data) < n and time.monotonic() < until_s:
        data += port.receive()
        time.sleep(0.002)
    return data


def test_the_kernel_rejects_a_write_to_the_port(pty: Pty) -> None:
    port = open_receiver(settings(pty.path))
    pty.write(b"\x01\x03")
    assert received(port, 2) == b"\x01\x03"
    with pytest.raises(OSError, match="Bad file descriptor") as raised:
        os.write(port.fileno(), b"x")
    assert raised.value.errno == errno.EBADF
    assert pty.read() == b""
    port.close()


@pytest.mark.parametrize("kind", [SerialReceiver, TcpReceiver])
def test_there_is_no_function_that_sends(kind: type) -> None:
    assert {name for name in vars(kind) if not name.startswith("_")} == {"fileno", "receive", "close"}


def test_the_port_is_exclusive(pty: Pty) -> None:
    first = open_port(pty.path, 9600, 8, "N", 1)
    with pytest.raises(ConnectFailed) as raised:
        open_receiver(settings(pty.path))
    assert raised.value.reason.code == PORT_IN_USE
    first.close()
    port = open_receiver(settings(pty.path))
    with pytest.raises(ConnectFailed):
        open_port(pty.path, 9600, 8, "N", 1)
    port.close()


@pytest.mark.parametrize(("port", "code"), [("/dev/absent", PORT_MISSING), ("/dev/null", PORT_UNSUITABLE)])
def test_a_port_that_cannot_be_opened_is_named(port: str, code: str) -> None:
    with pytest.raises(ConnectFailed) as raised:
        open_receiver(settings(port))
    assert raised.value.reason.code == code


def test_a_converter_gets_no_byte_and_its_end_is_noticed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = open_receiver(BusSettings("b", host="127.0.0.1", port_number=server.getsockname()[1], rtu_framing=True))
        peer, _ = server.accept()
        peer.sendall(b"\x01\x83\x02")
        assert received(port, 3) == b"\x01\x83\x02"
        assert port.receive() == b""
        peer.setblocking(False)
        with pytest.raises(BlockingIOError):
            peer.recv(1)
        peer.close()
        assert select.select([port.fileno()], [], [], 5.0)[0]
        with pytest.raises(LinkClosed) as raised:
            port.receive()
        assert raised.value.reason.code == CONNECTION_CLOSED
        port.close()
