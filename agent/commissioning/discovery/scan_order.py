"""The order in which a scan tries line settings and unit identifiers, and its timeouts: arithmetic only.

With a wrong baud rate or parity no device responds, so a setting is only excluded by querying every unit. Therefore
likely units are queried at every setting first, with a long timeout; then all others at every usual setting, with a
short timeout and in parts, since a line rarely has one device only; then all units at the setting that was found, again
with the long timeout.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from functools import cache

from drivers.profiles import load_profile, profile_ids
from drivers.serial_sniffer import SerialSetting

UNITS = range(1, 248)
DEVICE_S = 0.15  # maximum response time; drives need 5 ms to 20 ms, meters up to 100 ms
SHORT_S = 0.025
SLOW_S = 0.5  # for units with a late or corrupt response
FIRST_UNITS = 16  # queried at every setting before all others
PART = 33  # units of one pass over the settings with SHORT_S
CHARACTERS = 19  # a request, the inter-frame delay and the shortest response: 8 + 3.5 + 7

USUAL = tuple(
    SerialSetting(baud, 8, parity)
    for baud, parity in (
        (19200, "E"), (9600, "N"), (9600, "E"), (19200, "N"), (38400, "N"), (115200, "N"), (38400, "E"), (115200, "E"),
        (57600, "N"), (57600, "E"), (4800, "N"), (4800, "E"), (2400, "N"), (2400, "E"),
    )
)  # fmt: skip
# 8N1 usually reaches 8N2 devices too: few receivers check the second stop bit.
UNCOMMON = (
    SerialSetting(9600, 8, "N", 2),
    SerialSetting(19200, 8, "N", 2),
    SerialSetting(9600, 8, "O"),
    SerialSetting(19200, 8, "O"),
)
RARE = (
    SerialSetting(1200),
    SerialSetting(1200, 8, "E"),
    SerialSetting(38400, 8, "N", 2),
    SerialSetting(38400, 8, "O"),
    SerialSetting(76800),
)


def settings(depth: str) -> tuple[SerialSetting, ...]:
    """The settings that a scan tries, in this order. depth: of the scan."""
    return USUAL + UNCOMMON + (RARE if depth == "full" else ())


@cache
def likely_units() -> tuple[int, ...]:
    """Factory settings of the unit identifier, then low numbers."""
    defaults = Counter(
        table["unit_id"]
        for profile in map(load_profile, profile_ids())
        for table in (profile.rtu, profile.tcp)
        if "unit_id" in table
    )
    frequent = sorted(defaults, key=lambda unit: (-defaults[unit], unit))
    return tuple(dict.fromkeys([1, *frequent, *range(2, 12), 20, 21, 30, 100, 247]))


def by_likelihood(units: Iterable[int], first: Iterable[int] = ()) -> list[int]:
    """The units in this order: `first`, the likely ones, all others."""
    requested = dict.fromkeys(units)
    return list(dict.fromkeys(unit for unit in (*first, *likely_units(), *requested) if unit in requested))


def timeout_s(setting: SerialSetting, device_s: float) -> float:
    """Time from sending a request to the end of the shortest response, for a device with response time device_s."""
    return CHARACTERS * setting.character_s + device_s
