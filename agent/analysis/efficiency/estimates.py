"""The present estimates of one motor: values with uncertainty, method, flags and reasons."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct, field

from agent.core.messages import codes
from drivers.reading import Quality
from drivers.reasons import Reason
from dsp.efficiency import Estimate


class Estimates(Struct):
    """What is known of one motor now.

    values: metric → value; None: not known.
    uncertainties: metric → U (k = 2) in the unit of the metric.
    methods: metric → method.
    flags: metric → quality flags.
    reasons: metric whose value is a code → its reasons.
    """

    values: dict[str, float | str | None] = field(default_factory=dict)
    uncertainties: dict[str, float] = field(default_factory=dict)
    methods: dict[str, str] = field(default_factory=dict)
    flags: dict[str, Quality] = field(default_factory=dict)
    reasons: dict[str, Sequence[Reason]] = field(default_factory=dict)

    def withhold(self, reason: Reason | None) -> None:
        """States why there is no efficiency; None: there is one."""
        found = [reason] if reason else []
        self.values["efficiency_unavailable_reason"] = codes(found)
        self.reasons["efficiency_unavailable_reason"] = found

    @property
    def reason(self) -> Reason | None:
        """Why there is no efficiency; None: there is one."""
        return next(iter(self.reasons.get("efficiency_unavailable_reason", ())), None)

    def put(self, name: str, estimate: Estimate | None, scale: float = 1.0) -> None:
        if estimate is None:
            self.values[name] = None
            return
        self.values[name] = estimate.value * scale
        self.uncertainties[name] = estimate.u * scale
        self.methods[name] = estimate.method
