"""Listens on a serial line without sending: detects traffic and its line settings."""

from __future__ import annotations

import select
import time
from collections.abc import Callable
from typing import NamedTuple

from drivers import dlt645_frames
from drivers.bus_settings import BusSettings
from drivers.receive_port import SerialReceiver
from drivers.rtu_frames import frames_in

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

    @property
    def meters(self) -> list[int]:
        """The addresses of meters in the complete frames of DL/T 645 in `data`."""
        return [frame.unit for _, frame in dlt645_frames.frames_in(self.data) if frame.unit >= 0]


def eavesdrop(
    port: str, setting: SerialSetting, seconds: float, ending: Callable[[], bool] = lambda: False, enough: int = 1 << 20
) -> OverheardTraffic:
    """Receives for `seconds`, or until `ending()` is true or `enough` bytes were received. Sends nothing; blocks.

    Raises ConnectFailed if the port cannot be opened, LinkClosed if it is disconnected.
    """
    line = SerialReceiver(BusSettings("", serial_port=port, baud=setting.baud, data_bits=setting.data_bits,
                                      parity=setting.parity, stop_bits=setting.stop_bits))  # fmt: skip
    data = bytearray()
    began_s = time.monotonic()
    try:
        while (rest_s := began_s + seconds - time.monotonic()) > 0 and not ending() and len(data) < enough:
            if select.select([line.fileno()], [], [], min(rest_s, _SLICE_S))[0]:
                data += line.receive()
    finally:
        line.close()
    return OverheardTraffic(bytes(data), time.monotonic() - began_s, setting)
