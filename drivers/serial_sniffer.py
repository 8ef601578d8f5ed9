"""Listens on a serial line without sending: detects traffic and its line settings."""

from __future__ import annotations

import contextlib
import os
import select
import termios
import time
from collections.abc import Callable
from typing import NamedTuple

from drivers.error_reasons import PORT_DISCONNECTED, PORT_LOST
from drivers.errors import LinkClosed
from drivers.framing import crc16
from drivers.serial_line import open_port

_SLICE_S = 0.1
_FIXED = {1: 8, 2: 8, 3: 8, 4: 8, 5: 8, 6: 8, 15: 8, 16: 8}  # bytes of a request, or of the response to a write
_COUNTED = (1, 2, 3, 4, 0x11)  # responses with a byte count
FRAMES_SURE = 2  # frames that prove a setting; with a wrong baud rate one in several hundred bytes occurs by chance


class SerialSetting(NamedTuple):
    """Line settings, as in the key `line` of the configuration.

    baud: bit rate in bit/s. data_bits: 7 or 8. parity: N, E or O. stop_bits: 1 or 2.
    """

    baud: int
    data_bits: int = 8
    parity: str = "N"
    stop_bits: int = 1

    def __str__(self) -> str:
        return f"{self.baud} {self.data_bits}{self.parity}{self.stop_bits}"

    @property
    def character_s(self) -> float:
        """Transmission time of one character in seconds."""
        return (1 + self.data_bits + (self.parity != "N") + self.stop_bits) / self.baud


class OverheardTraffic(NamedTuple):
    """Result of listening.

    data: received bytes. seconds: duration. setting: line settings.
    """

    data: bytes
    seconds: float
    setting: SerialSetting

    @property
    def frames(self) -> list[bytes]:
        """The complete Modbus RTU frames in `data`."""
        return frames_in(self.data)


def eavesdrop(
    port: str, setting: SerialSetting, seconds: float, ending: Callable[[], bool] = lambda: False, enough: int = 1 << 20
) -> OverheardTraffic:
    """Receives for `seconds`, or until `ending()` is true or `enough` bytes were received. Sends nothing; blocks.

    Raises ConnectFailed if the port cannot be opened, LinkClosed if it is disconnected.
    """
    line = open_port(port, *setting)
    data = bytearray()
    began_s = time.monotonic()
    try:
        line.reset_input_buffer()
        while (rest_s := began_s + seconds - time.monotonic()) > 0 and not ending() and len(data) < enough:
            if select.select([line.fileno()], [], [], min(rest_s, _SLICE_S))[0]:
                chunk = os.read(line.fileno(), 4096)
                if not chunk:
                    raise LinkClosed(PORT_DISCONNECTED, port=port)
                data += chunk
    except (OSError, termios.error) as error:
        raise LinkClosed(PORT_LOST, port=port, error=str(error)) from None
    finally:
        with contextlib.suppress(OSError, termios.error):
            line.close()
    return OverheardTraffic(bytes(data), time.monotonic() - began_s, setting)


def frames_in(data: bytes) -> list[bytes]:
    """Complete Modbus RTU frames with a valid checksum: requests and responses of all masters and devices."""
    found, at = [], 0
    while at + 5 <= len(data):
        function, lengths = data[at + 1], set()
        if function & 0x80:
            lengths.add(5)
        elif function in _FIXED:
            lengths.add(_FIXED[function])
        if function in _COUNTED:
            lengths.add(5 + data[at + 2])
        if function in (15, 16) and at + 7 <= len(data):
            lengths.add(9 + data[at + 6])
        fits = [length for length in lengths if at + length <= len(data) and not crc16(data[at : at + length])]
        if fits:
            found.append(bytes(data[at : at + max(fits)]))
            at += max(fits)
        else:
            at += 1
    return found
