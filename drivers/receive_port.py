"""Ports that only receive: a serial port opened for reading, and a connection to a transparent converter.

They have no function that sends. The serial port is opened with O_RDONLY: the kernel rejects every write.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import termios
from typing import Protocol

from drivers import serial_line
from drivers.bus_settings import BusSettings
from drivers.error_reasons import CONNECTION_CLOSED, PORT_DISCONNECTED, PORT_LOST
from drivers.errors import ConnectFailed, LinkClosed
from drivers.reasons import cause_of
from drivers.tcp_stream import CONNECT_S, not_connected

CHUNK = 4096  # bytes per read; a serial port keeps no more
_DATA_BITS = {7: termios.CS7, 8: termios.CS8}


class Receiver(Protocol):
    """An open port that only receives."""

    def fileno(self) -> int: ...

    def receive(self) -> bytes:
        """What has arrived, at most CHUNK bytes; empty if nothing has. Raises LinkClosed."""
        ...

    def close(self) -> None: ...


def open_receiver(settings: BusSettings) -> Receiver:
    """Opens the port of a bus. Raises ConnectFailed."""
    return SerialReceiver(settings) if settings.is_serial else TcpReceiver(settings)


class SerialReceiver:
    """A serial port, opened for exclusive use."""

    def __init__(self, settings: BusSettings) -> None:
        self._port = settings.serial_port
        try:
            self._fd = os.open(self._port, os.O_RDONLY | os.O_NOCTTY | os.O_NONBLOCK)
        except OSError as error:
            raise ConnectFailed(serial_line.not_opened(self._port, error)) from None
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            termios.tcsetattr(self._fd, termios.TCSANOW, _attributes(self._fd, settings))
            termios.tcflush(self._fd, termios.TCIFLUSH)
        except (OSError, ValueError, termios.error) as error:
            os.close(self._fd)
            raise ConnectFailed(serial_line.not_opened(self._port, error)) from None

    def fileno(self) -> int:
        return self._fd

    def receive(self) -> bytes:
        try:
            data = os.read(self._fd, CHUNK)
        except BlockingIOError:
            return b""
        except OSError as error:
            raise LinkClosed(PORT_LOST, port=self._port, error=cause_of(error)) from None
        if not data:
            raise LinkClosed(PORT_DISCONNECTED, port=self._port)
        return data

    def close(self) -> None:
        with contextlib.suppress(OSError):
            os.close(self._fd)


class TcpReceiver:
    """A connection to a transparent converter, which forwards what it receives on its line."""

    def __init__(self, settings: BusSettings) -> None:
        self._peer = settings.where
        try:
            self._socket = socket.create_connection((settings.host, settings.port_number), CONNECT_S)
        except OSError as error:
            raise ConnectFailed(not_connected(self._peer, error)) from None
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)

    def fileno(self) -> int:
        return self._socket.fileno()

    def receive(self) -> bytes:
        try:
            data = self._socket.recv(CHUNK)
        except BlockingIOError:
            return b""
        except OSError as error:
            raise LinkClosed(PORT_LOST, port=self._peer, error=cause_of(error)) from None
        if not data:
            raise LinkClosed(CONNECTION_CLOSED, peer=self._peer)
        return data

    def close(self) -> None:
        self._socket.close()


def _attributes(fd: int, settings: BusSettings) -> list[int | list[bytes | int]]:
    """The settings of the port as of termios: raw bytes; a byte with wrong parity becomes 0."""
    parity = serial_line.port_parity(settings.serial_port, settings.parity)
    speed = getattr(termios, f"B{settings.baud}", None)
    if speed is None or settings.data_bits not in _DATA_BITS:
        raise ValueError(f"{settings.baud} {settings.data_bits}{settings.parity}{settings.stop_bits}")
    mode = _DATA_BITS[settings.data_bits] | termios.CREAD | termios.CLOCAL
    mode |= {"N": 0, "E": termios.PARENB, "O": termios.PARENB | termios.PARODD}[parity]
    mode |= termios.CSTOPB if settings.stop_bits == 2 else 0
    characters = list(termios.tcgetattr(fd)[6])
    characters[termios.VMIN], characters[termios.VTIME] = 1, 0
    return [termios.INPCK if parity != "N" else 0, 0, mode, 0, speed, speed, characters]
