"""What a device refused to be asked: how it is read from then on, and when it is asked for that again.

It may have been booting, or its software was renewed. So a minute after the refusal, after each start and after each
silence it is asked, then ever more seldom, once a day in the end. Each time every refused address costs one request,
one in a poll; while others wait for the line, one in ten polls.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from drivers.profiles import Profile, Register
from drivers.registers import Block

FIRST_S, LONGEST_S = 60.0, 86_400.0
SPARING = 10  # polls for one question while others wait
Address = tuple[int, int, int]  # function, address, count


@dataclass(slots=True)
class Learnt:
    """Whoever keeps it spares the device the same refusals after a restart."""

    split: set[Address] = field(default_factory=set)  # blocks
    absent: set[str] = field(default_factory=set)  # registers that it refuses even alone

    def refused(self, block: Block) -> None:
        """It is read in runs without holes from then on, then register by register, then not at all."""
        if len(block.registers) == 1:
            self.absent.add(block.registers[0].name)
        self.split.add((block.function, block.address, block.count))

    def accepted(self, profile: Profile, blocks: Iterable[Block]) -> list[Block]:
        """The blocks, or smaller ones for those that were refused or reach over a register that is."""
        alone = self._alone(profile)
        return [part for block in blocks for part in self._parts(block, alone)]

    def doubtful(self, profile: Profile) -> list[Address]:
        """What may be asked again: registers by themselves, and blocks in which none of these lies."""
        alone = self._alone(profile)
        return [*alone, *(block for block in self.split if not any(_touch(block, one) for one in alone))]

    def _alone(self, profile: Profile) -> set[Address]:
        return {_address(row) for row in profile.registers if row.name in self.absent}

    def _parts(self, block: Block, alone: set[Address]) -> list[Block]:
        own = block.function, block.address, block.count
        if len(block.registers) == 1 or not (own in self.split or any(_touch(own, one) for one in alone)):
            return [block]
        return [part for run in _runs(block) for part in self._parts(run, alone)]

    def answered(self, profile: Profile, address: Address) -> None:
        self.split.discard(address)
        self.absent -= {row.name for row in profile.registers if _address(row) == address}


class AskAgain:
    """Time is the monotonic clock's."""

    def __init__(self) -> None:
        self._pause_s, self._due_s = FIRST_S, float("inf")
        self._left: list[Address] = []
        self._asked: Address | None = None
        self._polls = 0

    def soon(self, now_s: float) -> None:
        """Something was refused, or the device may be another than it was."""
        self.answer(now_s)
        self._left.clear()

    def answer(self, now_s: float) -> None:
        """What was refused is there: the others have their turn, and soon again those that are not."""
        self._pause_s, self._due_s = FIRST_S, now_s + FIRST_S

    def silence(self) -> None:
        """No answer came. The others wait for the next time and come first then: silence costs more than a refusal."""
        self._left.clear()

    def next(self, now_s: float, refused: Callable[[], Iterable[Address]], hurry: bool = False) -> Address | None:
        """The address whose turn it is in this poll, if any; `refused`: all that are. hurry: others wait."""
        self._polls += 1
        if hurry and self._polls % SPARING:
            return None
        if not self._left:
            if now_s < self._due_s:
                return None
            last = self._asked
            self._left = sorted(refused(), key=lambda one: (last is not None and one <= last, one), reverse=True)
            self._due_s = now_s + self._pause_s
            self._pause_s = min(2 * self._pause_s, LONGEST_S)
        self._asked = self._left.pop() if self._left else None
        return self._asked


def _runs(block: Block) -> list[Block]:
    """The block without its holes; a block without holes register by register."""
    runs: list[list[Register]] = []
    for row in sorted(block.registers, key=lambda item: item.address):
        if runs and runs[-1][-1].address + runs[-1][-1].words == row.address:
            runs[-1].append(row)
        else:
            runs.append([row])
    if len(runs) == 1:
        runs = [[row] for row in runs[0]]
    return [
        Block(block.function, run[0].address, run[-1].address + run[-1].words - run[0].address, tuple(run))
        for run in runs
    ]


def _address(row: Register) -> Address:
    return row.function, row.address, row.words


def _touch(a: Address, b: Address) -> bool:
    return a[0] == b[0] and a[1] < b[1] + b[2] and b[1] < a[1] + a[2]
