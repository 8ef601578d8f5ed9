"""Plans read requests from register maps. Pure functions."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from msgspec import Struct

from drivers.profiles import Profile, Register


class Block(Struct, frozen=True):
    """One read request.

    function: 3 or 4.
    address: first register, as in the PDU (from 0).
    count: number of registers.
    registers: quantities that the response contains.
    """

    function: int
    address: int
    count: int
    registers: tuple[Register, ...]


def usable(profile: Profile, verified: Collection[str] = frozenset()) -> tuple[Register, ...]:
    """The registers that are read.

    Registers of confidence `from_memory` are read only after a self-check has confirmed them (`verified`). Never read:
    devices with a private protocol, whose read frames may be commands; registers with values of the last trip;
    registers that start a watchdog in the drive when they are read.
    """
    if profile.dialect == "huanyang_private":
        return ()
    return tuple(
        row
        for row in profile.registers
        if (row.confidence != "from_memory" or row.name in verified) and not row.latched and not row.feeds_watchdog
    )


def plan_blocks(profile: Profile, registers: Iterable[Register], hole_max: int = 125) -> tuple[Block, ...]:
    """Combines registers into few requests; a value is never split between two requests.

    hole_max: number of unneeded registers between two needed ones above which a separate request is faster
        (`break_even_hole`).
    """
    blocks: list[Block] = []
    registers = tuple(registers)
    hole_max = hole_max if profile.gaps_allowed else 0
    for function in sorted({row.function for row in registers}):
        rows = sorted((row for row in registers if row.function == function), key=lambda row: row.address)
        run: list[Register] = []
        for row in rows:
            if row.alone:
                continue
            if run and not _joins(profile, run, row, hole_max):
                blocks.append(block_of(function, run))
                run = []
            run.append(row)
        if run:
            blocks.append(block_of(function, run))
        blocks += [block_of(function, [row]) for row in rows if row.alone]
    return tuple(blocks)


def scale_addresses(registers: Iterable[Register]) -> frozenset[int]:
    """Addresses of registers with the scale of values that are read in another request."""
    return frozenset(row.scale_from.address for row in registers if row.scale_from and row.scale_from.offset is None)


def break_even_hole(character_s: float, silence_s: float, turnaround_s: float) -> int:
    """Number of registers whose transmission takes as long as one more request.

    A request costs 13 characters, two silences and the turnaround time. All times in seconds.
    """
    return int((13 * character_s + 2 * silence_s + turnaround_s) / (2 * character_s))


def _joins(profile: Profile, run: Sequence[Register], row: Register, hole_max: int) -> bool:
    end = max(item.address + item.words for item in run)
    fits = row.address + row.words - run[0].address <= profile.max_registers
    return fits and row.address - end <= hole_max and not touches_watchdog(profile, row.function, end, row.address)


def touches_watchdog(profile: Profile, function: int, begin: int, end: int) -> bool:
    """Whether reading the registers begin … end-1 starts a watchdog in the device."""
    return any(
        row.feeds_watchdog and row.function == function and row.address < end and begin < row.address + row.words
        for row in profile.registers
    )


def block_of(function: int, run: Sequence[Register]) -> Block:
    """The request for these registers, which are in order of their addresses."""
    start = run[0].address
    return Block(function, start, max(row.address + row.words for row in run) - start, tuple(run))
