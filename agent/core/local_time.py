"""Moments as local time: of the plant in reports and messages, of this computer in a terminal.

Reasons show their moments themselves, with the offset from UTC (`drivers.reasons.local_time`).
"""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from pathlib import Path

LOCALTIME = Path("/etc/localtime")


def zone_of(name: str) -> tzinfo:
    """The time zone of that name; UTC when this system does not know it."""
    from zoneinfo import ZoneInfo  # costs 2 ms, which `--help` of a command does not need

    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return UTC


def system_zone() -> str:
    """The IANA name of this computer's time zone; UTC if it is not known."""
    _, _, name = str(LOCALTIME.resolve()).partition("/zoneinfo/")
    return name or "UTC"


def local_datetime(utc_ms: float, zone: str | None = None) -> datetime:
    """zone: name of a time zone; None: that of this computer."""
    return datetime.fromtimestamp(utc_ms / 1000, UTC).astimezone(zone_of(zone) if zone else None)


def format_date(utc_ms: float, zone: str | None = None) -> str:
    """ "2026-10-31"."""
    return f"{local_datetime(utc_ms, zone):%Y-%m-%d}"


def format_minute(utc_ms: float, zone: str | None = None) -> str:
    """ "2026-10-31 08:15"."""
    return f"{local_datetime(utc_ms, zone):%Y-%m-%d %H:%M}"


def format_second(utc_ms: float, zone: str | None = None) -> str:
    """ "2026-10-31 08:15:30"."""
    return f"{local_datetime(utc_ms, zone):%Y-%m-%d %H:%M:%S}"
