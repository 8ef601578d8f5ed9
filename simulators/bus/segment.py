"""An RS-485 segment: what one says all others hear, in the time a wire needs, and everything is written down.

    segment = Segment(baud=19200)
    port = segment.port("agent")             # a pseudo-terminal for somebody outside
    slave = SegmentSlave(segment, 11)        # stations of our own live in the segment's thread
    segment.start(); ...; segment.stop()
    segment.log                              # who said what when

Two who speak at once spoil both: the others hear damaged bytes, as on a wire.
"""

from __future__ import annotations

import os
import shutil
import struct
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

from simulators.bus.folder import port_folder
from simulators.bus.frames import Ask, crc_fits, rtu
from simulators.bus.functions import allowed
from simulators.bus.pty import Pty
from simulators.bus.reactor import Reactor, Timer

STALE_BYTES = 512  # a closed port keeps no more than that; a UART would keep nothing
_EARLY_S = 50e-6
Hear = Callable[[bytes], None]


@dataclass(slots=True)
class Spoken:
    """One run of bytes by one talker; times are monotonic seconds on the wire."""

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
        self.chunk = chunk
        self._ears: dict[str, Hear] = {}
        self._ptys: dict[str, Pty] = {}
        self._folder = port_folder()

    # --- who is on it ---

    def port(self, name: str) -> str:
        """The path of a serial port on this segment; it stays when the adapter is unplugged. Before `start`."""
        self._plug(name)
        return str(self._folder / name)

    def attach(self, name: str, hear: Hear) -> Callable[[bytes], float]:
        """A station of ours. The result is its mouth: bytes → when they will be said. Before `start`."""
        self._ears[name] = hear
        return lambda data: self._say(name, data)

    def unplug(self, name: str) -> None:
        """The adapter goes. From any thread."""
        self.ask(lambda: self._unplug(name))

    def plug(self, name: str) -> None:
        self.ask(lambda: self._plug(name))

    # --- what can be proved ---

    def said_by(self, who: str) -> list[Spoken]:
        return [spoken for spoken in list(self.log) if spoken.who == who]

    def broken_silences(self, who: str) -> list[tuple[Spoken, Spoken]]:
        """Where `who` began less than 3.5 characters after somebody else's last character, or into it."""
        in_order = sorted(list(self.log), key=lambda spoken: spoken.start_s)
        return [
            (before, after)
            for before, after in pairwise(in_order)
            if after.who == who and before.who != who and after.start_s < before.end_s + self.silence_s - _EARLY_S
        ]

    # --- the wire ---

    def _say(self, who: str, data: bytes) -> float:
        """Bytes leave one after the other; what the talker said before comes first."""
        now_s = self.now()
        last = self.log[-1] if self.log else None
        mine = next((spoken for spoken in reversed(self.log[-8:]) if spoken.who == who), None)
        start_s = max(now_s, mine.end_s) if mine is not None else now_s
        spoken = Spoken(who, start_s, start_s + len(data) * self.character_s, data)
        for other in self.log[-8:]:
            if other.who != who and other.end_s > start_s and other.start_s < spoken.end_s:
                other.collided = spoken.collided = True
        if last is not None and last is mine and start_s - last.end_s < self.character_s:
            last.data += data  # one run: the talker's buffer was filled in two parts
            last.end_s = spoken.end_s
            last.collided |= spoken.collided
            self._carry(last, len(last.data) - len(data))
        else:
            self.log.append(spoken)
            self._carry(spoken, 0)
        return spoken.end_s

    def _carry(self, spoken: Spoken, begin: int) -> None:
        for at in range(begin, len(spoken.data), self.chunk):
            end = min(at + self.chunk, len(spoken.data))
            when_s = spoken.start_s + end * self.character_s
            self.at(when_s, lambda at=at, end=end: self._hear(spoken, at, end))  # type: ignore[misc]

    def _hear(self, spoken: Spoken, at: int, end: int) -> None:
        data = spoken.data[at:end]
        if spoken.collided:
            data = bytes(byte ^ 0x5A for byte in data)
        for name, hear in self._ears.items():
            if name != spoken.who:
                hear(data)
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
                self._say(name, data)

        self.watch(port.fd, read)

    def _unplug(self, name: str) -> None:
        port = self._ptys.pop(name, None)
        if port is not None:
            self.unwatch(port.fd)
            os.unlink(self._folder / name)
            port.close()

    def shut(self) -> None:
        for port in self._ptys.values():
            port.close()
        shutil.rmtree(self._folder, ignore_errors=True)


def _write(port: Pty, data: bytes) -> None:
    """To a port that may be closed: what nobody reads must not greet whoever opens it next, beyond a little."""
    if port.unread() > STALE_BYTES:
        port.forget()
    port.write(data)


class Framing:
    """What every station does with what it hears: 3.5 characters of silence end a frame, damaged ones are dropped."""

    def __init__(self, segment: Segment, take: Callable[[bytes], None]) -> None:
        self._segment, self._take = segment, take
        self._heard = bytearray()
        self._ended: Timer | None = None
        self.damaged = 0

    def hear(self, data: bytes) -> None:
        self._heard += data
        if self._ended is not None:
            self._ended.cancel()
        # Bytes come in chunks, the next up to a chunk later: only then the silence begins to count.
        pause_s = self._segment.silence_s + self._segment.chunk * self._segment.character_s
        self._ended = self._segment.at(self._segment.now() + pause_s, self._end)

    def _end(self) -> None:
        frame, self._heard = bytes(self._heard), bytearray()
        if crc_fits(frame):
            self._take(frame)
        else:
            self.damaged += 1


class SegmentSlave:
    """Answers reads of registers with contents that prove the request (simulators/bus/frames.py)."""

    def __init__(self, segment: Segment, unit: int, name: str = "", turnaround_s: float = 0.003) -> None:
        self.unit = unit
        self.name = name or f"slave-{unit}"
        self.asked: list[Ask] = []
        self._segment, self._turnaround_s = segment, turnaround_s
        self.framing = Framing(segment, self._take)
        self._mouth = segment.attach(self.name, self.framing.hear)

    def _take(self, frame: bytes) -> None:
        if frame[0] == self.unit:
            self.addressed(frame)

    def addressed(self, frame: bytes) -> None:
        """A valid frame with our unit number; what is not 8 bytes long is no request to read registers."""
        if len(frame) != 8:
            return
        function = frame[1]
        if not allowed(function, self.name) or function not in (3, 4):
            self._answer(rtu(self.unit, bytes((function | 0x80, 1))))
            return
        address, count = struct.unpack(">HH", frame[2:6])
        ask = Ask(len(self.asked) + 1, self._segment.now(), self.unit, function, address, count, None, frame)
        self.asked.append(ask)
        self._answer(ask.frame() if 1 <= count <= 125 else ask.refusal(3))

    def _answer(self, data: bytes) -> None:
        def say() -> None:
            self._mouth(data)

        self._segment.at(self._segment.now() + self._turnaround_s, say)
