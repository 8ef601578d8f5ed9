"""What goes into a self-check and what comes out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from agent.config import Drive, Meter, Motor
from drivers.profiles import Profile
from drivers.reading import Link

Outcome = Literal["passed", "failed", "unverified"]


@dataclass(frozen=True, slots=True)
class Subject:
    """One configured device and the wire it hangs on. rating_kw picks scales that depend on the drive's size."""

    item: Meter | Drive
    profile: Profile
    link: Link
    every_s: float = 1.0
    gap_s: float | None = None
    timeout_s: float | None = None
    rating_kw: float | None = None
    character_s: float = 0.0  # of one character on a serial line

    @property
    def name(self) -> str:
        return self.item.name

    @property
    def period_s(self) -> float:
        return max(self.every_s, self.profile.refresh_s)


@dataclass(frozen=True, slots=True)
class Bench:
    """Everything that is checked together: devices of one motor witness for each other."""

    subjects: tuple[Subject, ...]
    motors: tuple[Motor, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    outcome: Outcome
    reason: str
    value: float | str | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """A likely cause. Several findings with one `group` explain the same symptoms equally well: one of them is true."""

    cause: str  # see docs/selfcheck.md for the list
    device: str
    quantities: tuple[str, ...]
    text: str
    group: int


@dataclass(frozen=True, slots=True)
class DeviceResult:
    profile: str
    verdicts: Mapping[str, Verdict]
    failed: tuple[str, ...]  # to be published with Quality.UNVERIFIED
    verified: tuple[str, ...]  # known from memory only, and now confirmed by a relation


@dataclass(frozen=True, slots=True)
class Result:
    """started_ns: UTC. findings stand in the order in which they were recognised, the clearest first."""

    started_ns: int
    lasted_s: float
    readings: int
    devices: Mapping[str, DeviceResult]
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()
