"""The dialogue of a commissioning with its operator: at a terminal, or step by step in a browser."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Protocol

from msgspec import Struct

from agent.commissioning.selfcheck.live_values import LiveReader
from agent.commissioning.selfcheck.model import SelfcheckOutcome
from agent.commissioning.wizard.answers import Answer, Question
from agent.commissioning.wizard.duration import EstimatedDuration
from agent.commissioning.wizard.record import CommissioningRecord
from agent.config.topology import Asset
from drivers.reasons import Reason


class Review(Struct, frozen=True):
    """What the operator looks at after the self-check, before the values are compared with the displays.

    result: of the devices of this motor.
    problems: devices that are not polled.
    live: reads the present values, once for each call.
    """

    asset: Asset
    result: SelfcheckOutcome
    problems: tuple[Reason, ...]
    live: LiveReader


class Reviewed(Struct, frozen=True):
    """The operator's reply to a review.

    again: check again.
    problems: what the present values show beyond the self-check; open points of the record.
    """

    again: bool
    problems: tuple[Reason, ...] = ()


class Guide(Protocol):
    """Shows the course of a commissioning step by step, and lets the operator repeat the self-check."""

    def begin_check(self, estimate: EstimatedDuration, readings: int) -> None:
        """A self-check begins. readings: expected number of calls of `on_values`; twice as many if values disagree."""

    def on_values(self, device: str, values: Mapping[str, float]) -> None:
        """The self-check has read a device. values: quantity → value; empty without a response."""

    async def review(self, review: Review) -> Reviewed: ...

    async def recorded(self, record: CommissioningRecord, path: Path) -> None:
        """The record of a motor is written."""


class Dialogue(Struct, frozen=True):
    """The dialogue with the operator.

    print_line: prints a line.
    ask: asks the operator to confirm a statement; the reply may be `not_checked`, and may come later.
    guide: None: the operator sees the lines only, and the self-check runs once.
    """

    print_line: Callable[[str], None]
    ask: Callable[[Question], Answer | Awaitable[Answer]]
    guide: Guide | None = None
