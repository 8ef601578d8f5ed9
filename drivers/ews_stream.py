"""Receives waveform streams (EWS/1) over a serial port or TCP, one thread per stream."""

from __future__ import annotations

import logging
import socket
import termios
import threading
import time
from collections.abc import Callable

import numpy as np
from msgspec import Struct, field

from drivers import ews_protocol
from drivers.reading import Clock, Quality, Waveform

log = logging.getLogger(__name__)

READ_BYTES = 65536
READ_S = 0.1
GATHER_S = 0.01  # pause, to read many frames in one call; the kernel buffers 4 KiB per port: 13 ms at 3 Mbaud
REST = 3.0  # pause for each second of processor time: a sender that floods the port leaves time to the other threads
CONNECT_S = 5.0
RETRY_S = (1.0, 30.0)  # first and longest delay before a lost port is opened again
RESTARTED = 1 << 16  # not a valid stream identifier: the next frame starts a new stream
BACKWARDS_MAX = 16  # consecutive frames with a decreasing index that count as a restart of the sender
CLOCK_STEP_NS = 100_000_000  # smallest step of UTC that is corrected
SKEW_NS = 1000.0  # tolerated delay between channels; 0.02 degrees at 50 Hz
CLOCK_APART_S = 5.0  # tolerated difference between the clock of the sender and ours
ALIVE_S = 10.0  # a connection of that duration resets the delay before the next attempt
HELLO_WAIT_S = 5.0  # time with bytes but without samples that is logged once (hello frames arrive every second)
FIT_S, FIT_POINTS = 0.5, 240  # arrival times for the rate estimate: one per 0.5 s, two minutes


class _Run(Struct):
    """Contiguous samples under one hello frame.

    hello: description of the channels.
    index: number of the first sample since the start of the stream.
    quality: flags of all samples.
    device_us: sender's UTC of the first sample in us; 0: not synchronized.
    parts: arrays of shape (channels, n), in V and A.
    """

    hello: ews_protocol.Hello
    index: int
    quality: Quality
    device_us: int
    parts: list[np.ndarray] = field(default_factory=list)

    @property
    def end(self) -> int:
        """Index after the last sample."""
        return self.index + sum(int(part.shape[1]) for part in self.parts)


