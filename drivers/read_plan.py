"""The requests that read the register groups of one device, without the registers that the device rejects."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from msgspec import Struct

from drivers.framing import Request
from drivers.profiles import Profile, Register
from drivers.refresh_monitor import LOADED
from drivers.register_blocks import Block, plan_blocks, scale_addresses, touches_watchdog, usable
from drivers.registers import BlockDecoder, Scales
from drivers.unsupported_registers import ReprobeSchedule, UnsupportedRegisters

FAST = frozenset({"fast"})
OVERREAD_REGISTERS = 4  # unmapped registers after a block that a retry may also read
AROUND_REGISTERS = 16  # registers before or after a block that a retry may also read, up to other mapped ones


class PlannedRead(Struct, frozen=True, eq=False):
    """A block with its decoder and request, prepared once for all polls.

    edges: offsets at which a retry may begin or end, as in ModbusLink.read_block.
    names: the quantities that the block contains.
    """

    block: Block
    decoder: BlockDecoder
    request: Request
    edges: tuple[int, ...]
    names: frozenset[str]


class ReadPlan:
    """The requests of one device by register group.

    unit: unit identifier. rating_kw: rated power of the drive; None: unknown. hole_max: as in `plan_blocks`.
    unsupported: registers and blocks that the device rejects.
    schedule: when rejected addresses are requested again.
    """

    def __init__(self, profile: Profile, unit: int, rating_kw: float | None, hole_max: int) -> None:
        self.unsupported = UnsupportedRegisters()
        self._profile, self._unit, self._rating_kw, self._hole_max = profile, unit, rating_kw, hole_max
        self.schedule = ReprobeSchedule()
        self._verified = frozenset[str]()
        self._scales: Scales = {}
        self._reads: dict[frozenset[str], tuple[PlannedRead, ...]] = {}

    def reads(self, groups: frozenset[str]) -> tuple[PlannedRead, ...]:
        """The requests of a poll of these groups, in order."""
        reads = self._reads  # `set_verified` may replace it from another thread
        planned = reads.get(groups)
        if planned is None:
            known = usable(self._profile, self._verified)
            wanted = [row for row in known if row.group in groups and row.name not in self.unsupported.registers]
            blocks = self.unsupported.readable_blocks(self._profile, plan_blocks(self._profile, wanted, self._hole_max))
            scales = scale_addresses(known)
            readable = [row for row in known if not (row.alone or row.name in self.unsupported.registers)]
            planned = reads[groups] = tuple(self._read(block, scales, readable) for block in blocks)
        return planned

    def watched(self) -> frozenset[str]:
        """The quantities whose changes show how often the device refreshes its values.

        Those of the first block of the fast group with a power or current; without such a block, of its first one.
        """
        fast = (read.names for read in self.reads(FAST))
        return min(fast, key=LOADED.isdisjoint, default=frozenset())

    def set_verified(self, verified: Collection[str]) -> None:
        """Sets the registers of confidence `from_memory` that a self-check has confirmed. They are read from now on."""
        self._verified = frozenset(verified)
        self._reads = {}

    def reject(self, block: Block, now_s: float) -> None:
        """Records that the device rejected a block. now_s: monotonic time."""
        self.unsupported.reject(block)
        self._reads = {}
        self.schedule.restart(now_s)

    def next_reprobe(self, now_s: float, restarted: bool, contended: bool) -> Request | None:
        """The rejected address to request again in this poll; None: none is due.

        restarted: this was the first response since a start or since the device did not respond.
        contended: other devices wait for the bus.
        """
        if restarted:
            self.schedule.restart(now_s)
        if not self.unsupported.rejected_blocks:
            return None
        address = self.schedule.next(now_s, lambda: self.unsupported.to_reprobe(self._profile), contended)
        return Request(self._unit, *address) if address else None

    def reprobe_accepted(self, request: Request, now_s: float) -> None:
        """Records that the device accepted a rejected address again."""
        self.unsupported.accept(self._profile, request[1:])
        self._reads = {}
        self.schedule.accepted(now_s)

    def _read(self, block: Block, scales: Collection[int], readable: Sequence[Register]) -> PlannedRead:
        return PlannedRead(
            block,
            BlockDecoder(block, self._rating_kw, self._verified, self._scales, scales),
            Request(self._unit, block.function, block.address, block.count),
            self._edges(block, readable),
            frozenset(row.name for row in block.registers),
        )

    def _edges(self, block: Block, readable: Sequence[Register]) -> tuple[int, ...]:
        """The edges of a block: starts of its values, and ends of the readable registers around it."""
        around = () if any(row.alone for row in block.registers) else self._around(block, readable)
        return tuple(sorted({0, block.count, *_cuts(block), *around}))

    def _around(self, block: Block, readable: Sequence[Register]) -> set[int]:
        profile, start, end = self._profile, block.address, block.address + block.count
        spare = min(AROUND_REGISTERS, profile.max_registers - block.count)
        rows = sorted((row for row in readable if row.function == block.function), key=lambda row: row.address)
        hole_max = self._hole_max if profile.gaps_allowed else 0
        edges, reached = set[int](), end
        if profile.overread_allowed and not touches_watchdog(profile, block.function, end, end + OVERREAD_REGISTERS):
            edges |= {edge - start for edge in range(end + 1, min(end + OVERREAD_REGISTERS, 65536) + 1)}
        for row in rows:
            if row.address >= end and self._reaches(block.function, reached, row.address, hole_max):
                reached = max(reached, row.address + row.words)
                edges.add(reached - start)
        reached = start
        for row in reversed(rows):
            row_end = row.address + row.words
            if row_end <= start and self._reaches(block.function, row_end, reached, hole_max):
                reached = row.address
                edges.add(reached - start)
        return {edge for edge in edges if -spare <= edge <= block.count + spare}

    def _reaches(self, function: int, begin: int, end: int, hole_max: int) -> bool:
        """Whether one request may read the unmapped registers begin … end-1."""
        return end - begin <= hole_max and not touches_watchdog(self._profile, function, begin, end)


def _cuts(block: Block) -> set[int]:
    """Offsets at which a block may be read in two requests: no value is divided or separated from its scale."""
    rows = block.registers
    scales = {row.scale_from.address for row in rows if row.scale_from and row.scale_from.offset is None}
    if any(block.address <= address < block.address + block.count for address in scales):
        return set()
    inside = {address for row in rows for address in range(row.address + 1, row.address + row.words)}
    # Some devices reject a request that ends with an unmapped register
    ends = {row.address + row.words for row in rows}
    return {row.address - block.address for row in rows if row.address in ends - inside}
