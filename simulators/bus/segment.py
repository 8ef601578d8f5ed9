"""An RS-485 segment with real transmission times: all stations receive what one sends, and a log records every byte.

    segment = Segment(baud=19200)
    port = segment.port("agent")             # a pseudo-terminal for an external program
    slave = SegmentSlave(segment, 11)        # simulated stations run in the segment's thread
    segment.start(); ...; segment.stop()
    segment.log                              # which station sent what, and when

Stations that send at the same time collide: the others receive corrupt bytes, as on a real line.
"""

from __future__ import annotations

import os
import shutil
import struct
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

from simulators.bus.folder import port_folder
from simulators.bus.frames import Ask, crc_valid, rtu
from simulators.bus.functions import allowed
from simulators.bus.pty import Pty
from simulators.bus.reactor import Reactor, Timer

STALE_BYTES = 512  # limit of the bytes that a closed port keeps; a UART would keep none
_EARLY_S = 50e-6
Receiver = Callable[[bytes], None]


@dataclass(slots=True)
class Spoken:
    """One uninterrupted transmission of one station.

    who: name of the station.
    start_s: monotonic time of the first bit on the line, seconds.
    end_s: monotonic time after the last bit on the line, seconds.
    data: the bytes as sent, before a collision corrupts them.
    collided: True if another transmission overlaps.
    """

    who: str
    start_s: float
    end_s: float
    data: bytes
    collided: bool = False


class Segment(Reactor):
    def __init__(self, baud: int = 19200, bits: int = 10, chunk: int = 4) -> None:
        super().__init__("segment")
        self.character_s = bits / baud
        self.silence_s = 0.00175 if baud > 19200 else 3.5 * self.character_s
        self.log: list[Spoken] = []
        self.sent_bytes: Counter[str] = Counter()  # by station since the start; stays when the log is truncated
        self.chunk = chunk
        self._receivers: dict[str, Receiver] = {}
        self._ptys: dict[str, Pty] = {}
        self._folder = port_folder()

    # --- stations ---

    def port(self, name: str) -> str:
        """Return the path of a serial port on this segment.

        It stays valid while the adapter is unplugged. Call before `start`.
        """
        self._plug(name)
        return str(self._folder / name)

    def attach(self, name: str, receive: Receiver) -> Callable[[bytes], float]:
        """Add a simulated station.

        Returns its send function: bytes → monotonic end of the transmission. Call before `start`.
        """
        self._receivers[name] = receive
        return partial(self._transmit, name)

    def unplug(self, name: str) -> None:
        """Unplug the adapter. From any thread."""
        self.ask(lambda: self._unplug(name))

    def plug(self, name: str) -> None:
        self.ask(lambda: self._plug(name))

    # --- evidence from the log ---

    def sent_by(self, who: str) -> list[Spoken]:
        return [spoken for spoken in list(self.log) if spoken.who == who]

    def broken_silences(self, who: str) -> list[tuple[Spoken, Spoken]]:
        """Return the transmissions of `who` that began within 3.5 characters after another station's, or during it."""
        in_order = sorted(list(self.log), key=lambda spoken: spoken.start_s)
        return [
            (before, after)
            for before, after in pairwise(in_order)
            if after.who == who and before.who != who and after.start_s < before.end_s + self.silence_s - _EARLY_S
        ]

    # --- transmission ---

    def _transmit(self, who: str, data: bytes) -> float:
        """Send bytes after those that the same station sent before."""
        self.sent_bytes[who] += len(data)
        now_s = self.now()
        last = self.log[-1] if self.log else None
        mine = next((spoken for spoken in reversed(self.log[-8:]) if spoken.who == who), None)
        start_s = max(now_s, mine.end_s) if mine is not None else now_s
        spoken = Spoken(who, start_s, start_s + len(data) * self.character_s, data)
        for other in self.log[-8:]:
            if other.who != who and other.end_s > start_s and other.start_s < spoken.end_s:
                other.collided = spoken.collided = True
        if last is not None and last is mine and start_s - last.end_s < self.character_s:
            last.data += data  # one transmission: the sender's buffer was filled in two parts
            last.end_s = spoken.end_s
            last.collided |= spoken.collided
            self._schedule(last, len(last.data) - len(data))
        else:
            self.log.append(spoken)
            self._schedule(spoken, 0)
        return spoken.end_s

    def _schedule(self, spoken: Spoken, begin: int) -> None:
        for at in range(begin, len(spoken.data), self.chunk):
            end = min(at + self.chunk, len(spoken.data))
            when_s = spoken.start_s + end * self.character_s
            self.at(when_s, partial(self._deliver_chunk, spoken, at, end))

    def _deliver_chunk(self, spoken: Spoken, at: int, end: int) -> None:
        data = spoken.data[at:end]
        if spoken.collided:
            data = bytes(byte ^ 0x5A for byte in data)
        for name, receive in self._receivers.items():
            if name != spoken.who:
                receive(data)
        for name, port in self._ptys.items():
            if name != spoken.who:
                self._deliver(port, data)

    # --- ports ---

    def _deliver(self, port: Pty, data: bytes) -> None:
        _write(port, data)

    def _plug(self, name: str) -> None:
        if name in self._ptys:
            return
        port = self._ptys[name] = Pty(hold=True)
        os.symlink(port.path, self._folder / name)

        def read() -> None:
            if data := port.read():
                self._transmit(name, data)

        self.watch(port.fd, read)

    def _unplug(self, name: str) -> None:
        port = self._ptys.pop(name, None)
        if port is not None:
            self.unwatch(port.fd)
            os.unlink(self._folder / name)
            port.close()

    def close_resources(self) -> None:
        for port in self._ptys.values():
            port.close()
        shutil.rmtree(self._folder, ignore_errors=True)


