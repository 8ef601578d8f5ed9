"""The link through which the registers of a profile are read, by its dialect."""

from __future__ import annotations

from drivers.dlt645_registers import MeterRegisters
from drivers.profiles import Profile
from drivers.reading import RegisterLink
from drivers.sunspec import SunSpecLink


def link_for(profile: Profile, link: RegisterLink) -> RegisterLink:
    """link: that of the bus."""
    if profile.dialect == "sunspec":
        return SunSpecLink(link, profile)
    return MeterRegisters(link, profile) if profile.dialect == "dlt645" else link
