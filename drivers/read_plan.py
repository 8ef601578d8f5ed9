"""The requests that read the register groups of one device, without the registers that the device rejects."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from drivers.framing import Request
from drivers.profiles import Profile
from drivers.refresh_monitor import LOADED
from drivers.registers import Block, BlockDecoder, Scales, plan_blocks, scale_addresses, touches_watchdog, usable
from drivers.unsupported_registers import ReprobeSchedule, UnsupportedRegisters

FAST = frozenset({"fast"})
OVERREAD_REGISTERS = 4  # registers after a block that a retry may also read, so that its response differs in length


@dataclass(frozen=True, slots=True)
class PlannedRead:
    """A block with its decoder and request, prepared once for all polls.

    overread_registers: number of registers after the block that a retry may also read.
    names: the quantities that the block contains.
    """

    block: Block
    decoder: BlockDecoder
    request: Request
    overread_registers: int
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
        planned = self._reads.get(groups)
        if planned is None:
            known = usable(self._profile, self._verified)
            wanted = [row for row in known if row.group in groups and row.name not in self.unsupported.registers]
            blocks = self.unsupported.readable_blocks(self._profile, plan_blocks(self._profile, wanted, self._hole_max))
            scales = scale_addresses(known)
            planned = self._reads[groups] = tuple(self._read(block, scales) for block in blocks)
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
        self._reads.clear()

    def reject(self, block: Block, now_s: float) -> None:
        """Records that the device rejected a block. now_s: monotonic time."""
        self.unsupported.reject(block)
        self._reads.clear()
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
        self._reads.clear()
        self.schedule.accepted(now_s)

    def _read(self, block: Block, scales: Collection[int]) -> PlannedRead:
        return PlannedRead(
            block,
            BlockDecoder(block, self._rating_kw, self._verified, self._scales, scales),
            Request(self._unit, block.function, block.address, block.count),
            self._overread_registers(block),
            frozenset(row.name for row in block.registers),
        )

    def _overread_registers(self, block: Block) -> int:
        profile, end = self._profile, block.address + block.count
        if not profile.overread_allowed or touches_watchdog(profile, block.function, end, end + OVERREAD_REGISTERS):
            return 0
        return max(0, min(OVERREAD_REGISTERS, profile.max_registers - block.count, 65536 - end))
