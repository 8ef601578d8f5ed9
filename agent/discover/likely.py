"""A device that refuses what its profile promises: how that is told, and which model it looks like instead."""

from __future__ import annotations

from collections.abc import Sequence

from agent.discover.identify import identify
from agent.words import counted
from drivers.profiles import Profile, profile_ids
from drivers.reading import Link
from drivers.registers import usable

SHOWN_MAX = 4


def refusal_text(unit: int, profile: Profile, absent: Sequence[str]) -> str:
    """absent: quantities of that profile which the device at `unit` refuses."""
    names = ", ".join(absent[:SHOWN_MAX]) + (" …" if len(absent) > SHOWN_MAX else "")
    share = f"{len(absent)} of {counted(len(usable(profile)), 'register')}"
    return (
        f"unit {unit} refuses {share} that {profile.id} has ({names}): another model, an option, or addresses that are "
        "wrong?"
    )


async def models_at(
    link: Link, unit: int, profile: Profile, timeout_s: float, character_s: float
) -> tuple[tuple[str, ...], bool]:
    """The profiles that identification finds for the device at a unit, and whether they match.

    No profiles if the device is of the plant's own signals, or if none fits better than `profile`. Not matching
    profiles are the most similar ones. Uses function 03 only if `profile` does. Raises LinkBusy and LinkClosed.
    """
    if profile.id not in profile_ids():
        return (), False
    fc03 = any(row.function == 3 for row in profile.registers)
    known = await identify(
        link, unit, timeout_s, fc03=fc03, function=profile.function, character_s=character_s
    )  # fmt: skip
    others = tuple(match.profile.id for match in known.matches if match.profile.id != profile.id)
    if not others or (known.sure and len(others) < len(known.matches)):
        return (), False
    return others, not known.foreign


async def likely_model(link: Link, unit: int, profile: Profile, timeout_s: float, character_s: float) -> str:
    """What identify makes of the device, as the end of a finding; empty when it knows no better than `profile`.

    Uses function 03 only where the profile does. Raises LinkBusy and LinkClosed.
    """
    others, matching = await models_at(link, unit, profile, timeout_s, character_s)
    if not others:
        return ""
    names = " or ".join(others)
    return f" By its registers: {names}" if matching else f" It is none that the library has; nearest {names}"
