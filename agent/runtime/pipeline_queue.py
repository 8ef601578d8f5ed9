"""What waits for the pipeline thread: readings and functions in the order of arrival, and blocks of waveform streams.

When processing cannot keep up, blocks are discarded first, and only those of the stream that takes too long.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter, deque
from collections.abc import Callable

from msgspec import Struct, field

from agent.runtime.pipeline import Item
from drivers.reading import Reading, Waveform

log = logging.getLogger(__name__)

READINGS_MAX = 1000
BLOCKS_MAX, BYTES_MAX = 500, 4_000_000  # of one stream: 5 s of blocks of 10 ms; 8 s of six channels at 10.24 kHz
DRAIN_S = 0.2  # longest processing of earlier blocks before a function
QUIET_S = 60.0  # without discarded blocks, after which the next ones are logged again


class DroppedReadings(Struct, frozen=True):
    """Readings of one device that were not processed.

    n: their number.
    from_ms, to_ms: UTC of the first request and of the last response.
    """

    device: str
    n: int
    from_ms: int
    to_ms: int

    def __add__(self, other: DroppedReadings) -> DroppedReadings:
        from_ms, to_ms = min(self.from_ms, other.from_ms), max(self.to_ms, other.to_ms)
        return DroppedReadings(self.device, self.n + other.n, from_ms, to_ms)


class _Stream(Struct):
    """The blocks of one stream that wait, with their arrival numbers.

    bytes: of their samples.
    used_s: processing time, at least as much as the stream served last had used when the first block arrived.
    full: whether new blocks are discarded until all waiting ones are processed.
    discarded_s: time of the last discarded block.
    """

    blocks: deque[tuple[int, Waveform]] = field(default_factory=deque)
    bytes: int = 0
    used_s: float = 0.0
    full: bool = False
    discarded_s: float = float("-inf")

    def pop(self) -> Waveform:
        _, block = self.blocks.popleft()
        self.bytes -= block.samples.nbytes
        return block


class PipelineQueue:
    """Thread-safe; `get` is for one thread. now_s: monotonic time in seconds.

    Readings and functions are taken before blocks, in the order of arrival. Of the waveform streams, the one that has
    used the smallest processing time is next (start-time fair queueing, Goyal, Vin and Cheng 1997 [M]), so that a
    stream that needs less than its share waits for one block of the others. A function also runs after the blocks that
    arrived before it; those that cannot be processed within DRAIN_S are discarded.

    When a stream exceeds its limits, its new blocks are discarded until the waiting ones are processed: one long gap
    leaves more to the analysis than many short ones. The sample index shows the gap. Above READINGS_MAX, the device
    with the most waiting readings loses its oldest one. Functions are never dropped.

    dropped: number of dropped readings.
    """

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        self.dropped = 0
        self._now_s = now_s
        self._changed = threading.Condition()
        self._arrivals = 0
        self._ordered: deque[tuple[int, Reading | Callable[[], None]]] = deque()
        self._readings = Counter[str]()  # device → number of waiting readings
        self._dropped: dict[str, DroppedReadings] = {}  # not yet reported
        self._streams: dict[str, _Stream] = {}
        self._served: tuple[_Stream, float] | None = None  # stream of the block in processing, and its start
        self._least_used_s = 0.0  # used_s of the stream that was served last
        self._drain_until_s: float | None = None

    @property
    def is_empty(self) -> bool:
        return not self._ordered and not any(stream.blocks for stream in self._streams.values())

    @property
    def has_readings(self) -> bool:
        """Whether readings or functions wait."""
        return bool(self._ordered)

    @property
    def has_unreported(self) -> bool:
        """Whether readings were dropped that `report_dropped` has not reported."""
        return bool(self._dropped)

    def put(self, item: Item) -> None:
        with self._changed:
            self._arrivals += 1
            if isinstance(item, Waveform):
                self._put_block(item)
            else:
                self._ordered.append((self._arrivals, item))
                if isinstance(item, Reading):
                    self._readings[item.device] += 1
                    if self._readings.total() > READINGS_MAX:
                        self._drop_reading()
            self._changed.notify()

    def get(self, timeout_s: float) -> Item | None:
        """The next item; None: there was none for timeout_s seconds. The time from the return of a block to the next
        call is its processing time.
        """
        with self._changed:
            if self._served is not None:
                stream, since_s = self._served
                stream.used_s += self._now_s() - since_s
                self._served = None
            self._changed.wait_for(lambda: self._ordered or self._next_stream(), timeout_s)
            return self._next()

    def report_dropped(self, record: Callable[[DroppedReadings], None]) -> None:
        """Calls `record` for each device with dropped readings that were not reported yet. When it raises an exception,
        which is passed on, its readings will be reported again.
        """
        for device in list(self._dropped):
            with self._changed:
                dropped = self._dropped.pop(device)
            try:
                record(dropped)
            except BaseException:
                self._add_dropped(dropped)
                raise

    def _put_block(self, block: Waveform) -> None:
        stream = self._streams.setdefault(block.device, _Stream())
        if not stream.blocks:
            stream.full = False
            stream.used_s = max(stream.used_s, self._least_used_s)
        elif len(stream.blocks) >= BLOCKS_MAX or stream.bytes + block.samples.nbytes > BYTES_MAX:
            stream.full = True
        if stream.full:
            self._log_discarded(block.device)
        else:
            stream.blocks.append((self._arrivals, block))
            stream.bytes += block.samples.nbytes

    def _discard_blocks(self, before: int) -> None:
        """Discards the waiting blocks that arrived before `before`."""
        for name, stream in self._streams.items():
            while self._is_waiting(stream, before):
                stream.pop()
                self._log_discarded(name)

    def _log_discarded(self, name: str) -> None:
        stream, now_s = self._streams[name], self._now_s()
        if now_s - stream.discarded_s > QUIET_S:
            log.warning("waveform %s: more samples arrive than this computer can process; samples are discarded, and "
                        "results without them carry GAP; check the sampling rate of the sender", name)  # fmt: skip
        stream.discarded_s = now_s

    def _drop_reading(self) -> None:
        device = max(self._readings, key=self._readings.__getitem__)
        for index, (_, item) in enumerate(self._ordered):
            if isinstance(item, Reading) and item.device == device:
                del self._ordered[index]
                self._readings[device] -= 1
                self.dropped += 1
                self._add_dropped(DroppedReadings(device, 1, item.sent_ns // 1_000_000, item.came_ns // 1_000_000))
                return

    def _add_dropped(self, dropped: DroppedReadings) -> None:
        with self._changed:
            before = self._dropped.get(dropped.device)
            self._dropped[dropped.device] = dropped if before is None else before + dropped

    def _next(self) -> Item | None:
        if not self._ordered:
            return self._next_block()
        number, item = self._ordered[0]
        if isinstance(item, Reading):
            self._readings[item.device] -= 1
        else:
            if self._drain_until_s is None:
                self._drain_until_s = self._now_s() + DRAIN_S
            if self._now_s() < self._drain_until_s and (block := self._next_block(number)) is not None:
                return block
            self._discard_blocks(number)
            self._drain_until_s = None
        self._ordered.popleft()
        return item

    def _next_block(self, before: int | None = None) -> Waveform | None:
        if (stream := self._next_stream(before)) is None:
            return None
        self._least_used_s = stream.used_s
        self._served = stream, self._now_s()
        return stream.pop()

    def _next_stream(self, before: int | None = None) -> _Stream | None:
        """The stream whose next block is due; before: only blocks with a smaller arrival number."""
        waiting = [stream for stream in self._streams.values() if self._is_waiting(stream, before)]
        return min(waiting, key=lambda stream: stream.used_s, default=None)

    @staticmethod
    def _is_waiting(stream: _Stream, before: int | None) -> bool:
        return bool(stream.blocks) and (before is None or stream.blocks[0][0] < before)
