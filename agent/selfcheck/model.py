"""What goes into a self-check and what comes out; results turn into plain JSON values and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

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

    @property
    def passed(self) -> bool:
        return not self.failed


@dataclass(frozen=True, slots=True)
class Result:
    """started_ns: UTC. findings stand in the order in which they were recognised, the clearest first."""

    started_ns: int
    lasted_s: float
    readings: int
    devices: Mapping[str, DeviceResult]
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = field(default=())

    def to_json(self) -> dict[str, Any]:
        """Plain dicts, lists, strings and numbers."""
        return asdict(self)

    @staticmethod
    def from_json(raw: Mapping[str, Any]) -> Result:
        """Raises KeyError or TypeError on anything that `to_json` did not make."""
        devices = {
            name: DeviceResult(
                row["profile"],
                {key: Verdict(**verdict) for key, verdict in row["verdicts"].items()},
                tuple(row["failed"]),
                tuple(row["verified"]),
            )
            for name, row in raw["devices"].items()
        }
        findings = tuple(Finding(**{**row, "quantities": tuple(row["quantities"])}) for row in raw["findings"])
        return Result(raw["started_ns"], raw["lasted_s"], raw["readings"], devices, findings, tuple(raw["notes"]))
