"""What a device refused to be asked: how it is read from then on, and when it is asked for that again.

It may have been booting, or its software was renewed. So a minute after the refusal, after each start and after each
silence it is asked, then ever more seldom, once a day in the end. Each time every refused address costs one short
request, one in a poll.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from drivers.profiles import Profile, Register
from drivers.registers import Block

FIRST_S, LONGEST_S = 60.0, 86_400.0
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

    def accepted(self, block: Block) -> list[Block]:
        """The block, or the smaller ones it was split into."""
        if (block.function, block.address, block.count) not in self.split or len(block.registers) == 1:
            return [block]
        return [part for run in _runs(block) for part in self.accepted(run)]

    def doubtful(self, profile: Profile) -> list[Address]:
        """What may be asked again: registers by themselves, and blocks in which none of these lies."""
        alone = {_address(row) for row in profile.registers if row.name in self.absent}
        return [*alone, *(block for block in self.split if not any(_touch(block, one) for one in alone))]

    def answered(self, profile: Profile, address: Address) -> None:
        self.split.discard(address)
        self.absent -= {row.name for row in profile.registers if _address(row) == address}


class AskAgain:
    """Time is the monotonic clock's."""

    def __init__(self) -> None:
        self._pause_s, self._due_s = FIRST_S, float("inf")
        self._left: list[Address] = []

    def soon(self, now_s: float) -> None:
        """Something was refused, or the device may be another than it was."""
        self._pause_s, self._due_s = FIRST_S, now_s + FIRST_S
        self._left.clear()

    def next(self, now_s: float, refused: Iterable[Address]) -> Address | None:
        """The address whose turn it is, if any; `refused`: all that are."""
        if not self._left:
            if now_s < self._due_s:
                return None
            self._left = sorted(refused, reverse=True)
            self._due_s = now_s + self._pause_s
            self._pause_s = min(2 * self._pause_s, LONGEST_S)
        return self._left.pop() if self._left else None


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
