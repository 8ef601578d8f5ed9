"""The clock of a meter compared with that of the gateway. It is only read, never set."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple

from msgspec.structs import replace

from agent.core.local_time import zone_of
from drivers.reading import Quality, Reading, Value

DATE, TIME, OFFSET = "clock_date", "clock_time", "clock_offset"
RESOLUTION_S = 0.5  # the meter shows whole seconds: half a second late on average
AFTER_MIDNIGHT_S = 15.0  # date and time are read one after the other, by default within some seconds


class ClockOffset(NamedTuple):
    """seconds: clock of the meter minus local time of the gateway. u_s: largest error of it."""

    seconds: float
    u_s: float


def clock_offset(reading: Reading, timezone: str) -> ClockOffset | None:
    """The offset of the clock that was read in one poll, which knows only that it was read between two times.

    timezone: IANA name of the local time that the meter shows. None: not read, no valid date or time, or just after
    midnight, when the date may be that of the day before.
    """
    shown = _shown(reading.values.get(DATE), reading.values.get(TIME))
    u_s = (reading.came_ns - reading.sent_ns) / 2e9
    if shown is None:
        return None
    midnight = shown.replace(hour=0, minute=0, second=0)
    if (shown - midnight).total_seconds() < 2 * u_s + AFTER_MIDNIGHT_S:
        return None
    middle = datetime.fromtimestamp((reading.came_ns + reading.sent_ns) / 2e9, UTC).astimezone(zone_of(timezone))
    seconds = (shown - middle.replace(tzinfo=UTC)).total_seconds() + RESOLUTION_S
    return ClockOffset(seconds, u_s + RESOLUTION_S)


def is_invalid(reading: Reading) -> bool:
    """Whether the meter responded, but its date and time are none."""
    quality = reading.quality | reading.flags.get(DATE, Quality.GOOD) | reading.flags.get(TIME, Quality.GOOD)
    both_read = DATE in reading.values and TIME in reading.values and Quality.NO_REPLY not in quality
    return both_read and _shown(reading.values[DATE], reading.values[TIME]) is None


def with_clock_offset(reading: Reading, timezone: str) -> Reading:
    """The reading with the offset of the clock in place of date and time."""
    if DATE not in reading.values and TIME not in reading.values:
        return reading
    values: dict[str, Value] = {name: value for name, value in reading.values.items() if name not in (DATE, TIME)}
    flags = {name: flag for name, flag in reading.flags.items() if name not in (DATE, TIME)}
    if TIME in reading.values:
        offset = clock_offset(reading, timezone)
        values[OFFSET] = None if offset is None else offset.seconds
        flag = reading.flags.get(DATE, Quality.GOOD) | reading.flags.get(TIME, Quality.GOOD)
        if flag:
            flags[OFFSET] = flag
    return replace(reading, values=values, flags=flags)


def published_name(name: str) -> str:
    """The quantity that is published of a quantity that is read."""
    return OFFSET if name in (DATE, TIME) else name


def _shown(date: Value, time: Value) -> datetime | None:
    """The wall clock of the meter, as if it were UTC; None: not a time.

    date: YYMMDDWW, WW the day of the week. time: hhmmss.
    """
    if not isinstance(date, int | float) or not isinstance(time, int | float):
        return None
    try:
        return datetime.strptime(f"20{int(date) // 100:06d}{int(time):06d}Z", "%Y%m%d%H%M%S%z")
    except ValueError:
        return None
