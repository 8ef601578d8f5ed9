"""Input and result of a self-check."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

from agent.acquisition.line_settings import bus_settings
from agent.commissioning.selfcheck.reasons import CAUSE_AND_MODELS, UNIT_IDS_SWAPPED
from agent.config.model import Config, Drive, Meter, Motor
from agent.config.topology import drive_rating_kw, polled_devices
from drivers.profiles import Profile, load_profile
from drivers.reading import RegisterLink
from drivers.reasons import Code, Reason

Outcome = Literal["passed", "failed", "unverified"]


class Subject(Struct, frozen=True):
    """A configured device and its connection.

    device: its configuration.
    poll_interval_s: poll interval of its bus.
    gap_s: delay between requests; None: the one of the profile.
    timeout_s: None: the one of the profile.
    rating_kw: rated power of a drive, for scales that depend on it; None when unknown.
    character_s: duration of a character on a serial line; 0 on TCP.
    """

    device: Meter | Drive
    profile: Profile
    link: RegisterLink
    poll_interval_s: float = 1.0
    gap_s: float | None = None
    timeout_s: float | None = None
    rating_kw: float | None = None
    character_s: float = 0.0

    @property
    def name(self) -> str:
        return self.device.name

    @property
    def response_timeout_s(self) -> float:
        return self.timeout_s or self.profile.timeout_s

    @property
    def delay_s(self) -> float:
        return self.profile.min_gap_s if self.gap_s is None else self.gap_s

    @property
    def period_s(self) -> float:
        return max(self.poll_interval_s, self.profile.refresh_s)


class DeviceSet(Struct, frozen=True):
    """The devices that are checked together, so that the devices of one motor are compared with each other."""

    subjects: tuple[Subject, ...]
    motors: tuple[Motor, ...] = ()


class DeviceVerdict(Struct, frozen=True):
    """The result for one quantity.

    reason: of a passed value the relation that confirmed it, of a failed one the likely cause.
    value: median of the readings; None without one.
    """

    outcome: Outcome
    reason: Reason
    value: float | str | None = None


class SelfcheckFinding(Struct, frozen=True):
    """A likely cause (agent/commissioning/selfcheck/reasons.py, docs/how-to/selfcheck.md).

    reason: its code and data; `device` is the device concerned.
    quantities: those of the device that the cause makes wrong.
    group: findings of one group explain the same deviations equally well; one of them is true. 0: no alternatives.
    models: models that identification found at the unit; None without any.
    """

    reason: Reason
    quantities: tuple[str, ...]
    group: int
    models: Reason | None = None

    @property
    def cause(self) -> Code:
        return self.reason.code

    @property
    def device(self) -> str:
        return str(self.reason.data["device"])

    @property
    def other_device(self) -> str | None:
        """The second device of two with swapped unit identifiers."""
        return str(self.reason.data["other_device"]) if self.cause == UNIT_IDS_SWAPPED else None

    @property
    def summary(self) -> Reason:
        """The cause, with the models if identification found any."""
        return CAUSE_AND_MODELS(cause=self.reason, models=self.models) if self.models else self.reason

    def concerns(self, device: str) -> bool:
        return device in (self.device, self.other_device)


class DeviceResult(Struct, frozen=True):
    """The result for one device.

    profile: identifier of its profile.
    verdicts: quantity → verdict.
    failed: quantities to be published with Quality.UNVERIFIED.
    verified: quantities of confidence `from_memory` or with an uncertain scale that a relation confirmed.
    """

    profile: str
    verdicts: Mapping[str, DeviceVerdict]
    failed: tuple[str, ...]
    verified: tuple[str, ...]


class SelfcheckOutcome(Struct, frozen=True):
    """The result of a self-check.

    started_ns: UTC.
    lasted_s: duration.
    readings: number of rounds.
    devices: device → result.
    findings: likely causes, the clearest first.
    notes: devices that were not checked; `device` in the data names each.
    """

    started_ns: int
    lasted_s: float
    readings: int
    devices: Mapping[str, DeviceResult]
    findings: tuple[SelfcheckFinding, ...] = ()
    notes: tuple[Reason, ...] = ()


def device_set_of(config: Config, links: Mapping[str, RegisterLink]) -> DeviceSet:
    """The devices on open buses. links: bus name → open connection. Devices of other buses are omitted."""
    subjects = (
        Subject(
            item,
            load_profile(item.profile),
            links[item.bus],
            poll_interval_s=bus.poll_interval_s,
            gap_s=bus.inter_request_delay_s,
            timeout_s=bus.timeout_s,
            rating_kw=drive_rating_kw(config, item) if isinstance(item, Drive) else None,
            character_s=bus_settings(bus).character_s,
        )
        for item, bus in ((item, config.buses[item.bus]) for item in polled_devices(config))
        if item.bus in links
    )
    return DeviceSet(tuple(subjects), tuple(config.motors.values()))
