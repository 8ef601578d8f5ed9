"""A device that rejects registers of its configured profile: the finding, and the models that it may be instead."""

from __future__ import annotations

from collections.abc import Sequence

from agent.commissioning.discovery.identify import identify
from agent.commissioning.selfcheck.reasons import (
    CAUSE_AND_MODELS,
    MAP_REGISTERS_REJECTED,
    MODELS_MATCHING,
    MODELS_SIMILAR,
)
from drivers.profiles import Profile, profile_ids
from drivers.reading import RegisterLink
from drivers.reasons import Reason
from drivers.registers import usable

EXAMPLES_MAX = 4


def rejected_registers(device: str, unit: int, profile: Profile, absent: Sequence[str]) -> Reason:
    """The finding on a device. absent: quantities of its profile whose registers it rejects."""
    return MAP_REGISTERS_REJECTED(
        device=device, unit_id=unit, n=len(absent), total=len(usable(profile)), profile=profile.id,
        examples=tuple(absent[:EXAMPLES_MAX]),
    )  # fmt: skip


async def models_at(
    link: RegisterLink, unit: int, profile: Profile, timeout_s: float, character_s: float
) -> tuple[tuple[str, ...], bool]:
    """The profiles that identification finds for the device at a unit, and whether they match.

    No profiles if `profile` is not in the library, or if none fits better. Not matching profiles are the most similar
    ones. Uses function 03 only if `profile` does. Raises LinkBusy and LinkClosed.
    """
    if profile.id not in profile_ids():
        return (), False
    fc03 = any(row.function == 3 for row in profile.registers)
    known = await identify(
        link, unit, timeout_s, fc03=fc03, function=profile.function, character_s=character_s
    )  # fmt: skip
    others = tuple(match.profile.id for match in known.matches if match.profile.id != profile.id)
    if not others or (known.conclusive and len(others) < len(known.matches)):
        return (), False
    return others, not known.foreign


def with_models(finding: Reason, models: Sequence[str], matching: bool) -> Reason:
    """A finding of `rejected_registers` together with the result of `models_at`."""
    if not models:
        return finding
    code = MODELS_MATCHING if matching else MODELS_SIMILAR
    return CAUSE_AND_MODELS(cause=finding, models=code(models=tuple(models)))
