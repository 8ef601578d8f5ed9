"""Checks the values that a master returns against the requests that the server received; for every master."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import takewhile

from simulators.bus.frames import Ask, ReadBlock, answers

# Same unit identifier, function and length, so that only the contents identify the response. 2 is also a function code:
# with it, pymodbus loses every response after a stray byte.
BLOCKS = (ReadBlock(2, 3, 100, 4), ReadBlock(2, 3, 200, 4), ReadBlock(2, 3, 300, 4))


@dataclass(slots=True)
class Score:
    """Result of a series of polls.

    good: correct values. wrong: values of another request. lost: polls without values.
    reasons: why polls were wrong or lost.
    """

    good: int = 0
    wrong: int = 0
    lost: int = 0
    reasons: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{self.good}/{f'**{self.wrong}**' if self.wrong else 0}/{self.lost}"

    def take(self, words: Sequence[int], block: ReadBlock, since_s: float, asked: Sequence[Ask]) -> None:
        """Records values that the master returned as valid. since_s: monotonic time at which the poll started."""
        trouble = fault_of(words, block, since_s, asked)
        if trouble:
            self.wrong += 1
            self.reasons.append(trouble)
        else:
            self.good += 1

    def miss(self, why: object) -> None:
        """Records a poll without values."""
        self.lost += 1
        self.reasons.append(f"{type(why).__name__}: {why}" if isinstance(why, Exception) else str(why))


def fault_of(words: Sequence[int], block: ReadBlock, since_s: float, asked: Sequence[Ask]) -> str:
    """Why these registers are wrong; empty if they are the responses to requests of this poll.

    A master may read a block in parts; each part must then be the response to a request of this poll.
    """
    if len(words) != block.words:
        return f"{len(words)} registers instead of {block.words}"
    recent = list(takewhile(lambda ask: ask.at_s >= since_s, reversed(asked)))
    at = 0
    while at < block.words:
        length = max((_matching(words, at, block, ask) for ask in recent), default=0)
        if not length:
            return _origin(words, at, block, since_s, asked)
        at += length
    return ""


def _matching(words: Sequence[int], at: int, block: ReadBlock, ask: Ask) -> int:
    """Number of the words from index `at` on that are those of the response to this request."""
    begin = block.address + at - ask.address
    if (ask.unit, ask.function) != (block.unit, block.function) or not 0 <= begin < ask.count:
        return 0
    pairs = zip(words[at:], ask.words[begin:], strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _origin(words: Sequence[int], at: int, block: ReadBlock, since_s: float, asked: Sequence[Ask]) -> str:
    """Where the words from index `at` on come from, which are not those of a request of this poll."""
    earlier = next((ask for ask in reversed(asked) if _matching(words, at, block, ask)), None)
    if earlier is not None:
        return f"response to request {earlier.number} of an earlier poll, {since_s - earlier.at_s:.3f} s before"
    number = answers(words, block.unit, block.function, block.address)
    if number is not None:
        return f"response to request {number}, which was not sent"
    return f"{list(words)} are not the contents of {block} from register {at} on"


def block_of(poll: int, blocks: Sequence[ReadBlock] = BLOCKS) -> ReadBlock:
    """The block of this poll; the blocks take turns."""
    return blocks[poll % len(blocks)]
