"""An RS-485 segment with real transmission times: all stations receive what one sends, and a log records every byte.

    segment = Segment(baud=19200)
    port = segment.port("agent")             # a pseudo-terminal for an external program
    station = DeviceStation(segment, device) # simulated stations run in the segment's thread
    segment.start(); ...; segment.stop()
    segment.log                              # which station sent what, and when

Stations that send at the same time collide: the others receive corrupt bytes, as on a real line.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from simulators.bus.folder import port_folder
from simulators.bus.frames import crc_valid
from simulators.bus.pty import Pty
from simulators.bus.reactor import Reactor, SilenceFraming

STALE_BYTES = 512  # limit of the bytes that a closed port keeps; a UART would keep none
Receiver = Callable[[bytes], None]


@dataclass(slots=True)
class Transmission:
    """One uninterrupted transmission of one station.

    station: name of the station.
    start_s: monotonic time of the first bit on the line, seconds.
    end_s: monotonic time after the last bit on the line, seconds.
    data: the bytes as sent, before a collision corrupts them.
    collided: True if another transmission overlaps.
    """

    station: str
    start_s: float
    end_s: float
    data: bytes
    collided: bool = False


class Segment(Reactor):
    def __init__(self, baud: int = 19200, bits: int = 10, chunk: int = 4) -> None:
        super().__init__("segment")
        self.character_s = bits / baud
        self.silence_s = 0.00175 if baud > 19200 else 3.5 * self.character_s
        self.log: list[Transmission] = []
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

    # --- transmission ---

    def _transmit(self, station: str, data: bytes) -> float:
        """Send bytes after those that the same station sent before."""
        self.sent_bytes[station] += len(data)
        now_s = self.now()
        last = self.log[-1] if self.log else None
        own = next((transmission for transmission in reversed(self.log[-8:]) if transmission.station == station), None)
        start_s = max(now_s, own.end_s) if own is not None else now_s
        transmission = Transmission(station, start_s, start_s + len(data) * self.character_s, data)
        for other in self.log[-8:]:
            if other.station != station and other.end_s > start_s and other.start_s < transmission.end_s:
                other.collided = transmission.collided = True
        if last is not None and last is own and start_s - last.end_s < self.character_s:
            last.data += data  # one transmission: the sender's buffer was filled in two parts
            last.end_s = transmission.end_s
            last.collided |= transmission.collided
            self._schedule(last, len(last.data) - len(data))
        else:
            self.log.append(transmission)
            self._schedule(transmission, 0)
        return transmission.end_s

    def _schedule(self, transmission: Transmission, begin: int) -> None:
        for at in range(begin, len(transmission.data), self.chunk):
            end = min(at + self.chunk, len(transmission.data))
            when_s = transmission.start_s + end * self.character_s
            self.at(when_s, partial(self._deliver_chunk, transmission, at, end))

    def _deliver_chunk(self, transmission: Transmission, at: int, end: int) -> None:
        data = transmission.data[at:end]
        if transmission.collided:
            data = bytes(byte ^ 0x5A for byte in data)
        for name, receive in self._receivers.items():
            if name != transmission.station:
                receive(data)
        for name, port in self._ptys.items():
            if name != transmission.station:
                self._deliver(port, data)

    # --- ports ---

    def _deliver(self, port: Pty, data: bytes) -> None:
        """Write to a port that may be closed.

        Stale bytes beyond a limit are dropped, so that the next reader does not get them.
        """
        if port.unread() > STALE_BYTES:
            port.discard_unread()
        port.write(data)

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


class Framing(SilenceFraming):
    """Frame detection of a station: 3.5 characters of silence end a frame; corrupt frames are dropped and counted."""

    def __init__(self, segment: Segment, on_frame: Callable[[bytes], None]) -> None:
        # Bytes arrive in chunks, the next one up to a chunk later: the silence counts only after that time.
        super().__init__(segment, segment.silence_s + segment.chunk * segment.character_s, self._check)
        self._on_valid_frame = on_frame
        self.damaged = 0

    def _check(self, frame: bytes) -> None:
        if crc_valid(frame):
            self._on_valid_frame(frame)
        else:
            self.damaged += 1


class Station:
    """A slave on a segment; a subclass responds in `on_request`."""

    def __init__(self, segment: Segment, unit: int, name: str = "", turnaround_s: float = 0.003) -> None:
        self.unit = unit
        self.name = name or f"slave-{unit}"
        self.segment, self._turnaround_s = segment, turnaround_s
        self.framing = Framing(segment, self._on_frame)
        self._send = segment.attach(self.name, self.framing.on_bytes)

    def _on_frame(self, frame: bytes) -> None:
        if frame[0] == self.unit:
            self.on_request(frame)

    def on_request(self, frame: bytes) -> None:
        """Respond to a valid frame with this unit identifier."""
        raise NotImplementedError

    def respond(self, data: bytes) -> None:
        self.segment.at(self.segment.now() + self._turnaround_s, partial(self._send, data))
