"""Registers that a device rejects: how the others are read from then on, and when a rejected one is tried again.

The device may have been booting, or its firmware may have changed. Rejected addresses are therefore tried again one
minute after the rejection, after each start and after each loss of communication, then with increasing delay, up to
once a day. Each trial costs one request per rejected address, at most one per poll; while other devices wait for the
bus, one in ten polls.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from msgspec import Struct, field

from drivers.profiles import Profile, Register
from drivers.register_blocks import Block, block_of

FIRST_S, LONGEST_S = 60.0, 86_400.0
CONTENDED_EVERY = 10  # polls per trial while other devices wait
Address = tuple[int, int, int]  # function, address, count


class UnsupportedRegisters(Struct):
    """Unsupported registers of a device. Stored, so that a restart does not repeat the rejected requests.

    rejected_blocks: blocks that are read in parts.
    registers: names of registers that the device rejects even in a separate request.
    """

    rejected_blocks: set[Address] = field(default_factory=set)
    registers: set[str] = field(default_factory=set)

    def reject(self, block: Block) -> None:
        """Records a rejected block. It is then read in contiguous parts, next by register, finally not at all."""
        if len(block.registers) == 1:
            self.registers.add(block.registers[0].name)
        self.rejected_blocks.add((block.function, block.address, block.count))

    def readable_blocks(self, profile: Profile, blocks: Iterable[Block]) -> list[Block]:
        """The blocks, with smaller ones instead of those that are rejected or contain a rejected register."""
        unsupported = self._unsupported_addresses(profile)
        return [part for block in blocks for part in self._parts(block, unsupported)]

    def to_reprobe(self, profile: Profile) -> list[Address]:
        """Addresses to try again: rejected single registers, and rejected blocks without such a register."""
        unsupported = self._unsupported_addresses(profile)
        return [*unsupported, *(block for block in self.rejected_blocks if not _overlaps(block, unsupported))]

    def _unsupported_addresses(self, profile: Profile) -> set[Address]:
        return {_address(row) for row in profile.registers if row.name in self.registers}

    def _parts(self, block: Block, unsupported: set[Address]) -> list[Block]:
        own = block.function, block.address, block.count
        if len(block.registers) == 1 or not (own in self.rejected_blocks or _overlaps(own, unsupported)):
            return [block]
        return [part for run in _runs(block) for part in self._parts(run, unsupported)]

    def accept(self, profile: Profile, address: Address) -> None:
        """Removes an address that the device accepts again."""
        self.rejected_blocks.discard(address)
        self.registers -= {row.name for row in profile.registers if _address(row) == address}


class ReprobeSchedule:
    """Schedule of the trials. Times are monotonic, in seconds."""

    def __init__(self) -> None:
        self._pause_s, self._next_s = FIRST_S, float("inf")
        self._due: list[Address] = []
        self._last: Address | None = None
        self._polls = 0

    def restart(self, now_s: float) -> None:
        """Restarts the schedule: a request was rejected, or the device may have been changed."""
        self.accepted(now_s)
        self._due.clear()

    def accepted(self, now_s: float) -> None:
        """Records that a rejected address is accepted again: tries the others next and resets the delay."""
        self._pause_s, self._next_s = FIRST_S, now_s + FIRST_S

    def postpone(self) -> None:
        """Records a missing response: postpones the other addresses, because a time-out costs more than a rejection."""
        self._due.clear()

    def next(self, now_s: float, rejected: Callable[[], Iterable[Address]], contended: bool = False) -> Address | None:
        """The address to try in this poll; None: none.

        rejected: returns all rejected addresses. contended: other devices wait for the bus.
        """
        self._polls += 1
        if contended and self._polls % CONTENDED_EVERY:
            return None
        if not self._due:
            if now_s < self._next_s:
                return None
            last = self._last
            self._due = sorted(rejected(), key=lambda one: (last is not None and one <= last, one), reverse=True)
            self._next_s = now_s + self._pause_s
            self._pause_s = min(2 * self._pause_s, LONGEST_S)
        self._last = self._due.pop() if self._due else None
        return self._last


def _runs(block: Block) -> list[Block]:
    """The contiguous parts of a block; a contiguous block register by register."""
    runs: list[list[Register]] = []
    for row in sorted(block.registers, key=lambda item: item.address):
        if runs and runs[-1][-1].address + runs[-1][-1].words == row.address:
            runs[-1].append(row)
        else:
            runs.append([row])
    if len(runs) == 1:
        runs = [[row] for row in runs[0]]
    return [block_of(block.function, run) for run in runs]


def _address(row: Register) -> Address:
    return row.function, row.address, row.words


def _overlaps(block: Address, others: Iterable[Address]) -> bool:
    function, begin, count = block
    return any(other[0] == function and begin < other[1] + other[2] and other[1] < begin + count for other in others)
