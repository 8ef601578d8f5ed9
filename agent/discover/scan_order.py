"""In which order a scan tries line settings and units, and how long it waits: arithmetic only, nothing is sent.

At a wrong speed or parity no device understands a request, so nothing ever comes: a setting is only ruled out by
asking every unit at it. So likely units are asked at every setting first, patiently; then all the others at every
usual setting, hastily, a part of the units at a time, since a line seldom has one device only; then all units at the
setting that was found, patiently again.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from drivers.eavesdrop import Setting
from drivers.profiles import load_profile, profile_ids

UNITS = range(1, 248)
DEVICE_S = 0.15  # a device's own time before it answers, at most; drives need 5 to 20 ms, meters up to 100
HASTY_S = 0.025
SLOW_S = 0.5  # for what was heard late, or damaged
FIRST_UNITS = 16  # asked at every setting before any other
PART = 33  # units of one hasty pass over the settings
CHARACTERS = 19  # a request, the silence that ends it for the device, and the shortest answer: 8 + 3.5 + 7

USUAL = tuple(
    Setting(baud, 8, parity)
    for baud, parity in (
        (19200, "E"), (9600, "N"), (9600, "E"), (19200, "N"), (38400, "N"), (115200, "N"), (38400, "E"), (115200, "E"),
        (57600, "N"), (57600, "E"), (4800, "N"), (4800, "E"), (2400, "N"), (2400, "E"),
    )
)  # fmt: skip
# 8N1 usually reaches 8N2 devices too: only few receivers look at the second stop bit.
SELDOM = (Setting(9600, 8, "N", 2), Setting(19200, 8, "N", 2), Setting(9600, 8, "O"), Setting(19200, 8, "O"))
RARE = (Setting(1200), Setting(1200, 8, "E"), Setting(38400, 8, "N", 2), Setting(38400, 8, "O"), Setting(76800))


@cache
def likely_units() -> tuple[int, ...]:
    """Units as devices leave the factory, then the low numbers that people give out."""
    defaults = []
    for name in profile_ids():
        profile = load_profile(name)
        defaults += [table["unit_id"] for table in (profile.rtu, profile.tcp) if "unit_id" in table]
    often = sorted(set(defaults), key=lambda unit: (-defaults.count(unit), unit))
    return tuple(dict.fromkeys([1, *often, *range(2, 12), 20, 21, 30, 100, 247]))


def in_order(units: Iterable[int], first: Iterable[int] = ()) -> list[int]:
    """`first`, then the likely ones, then the rest as they come; only what `units` has."""
    wanted = list(units)
    known = set(wanted)
    return list(dict.fromkeys(unit for unit in (*first, *likely_units(), *wanted) if unit in known))


def patience_s(setting: Setting, device_s: float) -> float:
    """From sending a request to the end of the shortest answer."""
    return CHARACTERS * setting.character_s + device_s


def sweep_s(setting: Setting, units: int, device_s: float) -> float:
    """How long silence of that many units takes."""
    return units * (patience_s(setting, device_s) + 4 * setting.character_s)
