"""Times of the API: RFC 3339, UTC, milliseconds."""

from __future__ import annotations

from datetime import UTC, datetime


def rfc3339(utc_ms: int) -> str | None:
    """ "2026-11-28T14:32:07.125Z"; None outside the years 1 to 9999."""
    try:
        return datetime.fromtimestamp(utc_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    except (ValueError, OverflowError, OSError):
        return None


def milliseconds(time: str) -> int:
    """UTC milliseconds of an RFC 3339 time."""
    return round(1000 * datetime.fromisoformat(time).timestamp())
