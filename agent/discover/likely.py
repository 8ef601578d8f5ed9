"""A device that rejects registers of its configured profile: the finding, and the models that it may be instead."""

from __future__ import annotations

from collections.abc import Sequence

from agent.core.text import text_of
from agent.discover import reasons as codes
from agent.discover.identify import identify
from drivers.profiles import Profile, profile_ids
from drivers.reading import Link
from drivers.reasons import Reason
from drivers.registers import usable

SHOWN_MAX = 4


def rejected_registers(unit: int, profile: Profile, absent: Sequence[str]) -> Reason:
    """The finding on a device. absent: quantities of its profile whose registers it rejects."""
    return codes.PROFILE_REGISTERS_REJECTED(
        unit_id=unit, n=len(absent), total=len(usable(profile)), profile=profile.id, examples=tuple(absent[:SHOWN_MAX])
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
    if not others or (known.conclusive and len(others) < len(known.matches)):
        return (), False
    return others, not known.foreign


async def likely_models(
    link: Link, unit: int, profile: Profile, timeout_s: float, character_s: float
) -> Reason | None:  # fmt: skip
    """The models that identification finds instead of `profile`; None if none fits better. Raises as `models_at`."""
    models, matching = await models_at(link, unit, profile, timeout_s, character_s)
    if not models:
        return None
    return (codes.MODELS_MATCHING if matching else codes.MODELS_SIMILAR)(models=models)


def with_models(finding: Reason, models: Reason | None) -> Reason:
    """A finding of `rejected_registers` together with the result of `likely_models`."""
    return finding if models is None else codes.REJECTED_AND_MODELS(cause=finding, models=models)


# The texts for `magwatt read` and the self-check


def refusal_text(unit: int, profile: Profile, absent: Sequence[str]) -> str:
    return text_of(rejected_registers(unit, profile, absent))


async def likely_model(link: Link, unit: int, profile: Profile, timeout_s: float, character_s: float) -> str:
    models = await likely_models(link, unit, profile, timeout_s, character_s)
    return f"; {text_of(models)}" if models else ""
