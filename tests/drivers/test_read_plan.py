"""Where a request of a device may begin and end, for each profile."""

from __future__ import annotations

import pytest

from drivers.profiles import GROUPS, load_profile, profile_ids
from drivers.read_plan import FAST, PlannedRead, ReadPlan
from drivers.register_blocks import usable

PROFILES = [load_profile(name) for name in profile_ids()]


def reads(number: int) -> list[PlannedRead]:
    plan = ReadPlan(PROFILES[number], 1, None, 125)
    return [*plan.reads(FAST), *plan.reads(frozenset(GROUPS))]


every_profile = pytest.mark.parametrize("number", range(len(PROFILES)), ids=[profile.id for profile in PROFILES])


@every_profile
def test_no_value_is_read_in_two_parts(number: int) -> None:
    for read in reads(number):
        start = read.block.address
        for edge in read.edges:
            for row in read.block.registers:
                assert not row.address < start + edge < row.address + row.words, (row.name, edge)


@every_profile
def test_no_part_is_separated_from_its_scale(number: int) -> None:
    for read in reads(number):
        for row in read.block.registers:
            if row.scale_from and row.scale_from.offset is None:
                distance = row.scale_from.address - read.block.address
                assert (
                    not 0 <= distance < read.block.count
                    or [edge for edge in read.edges if 0 < edge < read.block.count] == []
                )


@every_profile
def test_no_request_reads_registers_that_the_profile_excludes(number: int) -> None:
    """A request covers the block from one edge outside, or a part of it."""
    profile = PROFILES[number]
    mapped = {
        (row.function, address) for row in usable(profile) for address in range(row.address, row.address + row.words)
    }
    watchdogs = {
        (row.function, address)
        for row in profile.registers
        if row.feeds_watchdog
        for address in range(row.address, row.address + row.words)
    }
    for read in reads(number):
        start, count, function = read.block.address, read.block.count, read.block.function
        for edge in read.edges:
            first, end = min(0, edge), max(count, edge)
            covered = {(function, address) for address in range(start + first, start + end)}
            assert end - first <= profile.max_registers
            assert not covered & watchdogs
            if not profile.gaps_allowed:
                assert covered - mapped <= {(function, address) for address in range(start, start + count)}
            if not profile.overread_allowed:
                assert {(function, start + first), (function, start + end - 1)} <= mapped


def test_the_block_of_80_registers_of_an_sdm630_may_be_read_in_two_parts_but_not_extended() -> None:
    plan = ReadPlan(load_profile("eastron/sdm630"), 1, None, 125)
    read = next(read for read in plan.reads(frozenset(GROUPS)) if read.block.count == 80)
    assert {0, 2, 34, 78, 80} <= set(read.edges) <= set(range(0, 81, 2))
