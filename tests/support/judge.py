"""Whether what a master believes is true: the same court for our engine and for every peer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from simulators.bus.frames import Ask, Block, answers

# Same unit, function and length, so that only the contents tell one from the other. Unit 2 is a function code too,
# which costs pymodbus every answer behind a stray byte.
BLOCKS = (Block(2, 3, 100, 4), Block(2, 3, 200, 4), Block(2, 3, 300, 4))


@dataclass(slots=True)
class Score:
    good: int = 0
    wrong: int = 0
    lost: int = 0
    reasons: list[str] = field(default_factory=list)  # why something is wrong or lost

    def __str__(self) -> str:
        return f"{self.good}/{f'**{self.wrong}**' if self.wrong else 0}/{self.lost}"

    def take(self, words: Sequence[int], block: Block, since_s: float, asked: Sequence[Ask]) -> None:
        """Values that were given out as good. since_s: monotonic time at which this poll began."""
        trouble = fault_of(words, block, since_s, asked)
        if trouble:
            self.wrong += 1
            self.reasons.append(trouble)
        else:
            self.good += 1

    def miss(self, why: object) -> None:
        self.lost += 1
        self.reasons.append(f"{type(why).__name__}: {why}" if isinstance(why, Exception) else str(why))


def fault_of(words: Sequence[int], block: Block, since_s: float, asked: Sequence[Ask]) -> str:
    """What is wrong with these registers; empty when they answer a request that this very poll sent."""
    if len(words) != block.words:
        return f"{len(words)} registers for {block.words}"
    number = answers(words, block.unit, block.function, block.address)
    if number is None:
        return f"not the contents of {block}: {list(words)}"
    # Numbers wrap at 65536: the newest request of that number.
    candidates = asked[(number - 1) & 0xFFFF :: 1 << 16]
    if not candidates:
        return f"answers request {number}, which nobody sent"
    if candidates[-1].at_s < since_s:
        return f"answers request {number}, which an earlier poll sent {since_s - candidates[-1].at_s:.3f} s before"
    return ""


def block_of(poll: int, blocks: Sequence[Block] = BLOCKS) -> Block:
    return blocks[poll % len(blocks)]
