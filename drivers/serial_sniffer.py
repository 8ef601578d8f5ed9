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
from drivers.reasons import cause_of
from drivers.rtu_frames import frames_in
from drivers.serial_line import open_port

_SLICE_S = 0.1
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
        raise LinkClosed(PORT_LOST, port=port, error=cause_of(error)) from None
    finally:
        with contextlib.suppress(OSError, termios.error):
            line.close()
    return OverheardTraffic(bytes(data), time.monotonic() - began_s, setting)
