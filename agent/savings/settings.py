"""Which keys of the configuration, or which command, change what a reason is about: for engineers, apart from the texts
that managers read. Keys are the same in each language."""

from __future__ import annotations

from agent.core.text import Catalogue
from agent.savings import reasons
from agent.savings.report import reasons as report_reasons
from drivers.reasons import Reason

SETTINGS = {
    reasons.NO_DRIVER: "motor.{motor}.static_factors.load",
    reasons.SEASON_NOT_COVERED: "motor.{motor}.static_factors.ambient",
    reasons.PRODUCT_MIX_UNKNOWN: "motor.{motor}.static_factors.product_mix",
    reasons.DRIVER_UNCALIBRATED: "signal.*.calibration",
    reasons.CERTIFICATE_EXPIRED: "meter.*.certificate",
    reasons.CURRENT_ASSUMED: "meter.*.ct",
    report_reasons.OLD_MOTOR_IN_REPORTING_PERIOD: "motor.{motor}.periods",
    report_reasons.BASELINE_MISSING: "magwatt baseline learn {motor}",
    report_reasons.GRID_FACTOR_MISSING: "site.grid_factor",
    report_reasons.TARIFF_MISSING: "[tariff], site.energy_price",
    report_reasons.CURRENCY_MISSING: "site.currency",
    report_reasons.KEY_SELF_DECLARED: "magwatt ledger verify --key",
}


def setting(reason: Reason, motor: str) -> str:
    """The keys or the command; empty if there is none."""
    return SETTINGS.get(reason.code, "").format(motor=motor)


def text_with_setting(text: str, reason: Reason, motor: str, _: Catalogue) -> str:
    """The text of a reason for an engineer, in one line."""
    key = setting(reason, motor)
    return _("{text} ({setting})", text=text, setting=key) if key else text
