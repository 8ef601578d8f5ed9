"""The serial half of slaves that answer by a script: framing by silence, pacing by baud."""

from __future__ import annotations

from collections.abc import Callable

from support.faulty_line import FaultyLine, Peer

from simulators.bus.faults import Line, Script
from simulators.bus.frames import crc_fits
from simulators.bus.reactor import Timer

_EARLY_S = 50e-6  # what clocks of two threads may differ before a silence counts as broken


class SerialLine(FaultyLine):
    """Framing by silence, pacing by baud. baud 0: a line without time, framed by length, for many exchanges a second.

    chunk: how many characters reach the other end together, as a UART's buffer or a USB frame does.
    """

    def __init__(
        self, kind: Line, script: Script, turnaround_s: float, queue: bool, baud: int, bits: int, chunk: int
    ) -> None:
        super().__init__(kind, script, turnaround_s, queue)
        self.violations = 0  # requests that began less than 3.5 characters after our last character
        self.collisions = 0  # requests that began while we were sending
        self.character_s = bits / baud if baud else 0.0
        self.silence_s = (0.00175 if baud > 19200 else 3.5 * self.character_s) if baud else 0.0
        self._chunk = chunk or (max(1, int(0.002 / self.character_s)) if baud else 1 << 16)
        self._request = bytearray()
        self._began_s = self._heard_s = 0.0
        self._sent_s = -1.0  # when our last character had left
        self._ended: Timer | None = None

    def _hear(self, data: bytes, peer: Peer) -> None:
        now_s = self.now()
        if not self._request:
            self._began_s = self._heard_s = now_s
            if now_s < self._sent_s - _EARLY_S:
                self.collisions += 1
            elif now_s < self._sent_s + self.silence_s - _EARLY_S:
                self.violations += 1
        self._request += data
        if not self.character_s:
            self._by_length(peer)
            return
        # A terminal hands over in an instant what a wire needs time for.
        self._heard_s = max(self._heard_s, now_s) + len(data) * self.character_s
        if self._ended is not None:
            self._ended.cancel()
        ended_s = self._heard_s + self.silence_s
        self._ended = self.at(ended_s, lambda: self._frame_ended(peer, ended_s))

    def _frame_ended(self, peer: Peer, ended_s: float) -> None:
        frame, self._request = bytes(self._request), bytearray()
        if crc_fits(frame):
            self._understood(frame[0], frame[1:-2], None, frame, peer, self._began_s, ended_s)
        else:
            self.damaged += 1

    def _by_length(self, peer: Peer) -> None:
        while len(self._request) >= 8:
            frame = bytes(self._request[:8])
            if not crc_fits(frame):
                self.damaged += 1
                self._request.clear()
                return
            del self._request[:8]
            self._understood(frame[0], frame[1:-2], None, frame, peer, self._began_s, self._began_s)

    def _send(self, data: bytes, peer: Peer, begin_s: float, done: Callable[[float], None]) -> None:
        if not self.character_s:
            super()._send(data, peer, begin_s, done)
            return
        begin_s = max(begin_s, self._sent_s)
        self._sent_s = begin_s + len(data) * self.character_s

        def chunk(at: int) -> None:
            peer.write(data[at : at + self._chunk])
            after(at + self._chunk)

        def after(at: int) -> None:
            if at >= len(data):
                done(begin_s + len(data) * self.character_s)
                return
            end = min(at + self._chunk, len(data))
            self.at(begin_s + end * self.character_s, lambda: chunk(at))

        after(0)
