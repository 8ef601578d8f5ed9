"""The models that a device may be that does not match its configured profile."""

from __future__ import annotations

from agent.commissioning.discovery.identify import identify
from agent.commissioning.selfcheck.reasons import MODELS_MATCHING, MODELS_SIMILAR
from drivers.profiles import Profile, profile_ids
from drivers.reading import RegisterLink
from drivers.reasons import Reason


async def models_at(
    link: RegisterLink, unit: int, profile: Profile, timeout_s: float, character_s: float
) -> Reason | None:
    """The models that identification finds for the device at a unit: matching ones, or the most similar ones.

    None if `profile` is not in the library, or if no other fits better. Uses function 03 only if `profile` does. Raises
    LinkBusy and LinkClosed.
    """
    if profile.id not in profile_ids():
        return None
    fc03 = any(row.function == 3 for row in profile.registers)
    found = await identify(link, unit, timeout_s, fc03=fc03, function=profile.function, character_s=character_s)
    others = tuple(match.profile.id for match in found.matches if match.profile.id != profile.id)
    if not others or (found.conclusive and len(others) < len(found.matches)):
        return None
    return (MODELS_SIMILAR if found.only_similar else MODELS_MATCHING)(models=others)