class Assembler(Struct):
    """Assembles frames to blocks of samples, with an index that includes lost samples. Uses no clock and no port.

    device: name of the stream.
    quality: flags added to every block.
    decoder: frame decoder; its counter `damaged` includes frames that do not match their hello frame.
    hello: latest description of the channels; None: not received yet, or not usable.
    """

    device: str
    quality: Quality = Quality.GOOD
    decoder: ews_protocol.EwsDecoder = field(default_factory=ews_protocol.EwsDecoder)
    hello: ews_protocol.Hello | None = None
    _calibration: int = -1
    _hello_payload: bytes = b""
    _stream: int = -1
    _backwards: int = 0  # consecutive frames with a decreasing index
    _next_device: int = 0  # expected index of the next frame, modulo 2^32
    _next: int = 0  # the same without wrap-around, continued across restarts
    _last_ns: int = 0
    _arrivals: list[tuple[int, int]] = field(default_factory=list)
    _skewed: bool = False

    def feed(self, data: bytes, came_ns: int) -> list[Waveform]:
        """Blocks of samples completed by `data`, received at UTC came_ns; contiguous frames are joined."""
        runs: list[_Run] = []
        for frame in self.decoder.feed(data):
            if frame.type == ews_protocol.HELLO and frame.hello is not None:
                self._set_hello(frame, frame.hello)
            elif frame.type == ews_protocol.SAMPLES:
                self._add_samples(frame, came_ns, runs)
        return [self._waveform(run, came_ns) for run in runs]

    def rate_hz(self) -> float | None:
        """Sampling rate in Hz by the local clock, from a least-squares fit of arrival times. None in the first 10 s."""
        if len(self._arrivals) < 20:
            return None
        points = np.array(self._arrivals, dtype=np.float64)
        points -= points[0]
        slope = np.polyfit(points[:, 0], points[:, 1], 1)[0]
        return float(1e9 / slope) if slope > 0 else None

    def drift_ppm(self) -> float | None:
        """Relative rate deviation of the sender's clock in ppm, positive if it is fast. None in the first 10 s."""
        rate_hz = self.rate_hz()
        return None if rate_hz is None or self.hello is None else (rate_hz / self.hello.rate_hz - 1) * 1e6

    def clock_stepped(self, by_ns: int) -> None:
        """Shifts earlier arrival times by a step of UTC, so that it does not appear as drift or as a gap."""
        self._last_ns += by_ns
        self._arrivals = [(index, came_ns + by_ns) for index, came_ns in self._arrivals]

    def reopened(self) -> None:
        """Prepares for a new connection: the sender may have restarted with any index."""
        if self._stream >= 0:
            self._stream = RESTARTED

    def _set_hello(self, frame: ews_protocol.EwsFrame, hello: ews_protocol.Hello) -> None:
        self._calibration = frame.calibration
        if frame.payload == self._hello_payload:
            return
        self._hello_payload, self.hello = frame.payload, hello
        self._arrivals.clear()
        if (cause := ews_protocol.unusable(hello)) is not None:
            self.hello = None
            log.warning("waveform %s: the samples are not used, because the hello frame states %s", self.device, cause)
            return
        delays = [channel.delay_ns for channel in hello.channels]
        self._skewed = bool(delays) and max(delays) - min(delays) > SKEW_NS
        if self._skewed:
            log.warning(
                "waveform %s: sampling times of the channels differ by up to %.1f us (delay_ns); not corrected, "
                "samples get the flag UNVERIFIED",
                self.device,
                (max(delays) - min(delays)) / 1000,
            )

    def _add_samples(self, frame: ews_protocol.EwsFrame, came_ns: int, runs: list[_Run]) -> None:
        if self.hello is None or frame.calibration != self._calibration:
            return
        block = ews_protocol.samples(frame, self.hello)
        if block is None:
            self.decoder.damaged += 1
            return
        if frame.stream != self._stream:
            if self._stream >= 0:  # the sender restarted: estimate the lost samples from the elapsed time
                missing = max(1, round((came_ns - self._last_ns) / 1e9 * self.hello.rate_hz) - frame.count)
                self._next += missing
            self._stream, self._arrivals = frame.stream, []
        else:
            missing = (frame.index - self._next_device) & 0xFFFFFFFF
            if missing >= 0x80000000:  # decreasing index in one stream: repeated frame, or restart
                self.decoder.damaged += 1
                self._backwards += 1
                if self._backwards >= BACKWARDS_MAX:
                    self._stream = RESTARTED
                return
            self._backwards = 0
            self._next += missing
        quality = Quality.CLIPPED if frame.flags & ews_protocol.FLAG_CLIPPED else Quality.GOOD
        if self._skewed:
            quality |= Quality.UNVERIFIED
        if frame.flags & ews_protocol.FLAG_OVERRUN:
            quality |= Quality.GAP
        last = runs[-1] if runs else None
        if last is None or (last.end, last.quality) != (self._next, quality) or last.hello is not self.hello:
            device_us = frame.device_us if frame.flags & ews_protocol.FLAG_SYNCHRONISED else 0
            last = _Run(self.hello, self._next, quality, device_us)
            runs.append(last)
        last.parts.append(block)
        self._next += frame.count
        self._next_device = (frame.index + frame.count) & 0xFFFFFFFF
        if not self._arrivals or came_ns - self._arrivals[-1][1] > FIT_S * 1e9:
            self._arrivals.append((self._next, came_ns))
            del self._arrivals[:-FIT_POINTS]
        self._last_ns = came_ns

    def _waveform(self, run: _Run, came_ns: int) -> Waveform:
        hello, quality = run.hello, run.quality
        start_ns = came_ns - round((self._next - run.index) / hello.rate_hz * 1e9)
        if run.device_us and abs(run.device_us * 1000 - start_ns) < CLOCK_APART_S * 1e9:
            start_ns = run.device_us * 1000
        elif run.device_us:  # the sender reports a synchronized clock that differs from ours
            quality |= Quality.CLOCK_UNSYNCHRONIZED
        return Waveform(
            self.device,
            start_ns,
            run.index,
            hello.rate_hz,
            tuple(item.name for item in hello.channels),
            np.ascontiguousarray(np.concatenate(run.parts, axis=1)),
            tuple(item.clipping for item in hello.channels),
            quality | self.quality,
            tuple(item.scale for item in hello.channels),
        )


