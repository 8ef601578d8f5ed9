"""A PLC as another master of a segment: it polls without regard for other masters."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle

from simulators.bus.frames import ReadBlock, answers, rtu_request
from simulators.bus.reactor import Timer
from simulators.bus.segment import Framing, Segment


class Plc:
    """A master that requests each block in turn, one request every `every_s` seconds.

    good: number of correct responses.
    wrong: number of responses that do not match the request.
    lost: number of requests without a response within `timeout_s`.
    """

    def __init__(
        self, segment: Segment, blocks: Sequence[ReadBlock], every_s: float = 0.1, timeout_s: float = 0.08
    ) -> None:
        self.good = self.wrong = self.lost = 0
        self._segment, self._blocks, self._every_s, self._timeout_s = segment, cycle(blocks), every_s, timeout_s
        self._open: ReadBlock | None = None
        self._overdue = Timer(self._on_timeout)
        self._next_poll = Timer(self._poll)
        self._send = segment.attach("plc", Framing(segment, self._on_frame).on_bytes)

    def start(self) -> None:
        """Start polling. From any thread; the segment must run."""
        self._segment.ask(self._poll)

    def halt(self) -> None:
        """Stop polling; the PLC sends nothing from now on."""
        self._segment.ask(lambda: self._next_poll.cancel())

    def _poll(self) -> None:
        self._next_poll = self._segment.at(self._segment.now() + self._every_s, self._poll)
        if self._open is not None:
            return  # a response is outstanding: a master has only one open request
        block = self._open = next(self._blocks)
        end_s = self._send(rtu_request(block.unit, block.function, block.address, block.words))
        self._overdue = self._segment.at(end_s + self._timeout_s, self._on_timeout)

    def _on_timeout(self) -> None:
        if self._open is not None:
            self._open = None
            self.lost += 1

    def _on_frame(self, frame: bytes) -> None:
        block, self._open = self._open, None
        if block is None:
            return
        self._overdue.cancel()
        words = [int.from_bytes(frame[at : at + 2], "big") for at in range(3, len(frame) - 2, 2)]
        fits = frame[:3] == bytes((block.unit, block.function, 2 * block.words)) and len(words) == block.words
        if fits and answers(words, block.unit, block.function, block.address) is not None:
            self.good += 1
        else:
            self.wrong += 1
