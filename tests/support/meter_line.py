"""Meters of DL/T 645 on a line on virtual time: hours of exchanges take seconds and are the same in each run."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from support.timed_line import Sending, TimedLine

from drivers.bus_settings import BusSettings
from simulators.bus.meter_station import MeterLine
from simulators.devices.meter_frames import first_ask


class MetersOnLine(TimedLine):
    """lines: the meters. controls: control codes of all requests that were sent."""

    def __init__(self, lines: Sequence[MeterLine], *, baud: int = 2400) -> None:
        super().__init__(lambda _: b"", baud=baud)
        self.settings = BusSettings("m", serial_port="timed", baud=baud, parity="E", dlt645=True)
        self._character_s = self.settings.character_s
        self._lines = lines
        self.controls: set[int] = set()

    def _answer(self, sending: Sending) -> None:
        if not sending.agent:
            return
        ask = first_ask(bytearray(sending.data))
        assert ask is not None, sending.data.hex(" ")
        self.controls.add(ask.control)
        for line in self._lines:
            when_s = self.monotonic()
            for after_s, part in line.steps(ask, sending.data):
                when_s += after_s
                self._event(when_s, partial(self._send_part, part))
                when_s += len(part) * self._character_s

    def _send_part(self, part: bytes) -> None:
        now_s = self.monotonic()
        self._begin(Sending(False, now_s, now_s + len(part) * self._character_s, part), False)
