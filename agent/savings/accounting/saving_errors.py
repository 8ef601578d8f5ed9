"""The errors of a saving, and the half-width that contains their sum."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from msgspec import Struct

from agent.savings.baseline.coverage_factors import half_width


class SavingErrors(Struct, frozen=True):
    """The errors of a saving, independent of each other, Wh.

    normal: standard uncertainty by component: model, scatter, interpolation, gaps.
    freedom: degrees of freedom of the baseline; inf: unknown.
    drivers: by driver the half-width of its drift, which is rectangular. Signed: the change of the saving if the error
        is at its upper limit.
    meter: by component the same of the meter and its transformers. One value: of the meter of both periods; two: of
        those before and after.
    """

    normal: Mapping[str, float]
    freedom: float
    drivers: Mapping[str, float]
    meter: Mapping[str, tuple[float, ...]]

    @property
    def causes(self) -> dict[str, float]:
        """Standard uncertainty by component."""
        found = {**self.normal, "driver": math.hypot(*self.drivers.values()) / math.sqrt(3)}
        return found | {name: math.hypot(*limits) / math.sqrt(3) for name, limits in self.meter.items()}

    @property
    def limits(self) -> Iterator[float]:
        """All rectangular half-widths."""
        yield from self.drivers.values()
        for limits in self.meter.values():
            yield from limits

    def half_width(self, probability: float = 0.95) -> float:
        """Half-width that contains the true saving with this probability: normal components in quadrature, the widest
        rectangular one with its own distribution.
        """
        widest = max(map(abs, self.limits), default=0.0)
        normal = math.sqrt(max(sum(u * u for u in self.causes.values()) - widest * widest / 3, 0.0))
        return half_width(normal, widest, freedom=self.freedom, probability=probability)
