"""What `check` and the end of `init` report beyond the problems of a configuration."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from agent.acquisition.poll_plan import overloads
from agent.acquisition.selfcheck_results import disabled_registers
from agent.config.model import Config
from agent.config.reporting_periods import ahead
from agent.config.schema import ConfigReport, Diagnostic
from agent.core.account import UserAccount
from agent.core.local_time import zone_of
from agent.delivery.store import default_directory
from agent.runtime.start_conditions import add_start_conditions
from agent.savings.ledger.reasons import HMAC_LEDGER
from agent.savings.ledger.signing_key import HMAC, key_kind


def add_findings(loaded: Config, report: ConfigReport, account: UserAccount | None) -> None:
    """Adds what the configuration alone does not show. account: of the agent; None: that of this process."""
    for motor in loaded.motors.values():
        if note := ahead(dict(motor.periods), datetime.now(zone_of(loaded.site.timezone)).date()):
            report.note(f"motor.{motor.name}.periods.baseline", note)
    for key, reason in overloads(loaded):
        report.finding(key, reason)
    if key_kind(loaded.state_dir or default_directory()) == HMAC:
        report.note("store.state_dir", HMAC_LEDGER())
    for name, reason in disabled_registers(loaded).items():
        key = f"{'meter' if name in loaded.meters else 'drive'}.{name}.profile"
        (report.finding if reason.data["n"] == reason.data["total"] else report.note)(key, reason)
    add_start_conditions(loaded, report, account)


def grouped(items: Sequence[Diagnostic]) -> Iterator[tuple[Diagnostic, tuple[str, ...]]]:
    """The first of equal diagnostics, with the keys of the others."""
    groups: list[list[Diagnostic]] = []
    for item in items:
        equal = (
            group for group in groups
            if (group[0].level, group[0].reason, group[0].value) == (item.level, item.reason, item.value)
        )  # fmt: skip
        if (group := next(equal, None)) is None:
            groups.append([item])
        else:
            group.append(item)
    for first, *others in groups:
        yield first, tuple(item.key for item in others)