def _write(port: Pty, data: bytes) -> None:
    """Write to a port that may be closed.

    Stale bytes beyond a limit are dropped, so that the next reader does not get them.
    """
    if port.unread() > STALE_BYTES:
        port.discard_unread()
    port.write(data)


class Framing:
    """Frame detection of a station: 3.5 characters of silence end a frame; corrupt frames are dropped and counted."""

    def __init__(self, segment: Segment, on_frame: Callable[[bytes], None]) -> None:
        self._segment, self._on_frame = segment, on_frame
        self._received = bytearray()
        self._ended: Timer | None = None
        self.damaged = 0

    def on_bytes(self, data: bytes) -> None:
        self._received += data
        if self._ended is not None:
            self._ended.cancel()
        # Bytes arrive in chunks, the next one up to a chunk later: the silence counts only after that time.
        pause_s = self._segment.silence_s + self._segment.chunk * self._segment.character_s
        self._ended = self._segment.at(self._segment.now() + pause_s, self._end)

    def _end(self) -> None:
        frame, self._received = bytes(self._received), bytearray()
        if crc_valid(frame):
            self._on_frame(frame)
        else:
            self.damaged += 1


class SegmentSlave:
    """A slave that responds to register reads with values that identify the request (simulators/bus/frames.py)."""

    def __init__(self, segment: Segment, unit: int, name: str = "", turnaround_s: float = 0.003) -> None:
        self.unit = unit
        self.name = name or f"slave-{unit}"
        self.asked: list[Ask] = []
        self.segment, self._turnaround_s = segment, turnaround_s
        self.framing = Framing(segment, self._on_frame)
        self._send = segment.attach(self.name, self.framing.on_bytes)

    def _on_frame(self, frame: bytes) -> None:
        if frame[0] == self.unit:
            self.on_request(frame)

    def on_request(self, frame: bytes) -> None:
        """Respond to a valid frame with this unit identifier.

        A frame not 8 bytes long is not a register read and is ignored.
        """
        if len(frame) != 8:
            return
        function = frame[1]
        if not allowed(function, self.name) or function not in (3, 4):
            self.respond(rtu(self.unit, bytes((function | 0x80, 1))))
            return
        address, count = struct.unpack(">HH", frame[2:6])
        ask = Ask(len(self.asked) + 1, self.segment.now(), self.unit, function, address, count, None, frame)
        self.asked.append(ask)
        self.respond(ask.frame() if 1 <= count <= 125 else ask.exception_frame(3))

    def respond(self, data: bytes) -> None:
        self.segment.at(self.segment.now() + self._turnaround_s, partial(self._send, data))
