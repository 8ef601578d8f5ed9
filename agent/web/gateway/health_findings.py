"""What is wrong with the gateway itself, from the figures of `health`, with the texts of `doctor` where it has one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from agent.acquisition.bus_limits import CORRUPT_MAX, FAILED_MAX, UTILIZATION_WARN
from agent.commissioning.doctor import reasons as doctor
from agent.config.alarm_table_gateway import BACKLOG_ROWS, CERTIFICATE_D, SPOOL_H
from agent.core.text import N_
from agent.savings.ledger.reasons import HMAC_LEDGER
from agent.web.gateway import health_reasons as codes
from drivers.reasons import Reason

Number = float | int
ALARMED = frozenset((  # figures of which the agent makes alarms; those of a bus without its name
    "offline", "polls_failed", "corrupt_responses", "clock_synchronized", "disk_free_mb", "rows_in_memory",
    "spool_hours_left", "rows_dropped", "spool_rows", "certificate_days", "processing_errors", "topics_silent",
))  # fmt: skip

BUS, BROKER, CLOCK, STORE, AGENT, LEDGER, CONFIGURATION, DEVICES, SIGNALS = (
    N_("bus"), N_("broker"), N_("clock"), N_("store"), N_("agent"), N_("ledger"), N_("configuration"), N_("devices"),
    N_("signals"),
)  # fmt: skip


class HealthFinding(Struct, frozen=True):
    """priority: of the page. where: part of the gateway, a source text. figure: of `health`, whose change dates it."""

    priority: str
    where: str
    reason: Reason
    figure: str | None = None
    bus: str = ""


def findings(values: Mapping[str, Number], buses: list[str], state_dir: str) -> list[HealthFinding]:
    """values: figures of `health`, without those that are null. buses: their names. state_dir: of the agent."""
    found = [
        *(item for bus in buses for item in _of_bus(values, bus)), *_of_host(values, state_dir), *_of_store(values),
        *_of_agent(values),
    ]  # fmt: skip
    return found


def _of_bus(values: Mapping[str, Number], bus: str) -> Iterator[HealthFinding]:
    def get(name: str) -> Number:
        return values.get(f"bus_{bus}_{name}", 0)

    offline, polls, failed = int(get("offline")), get("polls"), get("polls_failed")
    if offline:
        yield HealthFinding("high", BUS, codes.DEVICES_OFFLINE(n=offline, bus=bus), f"bus_{bus}_offline", bus)
    elif failed > FAILED_MAX * (polls + failed):
        share = failed / (polls + failed)
        yield HealthFinding("medium", BUS, codes.POLLS_FAIL(share=share, bus=bus), f"bus_{bus}_polls_failed", bus)
    corrupt, late = int(get("corrupt_responses")), int(get("late_responses"))
    responses = int(polls + failed)
    if responses and corrupt > CORRUPT_MAX * responses:
        reason = doctor.RESPONSES_CORRUPT(share=corrupt / responses, n=corrupt, total=responses)
        yield HealthFinding("medium", BUS, reason, f"bus_{bus}_corrupt_responses", bus)
    if late:
        yield HealthFinding("low", BUS, doctor.RESPONSES_LATE(n=late, bus=bus), f"bus_{bus}_late_responses", bus)
    busy_pct = get("utilization_pct")
    if busy_pct > 100 * UTILIZATION_WARN:
        reason = codes.BUS_BUSY(bus=bus, utilization_pct=busy_pct)
        yield HealthFinding("low", BUS, reason, f"bus_{bus}_utilization_pct", bus)


def _of_host(values: Mapping[str, Number], state_dir: str) -> Iterator[HealthFinding]:
    if values.get("clock_synchronized") == 0:
        yield HealthFinding("medium", CLOCK, doctor.CLOCK_UNSYNCHRONIZED(), "clock_synchronized")
    free_mb = values.get("disk_free_mb")
    if free_mb is not None and free_mb < doctor.FREE_MIN_MB:
        reason = doctor.DISK_ALMOST_FULL(free_mb=free_mb, path=state_dir, minimum_mb=doctor.FREE_MIN_MB)
        yield HealthFinding("medium", STORE, reason, "disk_free_mb")
    if values.get("ledger_signed") == 0:
        yield HealthFinding("low", LEDGER, HMAC_LEDGER(), "ledger_signed")


def _of_store(values: Mapping[str, Number]) -> Iterator[HealthFinding]:
    in_memory, dropped = int(values.get("rows_in_memory", 0)), int(values.get("rows_dropped", 0))
    if in_memory:
        yield HealthFinding("high", STORE, codes.STATE_FILE_UNWRITABLE(n=in_memory), "rows_in_memory")
    hours = values.get("spool_hours_left")
    if hours is not None and hours <= 0:
        yield HealthFinding("high", STORE, codes.SPOOL_FULL(), "spool_hours_left")
    elif hours is not None and hours < SPOOL_H[0]:
        yield HealthFinding("medium", STORE, codes.SPOOL_FILLS(hours=hours), "spool_hours_left")
    if dropped:
        yield HealthFinding("medium", STORE, codes.ROWS_DROPPED(n=dropped), "rows_dropped")
    waiting = int(values.get("spool_rows", 0))
    if waiting > BACKLOG_ROWS:
        yield HealthFinding("medium", BROKER, codes.BACKLOG(n=waiting), "spool_rows")
    days = values.get("certificate_days")
    if days is not None and days < CERTIFICATE_D[0]:
        reason = codes.CERTIFICATE_EXPIRES(n=int(days)) if days >= 0 else codes.CERTIFICATE_EXPIRED()
        yield HealthFinding("high" if days < CERTIFICATE_D[1] else "medium", BROKER, reason, "certificate_days")


def _of_agent(values: Mapping[str, Number]) -> Iterator[HealthFinding]:
    counted: tuple[tuple[str, str, str, Any], ...] = (
        ("processing_errors", "medium", AGENT, codes.PROCESSING_ERRORS),
        ("readings_dropped", "medium", AGENT, codes.READINGS_DROPPED),
        ("topics_silent", "medium", SIGNALS, codes.TOPICS_SILENT),
        ("retained_dropped", "low", BROKER, codes.RETAINED_DROPPED),
        ("waveform_samples_lost", "low", DEVICES, codes.WAVEFORM_LOST),
        ("waveforms_waiting", "medium", AGENT, codes.WAVEFORMS_WAIT),
        ("registers_disabled", "low", DEVICES, codes.REGISTERS_UNCONFIRMED),
    )
    for figure, priority, where, code in counted:
        if n := int(values.get(figure, 0)):
            yield HealthFinding(priority, where, code(n=n), figure)
