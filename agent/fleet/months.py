"""Months as text, 2026-10."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta


def months_between(first: str, last: str) -> Iterator[str]:
    """All months from the first to the last."""
    at = datetime.fromisoformat(f"{first}-01").replace(tzinfo=UTC)
    while (month := at.strftime("%Y-%m")) <= last:
        yield month
        at = (at + timedelta(days=31)).replace(day=1)
