"""Meters that form the mean power of a minute: it replaces the power of the moment where a meter is polled rarely.

Error of the energy of 15 min for a load that changes every minute (standard deviation, test_minute_mean.py): polled
every 5 s, 0.5 % by the power and 1.3 % to 2.3 % by the mean; 30 s, 3.0 % and 1.3 % to 2.2 %; 60 s, 5.5 % and 1.0 % to
2.2 %, more the later the meter shows its mean.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from drivers.profiles import Profile

POWER, MEAN = "active_power", "active_power_mean_1min"
RARELY_S = 30.0


def with_mean_in_each_poll(profile: Profile, poll_interval_s: float) -> Profile:
    """The profile that reads the mean in each poll, if the meter is polled rarely; otherwise the same."""
    if poll_interval_s < RARELY_S or profile.register(MEAN) is None:
        return profile
    rows = tuple(replace(row, group="fast") if row.name == MEAN else row for row in profile.registers)
    return replace(profile, registers=rows)


def power_for_energy(due_s: Mapping[str, float]) -> str:
    """The quantity of a meter from which energies of 15 min are integrated: the mean, if each poll reads it.

    due_s: quantity → seconds between two readings.
    """
    return MEAN if due_s.get(MEAN, 0.0) >= RARELY_S and due_s[MEAN] == due_s.get(POWER) else POWER
