"""The verdict of `magwatt identify`: one name only where every other is far less likely, else a short list.

A device that nobody knows may look like a relative, since makers copy their maps: what its own words or a missing
register rule out is called the nearest model, never the model.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from agent.discover.fingerprint import Evidence
from drivers.profiles import Profile

SURE, APART = 8.0, 5.0  # nats: what a name needs, and how far behind every other must be
POSSIBLE = 2.0  # below, a model is not even listed
LIST_MAX = 5


@dataclass(frozen=True, slots=True)
class Match:
    profile: Profile
    score: float  # nats against chance
    named: bool
    reasons: tuple[str, ...]
    doubts: tuple[str, ...]
    foreign: bool = False  # its own words or a register that is not there say that it is another model


@dataclass(slots=True)
class Identified:
    """matches: the likeliest first, the ruled out last. sure: the first is meant, the others are far behind."""

    unit: int
    matches: list[Match] = field(default_factory=list)
    sure: bool = False
    told: str = ""  # what it says of itself
    notes: list[str] = field(default_factory=list)
    requests: int = 0

    @property
    def foreign(self) -> bool:
        """Something that the library does not have, near as some of its models may be."""
        return bool(self.matches) and all(match.foreign for match in self.matches)

    @property
    def text(self) -> str:
        if self.sure:
            return self.matches[0].profile.id
        if self.matches:
            said = "unknown model, nearest " if self.foreign else "perhaps " * (len(self.matches) == 1)
            return said + " or ".join(match.profile.id for match in self.matches)
        return f"unknown; it calls itself '{self.told}'" if self.told else "unknown"


def ranked(candidates: Mapping[str, Profile], evidence: Mapping[str, Evidence]) -> list[str]:
    """The names in question, the likeliest first."""
    order = sorted(evidence.items(), key=lambda item: -item[1].score)
    best = order[0][1].score if order else 0.0
    near = [name for name, seen in order if seen.score >= POSSIBLE and best - seen.score < APART]
    if near and not evidence[near[0]].named:  # nothing but values: its maker's other maps that answer too stay in it
        maker = candidates[near[0]].vendor
        near += [
            name
            for name, seen in order
            if name not in near and candidates[name].vendor == maker and seen.score >= POSSIBLE and not seen.refused
        ]
    return near


def decide(found: Identified, candidates: Mapping[str, Profile], evidence: Mapping[str, Evidence]) -> None:
    near = ranked(candidates, evidence)
    found.matches = [
        Match(candidates[name], seen.score, seen.named, tuple(seen.pro), tuple(seen.contra), _is_foreign(seen))
        for name, seen in ((name, evidence[name]) for name in near[:LIST_MAX])
    ]
    found.matches.sort(key=lambda match: match.foreign)
    first = evidence[near[0]] if near else Evidence()
    fits = first.named or not first.refused
    found.sure = len(near) == 1 and first.score >= SURE and fits and not _is_foreign(first)
    if found.sure and not first.named:
        found.notes.append(
            "it does not name itself; a relative with the same registers would look the same: compare the label"
        )


def _is_foreign(seen: Evidence) -> bool:
    return seen.denied or (not seen.named and bool(seen.other or seen.absent))