class StreamReader(threading.Thread):
    """Thread that reads one stream until stopped and reconnects after a failure. Logs loss and recovery once each.

    name: name of the stream. where: path of a serial port, or socket://host:port. baud: bit rate of a serial port.
    on_waveform: receives each Waveform; must not wait. clock: source of UTC. quality: flags of all samples.
    alive: whether samples are arriving.
    """

    def __init__(
        self, name: str, where: str, baud: int, on_waveform: Callable[[Waveform], None], clock: Clock, quality: Quality
    ) -> None:
        super().__init__(name=f"waveform-{name}", daemon=True)
        self.assembler = Assembler(name, quality)
        self.device = name
        self.alive = self._loss_logged = self._useless_logged = False
        self._useless_since_s = 0.0  # monotonic time since which no samples arrived; 0: not set
        self._offset_ns: int | None = None  # UTC minus monotonic time when data was last received
        self._where, self._baud, self._on_waveform, self._clock = where, baud, on_waveform, clock
        self._ending = threading.Event()

    def stop(self) -> None:
        """Ends the thread; returns immediately."""
        self._ending.set()

    def run(self) -> None:
        """Reads until `stop`."""
        read = self._read_tcp if self._where.startswith("socket://") else self._read_serial
        pause_s = RETRY_S[0]
        while not self._ending.is_set():
            started_s = time.monotonic()
            try:
                read()
            except (OSError, termios.error, ValueError) as error:
                if not self._loss_logged:
                    log.warning(
                        "waveform %s: %s lost (%s); next attempt in %g s", self.device, self._where, error, pause_s
                    )
                self._loss_logged, self.alive = True, False
            if time.monotonic() - started_s > ALIVE_S:
                pause_s = RETRY_S[0]
            self._ending.wait(pause_s)
            pause_s = min(2 * pause_s, RETRY_S[1])
            self.assembler.reopened()

    def _read_tcp(self) -> None:
        """Reads until stopped. Raises OSError if the connection is lost."""
        host, _, port = self._where.removeprefix("socket://").rpartition(":")
        with socket.create_connection((host, int(port)), timeout=CONNECT_S) as connection:
            connection.settimeout(READ_S)
            while not self._ending.is_set():
                try:
                    data = connection.recv(READ_BYTES)
                except TimeoutError:
                    continue
                if not data:
                    raise ConnectionError("connection closed by the sender")
                self._feed_and_rest(data)

    def _read_serial(self) -> None:
        """Reads until stopped. Raises OSError or termios.error if the port is lost."""
        import serial

        with serial.Serial(self._where, self._baud, timeout=READ_S, exclusive=True) as port:
            while not self._ending.is_set():
                data = port.read(1)
                while len(data) < READ_BYTES and (waiting := port.in_waiting):
                    data += port.read(waiting)
                self._feed_and_rest(data)

    def _feed_and_rest(self, data: bytes) -> None:
        started_s = time.thread_time()
        self._feed(data)
        self._ending.wait(max(GATHER_S, REST * (time.thread_time() - started_s)))

    def _feed(self, data: bytes) -> None:
        now_s = time.monotonic()
        if not data or not self._useless_since_s:
            self._useless_since_s = now_s
        if data and now_s - self._useless_since_s > HELLO_WAIT_S and not self._useless_logged:
            log.warning(
                "waveform %s: %s sends data, but no samples with a matching hello frame (see docs/reference/ews1.md)",
                self.device,
                self._where,
            )
            self._useless_logged = True
        utc_ns = self._clock.utc_ns()
        offset_ns = utc_ns - self._clock.monotonic_ns()
        if self._offset_ns is not None and abs(offset_ns - self._offset_ns) > CLOCK_STEP_NS:
            self.assembler.clock_stepped(offset_ns - self._offset_ns)
        self._offset_ns = offset_ns
        for block in self.assembler.feed(data, utc_ns):
            if not self.alive:
                log.info("waveform %s: receiving samples from %s", self.device, self._where)
                self.alive, self._loss_logged = True, False
            self._useless_since_s = now_s
            self._on_waveform(block)
