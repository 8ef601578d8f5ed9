"""The wiring of a meter by the present values, as the agent judges it while it measures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from agent.analysis.efficiency.estimator import Estimator
from agent.analysis.efficiency.plausibility import AGREE, FAULTY
from agent.commissioning.selfcheck.live_values import Values
from agent.config.model import Config
from agent.config.topology import Asset, drive_rating_kw
from drivers.reading import Clock, Reading
from drivers.reasons import Reason
from dsp.wiring import OK, UNKNOWN

Verdict = Literal["none", "pending", "ok", "unknown", "unclear", "faulty"]


class WatchedWiring:
    """Reads nothing itself; `on_values` receives each reading of the devices of one motor."""

    def __init__(self, config: Config, asset: Asset, clock: Clock) -> None:
        self._asset, self._clock, self._readings = asset, clock, 0
        self._estimator: Estimator | None = None
        if asset.motor and asset.meter and not asset.shared:
            self._estimator = Estimator(asset, drive_rating_kw(config, asset.drive) if asset.drive else None)

    def on_values(self, values: Mapping[str, Values]) -> None:
        """values: device → quantity → value; empty without a response."""
        meter = self._asset.meter
        if self._estimator is None or meter is None or not any(values.get(name) for name in self._asset.devices):
            return
        self._readings += meter.name in values
        utc_ns, monotonic_ns = self._clock.utc_ns(), self._clock.monotonic_ns()
        for item, take in (
            (self._asset.drive, self._estimator.on_drive_reading), (self._asset.meter, self._estimator.on_meter_reading)
        ):  # fmt: skip
            if item and values.get(item.name):
                take(Reading(item.name, utc_ns, utc_ns, values[item.name], monotonic_ns=monotonic_ns))

    @property
    def verdict(self) -> Verdict:
        """none: there is no meter of this motor alone. pending: too few readings yet."""
        if self._estimator is None:
            return "none"
        found = self._estimator.checks.wiring.verdict
        if found == FAULTY:
            return "faulty"
        if self._readings < AGREE:
            return "pending"
        return "ok" if found == OK else "unknown" if found == UNKNOWN else "unclear"

    @property
    def faults(self) -> tuple[Reason, ...]:
        """The fault, or all that fit the readings equally well."""
        return tuple(fault.reason for fault in self._estimator.checks.wiring.faults) if self._estimator else ()
