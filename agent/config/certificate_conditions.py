"""Calibration certificates that have expired, or soon will: for `check`, `doctor`, `run` and the page."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from agent.config.certificates import expired, expiring
from agent.config.model import Config
from agent.config.schema import FINDING, NOTE
from drivers.reasons import Reason


def certificate_conditions(config: Config, today: date) -> Iterator[tuple[str, str, Reason]]:
    """Level, key of the configuration and reason. today: at the plant."""
    for meter in config.meters.values():
        for key, reason in expired(meter.certificates, today):
            yield FINDING, f"meter.{meter.name}.{key}", reason
        for key, reason in expiring(meter.certificates, today):
            yield NOTE, f"meter.{meter.name}.{key}", reason
