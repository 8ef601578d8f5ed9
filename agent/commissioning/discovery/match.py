"""The result of `magwatt identify`: one model if all others are much less likely, else a short list.

A device that is not in the library can look like a related model, since manufacturers reuse their maps. If the reported
name or a rejected register excludes a model, that model is only the most similar one.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, field

from agent.commissioning.discovery import reasons as codes
from agent.commissioning.discovery.likelihood import Evidence
from drivers.profiles import Profile
from drivers.reasons import Reason

SURE, APART = 8.0, 5.0  # nats that identify a model, and the minimum distance to every other model
POSSIBLE = 2.0  # models with fewer nats are not listed
LIST_MAX = 5
POWERS = {"active_power": 1.0, "motor_power": 1000.0}  # of a meter in W, of a drive in kW → factor to W


class Match(Struct, frozen=True):
    """A model that the device may be.

    profile: its register map.
    score: log-likelihood ratio in nats.
    named: the device reports this model.
    pro: evidence for the model.
    contra: evidence against it.
    only_similar: the reported name or a missing register excludes the model; it is only similar.
    """

    profile: Profile
    score: float
    named: bool
    pro: tuple[Reason, ...]
    contra: tuple[Reason, ...]
    only_similar: bool = False


class Identified(Struct):
    """Result of an identification.

    unit: unit identifier of the device.
    matches: possible models, the most likely first, the excluded ones last.
    conclusive: the device is the first model; all others are much less likely.
    reported: identification that the device reports; empty: none.
    notes: restrictions of the result.
    requests: number of requests that were sent.
    power_w: active power that the meter or drive showed, decoded with the first model; None: not read.
    """

    unit: int
    matches: list[Match] = field(default_factory=list)
    conclusive: bool = False
    reported: str = ""
    notes: list[Reason] = field(default_factory=list)
    requests: int = 0
    power_w: float | None = None

    @property
    def only_similar(self) -> bool:
        """Whether the device is not in the library, and all matches are only similar."""
        return bool(self.matches) and all(match.only_similar for match in self.matches)

    @property
    def summary(self) -> Reason:
        """The result as one reason: the model, the possible models, or that it is unknown."""
        models = tuple(match.profile.id for match in self.matches)
        if self.conclusive:
            return codes.MODEL_IDENTIFIED(model=models[0])
        if not models:
            return codes.MODEL_UNKNOWN_NAMED(text=self.reported) if self.reported else codes.MODEL_UNKNOWN()
        if self.only_similar:
            return codes.MODEL_SIMILAR(models=models)
        return codes.MODEL_POSSIBLE(model=models[0]) if len(models) == 1 else codes.MODELS_POSSIBLE(models=models)


def ranked(candidates: Mapping[str, Profile], evidence: Mapping[str, Evidence]) -> list[str]:
    """Names of the possible models, the most likely first."""
    order = sorted(((name, item) for name, item in evidence.items() if item.score >= POSSIBLE),
                   key=lambda entry: -entry[1].score)  # fmt: skip
    possible = [name for name, item in order if order[0][1].score - item.score < APART]
    if not possible or evidence[possible[0]].named:
        return possible
    # Only values are evidence: all models of the manufacturer whose map is readable remain possible.
    maker = candidates[possible[0]].vendor
    return possible + [
        name for name, item in order
        if name not in possible and candidates[name].vendor == maker and not item.rejected
    ]  # fmt: skip


def decide(result: Identified, candidates: Mapping[str, Profile], evidence: Mapping[str, Evidence]) -> None:
    """Enters the possible models into the result."""
    possible = ranked(candidates, evidence)
    result.matches = [
        Match(candidates[name], item.score, item.named, tuple(item.pro), tuple(item.contra), _is_excluded(item))
        for name, item in ((name, evidence[name]) for name in possible[:LIST_MAX])
    ]
    result.matches.sort(key=lambda match: match.only_similar)
    if result.matches:
        values = evidence[result.matches[0].profile.id].values
        result.power_w = next((values[name] * POWERS[name] for name in POWERS if name in values), None)
    if len(possible) == 1:
        only = evidence[possible[0]]
        result.conclusive = only.score >= SURE and (only.named or not only.rejected) and not _is_excluded(only)
        if result.conclusive and not only.named:
            result.notes.append(codes.COMPARE_LABEL())


def _is_excluded(item: Evidence) -> bool:
    return item.excluded or (not item.named and bool(item.other or item.absent))
