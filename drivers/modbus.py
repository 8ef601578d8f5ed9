"""A Modbus device: a profile and a unit id on a wire. Polls whole groups of registers into one Reading."""

from __future__ import annotations

from collections.abc import Iterable

from drivers.errors import DeviceRefused, DriverError, LinkError
from drivers.profiles import GROUPS, Profile
from drivers.reading import Clock, Link, Quality, Reading, Value
from drivers.registers import Block, decode_block, plan_blocks, usable

ALL_GROUPS = frozenset(GROUPS)


class ModbusDevice:
    """One drive or meter. `rating_kw` picks the scale where a profile's scales depend on the drive's size."""

    def __init__(
        self,
        name: str,
        profile: Profile,
        unit: int,
        link: Link,
        clock: Clock,
        *,
        rating_kw: float | None = None,
        timeout_s: float | None = None,
        gap_s: float | None = None,
        quality: Quality = Quality.GOOD,
    ) -> None:
        self.name = name
        self.profile = profile
        self.unit = unit
        self.timeout_s = profile.timeout_s if timeout_s is None else timeout_s
        self.gap_s = profile.min_gap_s if gap_s is None else gap_s
        self._link = link
        self._clock = clock
        self._rating_kw = rating_kw
        self._quality = quality
        self._split: set[tuple[int, int]] = set()  # (function, address) of blocks whose holes the device refused

    def blocks(self, groups: Iterable[str] = ALL_GROUPS) -> tuple[Block, ...]:
        """The read requests for those groups, in order."""
        wanted = [row for row in usable(self.profile) if row.group in frozenset(groups)]
        found: list[Block] = []
        for block in plan_blocks(self.profile, wanted):
            if (block.function, block.address) in self._split:
                found += [Block(row.function, row.address, row.words, (row,)) for row in block.registers]
            else:
                found.append(block)
        return tuple(found)

    def names(self, groups: Iterable[str] = ALL_GROUPS) -> list[str]:
        return [row.name for block in self.blocks(groups) for row in block.registers]

    async def poll(self, groups: frozenset[str] = ALL_GROUPS) -> Reading:
        """One reading of those groups. A silent device gives NO_REPLY and None for every value asked for."""
        sent_ns = came_ns = self._clock.utc_ns()
        values: dict[str, Value] = dict.fromkeys(self.names(groups))
        flags: dict[str, Quality] = {}
        quality, error_text = self._quality, ""
        for block in self.blocks(groups):
            try:
                words = await self._link.read_registers(
                    self.unit, block.function, block.address, block.count, self.timeout_s, self.gap_s
                )
            except DeviceRefused as error:
                error_text = str(error)
                if error.code in (0x0A, 0x0B):
                    quality |= Quality.NO_REPLY
                    break
                if error.code == 0x02 and len(block.registers) > 1:
                    self._split.add((block.function, block.address))  # one by one from the next poll on
                flags |= dict.fromkeys((row.name for row in block.registers), Quality.NO_REPLY)
                continue
            except DriverError as error:
                error_text = str(error)
                if isinstance(error, LinkError):
                    quality |= Quality.NO_REPLY
                    break
                flags |= dict.fromkeys((row.name for row in block.registers), Quality.NO_REPLY)
                continue
            came_ns = self._clock.utc_ns()
            got, doubtful = decode_block(block, words, self._rating_kw)
            values |= got
            flags |= doubtful
        if Quality.NO_REPLY in quality:
            # Half a reading is not one moment: what came before the silence is not kept.
            values, flags = dict.fromkeys(values), {}
        return Reading(self.name, sent_ns, max(came_ns, sent_ns), values, quality, flags, error_text)
