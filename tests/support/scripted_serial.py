"""Serial transport of the scripted servers: framing by silence, transmission at the baud rate."""

from __future__ import annotations

from collections.abc import Callable

from support.fault_matrix import Line, Script
from support.scripted_line import FaultyLine, Peer

from simulators.bus.frames import crc_valid
from simulators.bus.reactor import Timer

_EARLY_S = 50e-6  # tolerance between the clocks of two threads


class SerialLine(FaultyLine):
    """A serial server. baud 0: no transmission time and framing by length, for many exchanges per second.

    chunk: number of characters that arrive together, as from the buffer of a UART or a USB frame.
    violations: requests that started less than 3.5 characters after the last character sent.
    collisions: requests that started while the server was sending.
    """

    def __init__(
        self, kind: Line, script: Script, turnaround_s: float, queue: bool, baud: int, bits: int, chunk: int
    ) -> None:
        super().__init__(kind, script, turnaround_s, queue)
        self.violations = 0
        self.collisions = 0
        self.character_s = bits / baud if baud else 0.0
        self.silence_s = (0.00175 if baud > 19200 else 3.5 * self.character_s) if baud else 0.0
        self._chunk = chunk or (max(1, int(0.002 / self.character_s)) if baud else 1 << 16)
        self._request = bytearray()
        self._began_s = self._heard_s = 0.0
        self._sent_s = -1.0  # monotonic time at which the last character was sent
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
        # A pseudo-terminal delivers immediately; a real line needs transmission time.
        self._heard_s = max(self._heard_s, now_s) + len(data) * self.character_s
        if self._ended is not None:
            self._ended.cancel()
        ended_s = self._heard_s + self.silence_s
        self._ended = self.at(ended_s, lambda: self._frame_ended(peer, ended_s))

    def _frame_ended(self, peer: Peer, ended_s: float) -> None:
        frame, self._request = bytes(self._request), bytearray()
        if crc_valid(frame):
            self._understood(frame[0], frame[1:-2], None, frame, peer, self._began_s, ended_s)
        else:
            self.damaged += 1

    def _by_length(self, peer: Peer) -> None:
        while len(self._request) >= 8:
            frame = bytes(self._request[:8])
            if not crc_valid(frame):
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
