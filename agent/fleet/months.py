"""Months as text, 2026-10, and those without data between months with data."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Protocol

from agent.fleet.lake_files import LakeFile
from agent.fleet.reasons import GATEWAY_MONTH_MISSING, MONTH_MISSING, MONTHS_MISSING
from drivers.reasons import Reason


class OfMonth(Protocol):
    """A row of a question."""

    @property
    def site(self) -> str: ...
    @property
    def gateway(self) -> str: ...
    @property
    def motor(self) -> str: ...
    @property
    def month(self) -> str: ...


def months_between(first: str, last: str) -> Iterator[str]:
    """All months from the first to the last."""
    at = datetime.fromisoformat(f"{first}-01").replace(tzinfo=UTC)
    while (month := at.strftime("%Y-%m")) <= last:
        yield month
        at = (at + timedelta(days=31)).replace(day=1)


def missing_months(rows: Iterable[OfMonth]) -> Iterator[Reason]:
    """A finding for each gap of a motor, however long: a clock that was wrong by years makes one."""
    months: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    for row in rows:
        months[row.site, row.gateway, row.motor].add(row.month)
    for (site, gateway, motor), found in sorted(months.items()):
        known = sorted(found)
        for before, after in pairwise(known):
            gap = list(months_between(before, after))[1:-1]
            place = {"site": site, "gateway": gateway, "motor": motor}
            if len(gap) == 1:
                yield MONTH_MISSING(**place, month=gap[0])
            elif gap:
                yield MONTHS_MISSING(**place, n=len(gap), first=gap[0], last=gap[-1])


def gateways_without(month: str, files: Iterable[LakeFile], rows: Iterable[OfMonth]) -> Iterator[Reason]:
    """Gateways with data before and after a month that have none in it. files: of all months. rows: of this one."""
    present = {(row.site, row.gateway) for row in rows}
    months: dict[tuple[str, str], set[str]] = defaultdict(set)
    for file in files:
        months[file.site, file.gateway].add(file.partition[:7])
    for (site, gateway), found in sorted(months.items()):
        if (site, gateway) not in present and min(found) < month < max(found):
            yield GATEWAY_MONTH_MISSING(site=site, gateway=gateway, month=month)
