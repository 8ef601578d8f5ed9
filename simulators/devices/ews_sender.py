"""A microcontroller with an ADC front end that sends EWS/1: three voltages and three currents, 64 instants for each
frame.

Each frame is due one plant step after the end of its samples. The sample clock deviates from its nominal rate by a few
ppm; its time stamps are UTC, as with a synchronised device clock.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial

from drivers import ews_protocol
from simulators.devices.waves import FrontEnd, Sampler, Synthesiser
from simulators.plant.train import Train

RATE_HZ = 10240.0
INSTANTS = 64
VOLTS_MAX, AMPS_MAX = 800.0, 400.0
_SCALE = (VOLTS_MAX / 32767, AMPS_MAX / 32767)
_STATUS_EVERY = 10  # one status frame for this many hello frames

HELLO = ews_protocol.Hello(
    rate_hz=RATE_HZ,
    format="int16",
    serial="SIM-EWS-0002",
    firmware="sim-1",
    channels=tuple(
        ews_protocol.Channel(f"{kind}{phase}", scale, clipping=full)
        for kind, scale, full in (("u", _SCALE[0], VOLTS_MAX), ("i", _SCALE[1], AMPS_MAX))
        for phase in (1, 2, 3)
    ),
)


class EwsSender:
    """Sender with a bounded queue: `sample` fills it once for each plant step, `due_frames` returns the due frames.

    If the queue is full, the oldest frames are lost.

    clock_stands: True stops the device clock, which still claims to be synchronised; samples continue.
    """

    def __init__(self, seed: int, drift_ppm: float, noise_counts: float = 1.5, stream: int = 1) -> None:
        self._rate_hz = RATE_HZ * (1 + drift_ppm * 1e-6)
        self._synthesiser = Synthesiser(self._rate_hz)
        self._front = FrontEnd(_SCALE, noise_counts, seed)
        self._stream = stream
        self._sequence = self._index = 0
        self._hello_due_ns = 0
        self._hellos = 0
        self._open = 0.0  # fraction of a sample left over by the last step
        self.dropped = 0  # frames that no reader accepted
        self.clock_stands = False
        self._device_us = 0
        self._pending = b""  # instants that do not yet fill a frame, 12 bytes each
        self._queue: deque[tuple[int, Callable[..., bytes]]] = deque(maxlen=2000)  # time and builder of a frame

    def sample(self, source: Train | Sampler, *, dt_s: float, utc_ns: int, due_ns: int) -> None:
        """Generate the samples of the step that ends at `utc_ns`; they are sent during the next step, from due_ns on.

        A step longer than 5 s represents a suspended device: its samples are lost.

        source: a train in steady state, or a source of samples.
        dt_s: length of the step, seconds.
        utc_ns: UTC time of the end of the step.
        due_ns: monotonic time at which sending begins.
        """
        exact = dt_s * self._rate_hz + self._open
        count = int(exact)
        self._open = exact - count
        if dt_s > 5:
            self._index += count + len(self._pending) // 12
            self._pending = b""
            return
        if isinstance(source, Train):
            wave = self._synthesiser.block(source.u_v, source.i_a, source.frequency_hz, count)
        else:
            wave = source.samples(count, self._rate_hz)
        counts = self._front.counts(wave)
        # Sample number -pending is the first of the buffer, number 0 the first of this step.
        first = -(len(self._pending) // 12)
        data = self._pending + counts.tobytes()
        period_ns = 1e9 / self._rate_hz
        start_ns = utc_ns - (count + self._open) * period_ns
        full = len(data) // (12 * INSTANTS)
        for k in range(full):
            at = first + k * INSTANTS
            due = due_ns + round((at + INSTANTS) * period_ns)
            self._hello(due)
            payload = data[k * 12 * INSTANTS : (k + 1) * 12 * INSTANTS]
            if not self.clock_stands:
                self._device_us = round((start_ns + at * period_ns) / 1000)
            place = {"device_us": self._device_us, "index": self._index & 0xFFFFFFFF, "count": INSTANTS}
            self._schedule(due, ews_protocol.SAMPLES, payload, **place)
            self._index += INSTANTS
        self._pending = data[full * 12 * INSTANTS :]

    def due_frames(self, now_ns: int) -> list[bytes]:
        """Return the due frames in order, with sequence numbers."""
        found = []
        while self._queue and self._queue[0][0] <= now_ns:
            _, build = self._queue.popleft()
            found.append(build(sequence=self._sequence))
            self._sequence += 1
        return found

    def _schedule(
        self, due_ns: int, kind: int, payload: bytes, device_us: int = 0, index: int = 0, count: int = 0
    ) -> None:
        build = partial(
            ews_protocol.build, kind, payload, calibration=1, stream=self._stream,
            flags=ews_protocol.FLAG_SYNCHRONISED, device_us=device_us, index=index, count=count,
        )  # fmt: skip
        self._queue.append((due_ns, build))

    def _hello(self, due_ns: int) -> None:
        if due_ns < self._hello_due_ns:
            return
        self._hello_due_ns = due_ns + 1_000_000_000
        self._schedule(due_ns, ews_protocol.HELLO, ews_protocol.hello_payload(HELLO))
        if self._hellos % _STATUS_EVERY == 0:
            self._schedule(due_ns, ews_protocol.STATUS, ews_protocol.status_payload(38.5, 0, self.dropped))
        self._hellos += 1
