"""Times in which a certificate of a meter or of its transformers has expired: nothing then supports their limits."""

from __future__ import annotations

from datetime import timedelta

from msgspec import Struct

from agent.config.certificates import lapses
from agent.config.model import Meter
from agent.config.reporting_periods import begin_ms
from agent.savings import reasons as codes
from drivers.reasons import Reason


class ExpiredTime(Struct, frozen=True):
    """From midnight after the last valid day to midnight before the first day of the next certificate.

    device: meter | ct | vt.
    number, valid_until: of the certificate.
    from_ms, to_ms: UTC; to_ms None: there is no next one.
    """

    device: str
    number: str
    valid_until: str
    from_ms: int
    to_ms: int | None

    def overlaps(self, from_ms: int, to_ms: int) -> bool:
        return self.from_ms < to_ms and (self.to_ms is None or from_ms < self.to_ms)

    @property
    def reason(self) -> Reason:
        return codes.CERTIFICATE_EXPIRED(device=self.device, number=self.number, until=self.valid_until)


def expired_times(meter: Meter | None, zone: str) -> tuple[ExpiredTime, ...]:
    """Those of the certificates in the configuration. zone: of the site, whose days count."""
    return tuple(
        ExpiredTime(
            lapse.device, lapse.number, str(lapse.valid_until),
            begin_ms(lapse.valid_until + timedelta(days=1), zone),
            None if lapse.renewed is None else begin_ms(lapse.renewed, zone),
        )
        for lapse in (lapses(meter.certificates) if meter else ())
    )  # fmt: skip
