"""What a port next to another master receives, at byte timing, on virtual time: frames, faults and times of reading.

Each response has contents that identify its request (simulators.bus.frames.content), so that a value of another request
is recognised without the code under test.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterator, Sequence
from random import Random
from typing import NamedTuple

from simulators.bus.frames import ReadBlock, content, crc_valid, rtu, rtu_request


class LineFaults(NamedTuple):
    """Probability of each fault, as a share of all responses or requests.

    stray: 1 to 8 bytes before a response, among them its own first bytes. glitch: one byte after it. damaged: wrong
    bytes in it. truncated: its end is missing. late: it comes after LATE_S. lost: none comes.
    unheard: a request with wrong bytes at the receiver, but not at the device. deaf: the reverse.
    stall: the receiver does not read for up to STALL_S; share of its reads.
    """

    stray: float = 0.04
    glitch: float = 0.03
    damaged: float = 0.002
    truncated: float = 0.001
    late: float = 0.001
    lost: float = 0.001
    unheard: float = 0.001
    deaf: float = 0.001
    stall: float = 0.001


LATE_S, STALL_S = 0.35, 0.4
TIMEOUT_S, TURNAROUND_S = 0.12, (0.004, 0.04)


class Heard(NamedTuple):
    """Bytes that one read returns; times as in ExchangeFinder.feed."""

    data: bytes
    empty_s: float
    read_s: float


class OverheardLine:
    """A line with masters and devices.

    blocks: for each master, what it reads in each cycle of `cycle_s`. queues: devices that process a request later
    instead of ignoring it while they are busy.
    intact: responses that were sent without fault to a request that was received without fault, before the time-out of
    the master. counts: number of each fault.
    """

    def __init__(
        self, seed: int, blocks: Sequence[Sequence[ReadBlock]], faults: LineFaults, *, baud: int = 19200,
        cycle_s: float = 0.2, queues: bool = False,
    ) -> None:  # fmt: skip
        self.counts, self.intact = Counter[str](), 0
        self.character_s = 10 / baud
        self._chance, self._masters, self._faults = Random(seed), blocks, faults
        self._cycle_s, self._queues = cycle_s, queues
        self._number = 0
        self._busy_until_s: dict[int, float] = {}
        self._sent: list[tuple[float, bytes]] = []

    def heard(self, cycles: int, read_s: float = 0.02) -> Iterator[Heard]:
        """What is read. read_s: usual time between two reads."""
        for master, blocks in enumerate(self._masters):
            now_s = 0.0
            for cycle in range(cycles):  # the phase between two masters drifts
                now_s = max(now_s, cycle * self._cycle_s * (1 + 0.03 * master))
                for block in blocks:
                    now_s = self._exchange(block, now_s) + self._chance.uniform(0.003, 0.008)
        yield from self._read(self._bytes(), read_s)

    def _exchange(self, block: ReadBlock, now_s: float) -> float:
        """Sends a request and its response. Returns when the master continues."""
        chance = self._chance
        self._number += 1
        request = rtu_request(*block)
        unheard, deaf = self._draw("unheard"), self._draw("deaf")
        self._sent.append((now_s, self._wrong(request) if unheard or deaf else request))
        end_s = now_s + len(request) * self.character_s
        give_up_s = end_s + TIMEOUT_S
        begin_s = end_s + chance.uniform(*TURNAROUND_S)
        busy_s = self._busy_until_s.get(block.unit, 0.0)
        if deaf or (busy_s > now_s and not self._queues):
            return give_up_s
        data = b"".join(word.to_bytes(2, "big") for word in content(*block, self._number))
        frame = rtu(block.unit, bytes((block.function, len(data))) + data)
        fault = next((name for name in ("stray", "damaged", "truncated", "late", "lost") if self._draw(name)), "")
        if fault == "lost":
            return give_up_s
        begin_s = max(begin_s, busy_s + 0.003) + (LATE_S if fault == "late" else 0.0)
        faulty = {"damaged": self._wrong(frame), "truncated": frame[:-3], "stray": self._stray(frame) + frame}
        sent = faulty.get(fault, frame)
        self._sent.append((begin_s, sent))
        response_end_s = self._busy_until_s[block.unit] = begin_s + len(sent) * self.character_s
        if self._draw("glitch"):
            self._sent.append((response_end_s + 0.001, bytes((chance.choice((0, 255)),))))
        if response_end_s > give_up_s:
            return give_up_s
        self.intact += fault in ("", "stray") and not unheard
        return response_end_s

    def _draw(self, name: str) -> bool:
        hit = self._chance.random() < getattr(self._faults, name)
        self.counts[name] += hit
        return hit

    def _wrong(self, frame: bytes) -> bytes:
        """The frame with one to three wrong bytes that the checksum detects (one in 65536 passes every receiver)."""
        while True:
            data = bytearray(frame)
            for at in self._chance.sample(range(len(data)), self._chance.randint(1, 3)):
                data[at] ^= self._chance.randrange(1, 256)
            if not crc_valid(bytes(data)):
                return bytes(data)

    def _stray(self, frame: bytes) -> bytes:
        n, kind = self._chance.randint(1, 8), self._chance.randrange(4)
        return (frame[:n], b"\0" * n, b"\xff" * n, self._chance.randbytes(n))[kind]

    def _bytes(self) -> list[tuple[float, int]]:
        """All bytes with the time at which they are complete; those of frames that overlap are wrong."""
        self._sent.sort()
        free_s, found = float("-inf"), list[tuple[float, int]]()
        for n, (begin_s, data) in enumerate(self._sent):
            end_s = begin_s + len(data) * self.character_s
            following_s = self._sent[n + 1][0] if n + 1 < len(self._sent) else float("inf")
            mask = 0x5A if begin_s < free_s or following_s < end_s else 0
            self.counts["collided"] += bool(mask)
            found += ((begin_s + (k + 1) * self.character_s, byte ^ mask) for k, byte in enumerate(data))
            free_s = max(free_s, end_s)
        heapq.heapify(found)
        return [heapq.heappop(found) for _ in range(len(found))]

    def _read(self, sent: Sequence[tuple[float, int]], read_s: float) -> Iterator[Heard]:
        at, empty_s = 0, 0.0
        while at < len(sent):
            now_s = max(sent[at][0], empty_s) + read_s * self._chance.uniform(0.2, 1.2)
            now_s += self._chance.uniform(0.05, STALL_S) if self._draw("stall") else 0.0
            begin = at
            while at < len(sent) and sent[at][0] <= now_s:
                at += 1
            yield Heard(bytes(byte for _, byte in sent[begin:at]), max(empty_s, sent[begin][0] - 0.025), now_s)
            empty_s = now_s
