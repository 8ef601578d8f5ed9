"""The health view: findings from the figures of an agent, since when, and what is not known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.config_text import at_input, bus, load_all, site

from agent.core.messages import Message, encode, encode_plain
from agent.core.metrics import HEALTH, by_name
from agent.core.row_names import row_name
from agent.core.text import Catalogue
from agent.delivery.followed_messages import MessageFollower
from agent.web.base.context import Web
from agent.web.gateway.health import GROUPS, OF_BUS, answer

ROOT = "magwatt/v1/mill-2/gw-07"
T_MS = 1_790_000_000_000
TEXTS = Catalogue("en")
WELL = {
    "polls": 1000, "polls_failed": 0, "bus_north_polls": 1000, "bus_north_polls_failed": 0,
    "bus_north_late_responses": 0, "bus_north_corrupt_responses": 0, "bus_north_offline": 0,
    "bus_north_utilization_pct": 40.0, "clock_synchronized": 1, "clock_steps": 0, "ledger_signed": 1,
    "registers_disabled": 0, "disk_free_mb": 5000, "memory_mb": 80, "cpu_pct": 5.0, "spool_rows": 0,
    "rows_in_memory": 0, "rows_dropped": 0, "uptime_s": 3600, "certificate_days": 200, "processing_errors": 0,
    "readings_dropped": 0,
}  # fmt: skip


class Connection(MessageFollower):
    interrupted = False


class Page:
    """A page that follows one agent; `health` delivers a message as the broker would."""

    def __init__(self) -> None:
        self.now_ms = T_MS
        self.follower = Connection()
        self.web = Web(self.follower, None, lambda: self.now_ms)
        self.deliver("status", b"online")
        self.deliver("info", encode_plain("info", T_MS, {"version": "1.2.3", "config": "c0ffee", "boot": 7}))

    def deliver(self, kind: str, payload: bytes) -> None:
        self.follower.receive(f"{ROOT}/{kind}", payload)

    def health(self, **changes: float) -> None:
        values = {**WELL, **changes}
        self.deliver("health", encode(Message(None, "health", self.now_ms, values), "1"))

    def shown(self) -> dict[str, Any]:
        return answer(self.web, TEXTS)


def test_a_gateway_without_trouble_has_no_finding() -> None:
    page = Page()
    page.health()
    found = page.shown()
    assert found["findings"] == []
    assert found["examined"]
    assert [bus["name"] for bus in found["buses"]] == ["north"]
    assert (found["online"], found["gateway"]) == ("online", "gw-07")
    assert [row["text"] for row in found["versions"]][2:] == ["c0ffee", "7"]


@pytest.mark.parametrize(
    ("changes", "priority", "code"),
    [
        ({"bus_north_offline": 1}, "high", "health_devices_offline"),
        ({"bus_north_polls_failed": 60}, "medium", "health_polls_fail"),
        ({"bus_north_corrupt_responses": 6}, "medium", "responses_corrupt"),
        ({"bus_north_late_responses": 1}, "low", "responses_late"),
        ({"bus_north_utilization_pct": 71.0}, "low", "health_bus_busy"),
        ({"clock_synchronized": 0}, "medium", "clock_unsynchronized"),
        ({"disk_free_mb": 499}, "medium", "disk_almost_full"),
        ({"ledger_signed": 0}, "low", "hmac_ledger"),
        ({"rows_in_memory": 3}, "high", "health_state_file_unwritable"),
        ({"spool_hours_left": 0.0}, "high", "health_spool_full"),
        ({"spool_hours_left": 50.0}, "medium", "health_spool_fills"),
        ({"rows_dropped": 1}, "medium", "health_rows_dropped"),
        ({"waveforms_waiting": 2}, "medium", "health_waveforms_wait"),
        ({"spool_rows": 5000}, "medium", "health_backlog"),
        ({"certificate_days": 20}, "medium", "health_certificate_expires"),
        ({"certificate_days": -1}, "high", "health_certificate_expired"),
        ({"processing_errors": 1}, "medium", "health_processing_errors"),
        ({"registers_disabled": 13}, "low", "health_registers_unconfirmed"),
    ],
)
def test_a_figure_beyond_its_limit_is_a_finding(changes: dict[str, float], priority: str, code: str) -> None:
    page = Page()
    page.health(**changes)
    (finding,) = page.shown()["findings"]
    assert (finding["code"], finding["priority"]) == (code, priority)


@pytest.mark.parametrize(
    "changes",
    [{"bus_north_corrupt_responses": 5}, {"bus_north_utilization_pct": 70.0}, {"disk_free_mb": 500},
     {"spool_hours_left": 72.0}, {"certificate_days": 30}, {"bus_north_polls_failed": 50}],
)  # fmt: skip
def test_a_figure_at_its_limit_is_none(changes: dict[str, float]) -> None:
    page = Page()
    page.health(**changes)
    assert page.shown()["findings"] == []


@pytest.mark.parametrize(
    ("valid_until", "priorities"),
    [("2026-11-21", []), ("2026-11-20", ["low"]), ("2026-09-21", ["low"]), ("2026-09-20", ["medium"])],
)
def test_certificates_of_meters_are_findings(tmp_path: Path, valid_until: str, priorities: list[str]) -> None:
    """Today is 2026-09-21."""
    stated = f'{{ number = "E1", laboratory = "L", issued = 2020-01-01, valid_until = {valid_until} }}'
    config = load_all(tmp_path, site() + bus() + at_input("m") + f"certificate = {stated}\n")[0]
    page = Page()
    page.web = Web(page.follower, config, lambda: page.now_ms)
    page.deliver("info", encode_plain("info", T_MS, {"version": "1.2.3", "config": config.hash, "boot": 7}))
    page.health()
    found = page.shown()["findings"]
    assert [item["priority"] for item in found] == priorities
    assert all(item["code"] == "health_calibration" for item in found)
    assert all("meter.m.certificate" in item["text"] for item in found)


def test_a_finding_has_the_time_at_which_its_figure_changed() -> None:
    page = Page()
    page.health(rows_dropped=4)
    page.now_ms += 60_000
    page.health(rows_dropped=4, clock_synchronized=0)
    page.now_ms += 60_000
    page.health(rows_dropped=4, clock_synchronized=0)
    found = {item["code"]: (item["since"], item["at_least"], item["counts"]) for item in page.shown()["findings"]}
    assert found == {
        "health_rows_dropped": ("2026-09-21T14:13:20.000Z", True, True),
        "clock_unsynchronized": ("2026-09-21T14:14:20.000Z", False, False),
    }


def test_important_findings_come_first() -> None:
    page = Page()
    page.health(registers_disabled=2, bus_north_offline=1, clock_synchronized=0)
    assert [item["priority"] for item in page.shown()["findings"]] == ["high", "medium", "low"]


def test_nothing_is_said_to_be_well_without_figures() -> None:
    page = Page()
    found = page.shown()
    assert [item["priority"] for item in found["findings"]] == ["unknown"]
    assert (found["examined"], found["buses"], found["message"]["t"]) == (None, [], None)
    assert all(not group["rows"] for group in found["groups"])


def test_old_figures_are_a_finding() -> None:
    page = Page()
    page.health()
    page.now_ms += 181_000
    found = page.shown()
    assert [item["code"] for item in found["findings"]] == ["health_message_old"]
    assert found["message"]["stale"]


def test_an_agent_that_left_is_a_finding() -> None:
    page = Page()
    page.health()
    page.deliver("status", b"offline")
    assert [item["code"] for item in page.shown()["findings"]] == ["health_agent_offline"]


@pytest.mark.parametrize("body", ['"t": 1', '"t": "x", "v": {}', '"t": 5, "v": [1]', '"t": 5, "v": {"polls": "many"}'])
def test_a_message_of_another_form_breaks_nothing(body: str) -> None:
    page = Page()
    page.deliver("health", f'{{"s": "magwatt.health/1", {body}}}'.encode())
    assert page.shown()["findings"]


def test_each_figure_is_one_that_an_agent_publishes() -> None:
    table = by_name("health")
    assert {name for _title, figures in GROUPS for name, *_rest in figures} <= table.keys()
    assert all(row_name(f"bus_north_{figure}") in table for figure in OF_BUS)
    assert {row_name(name) for name in WELL} <= {row.name for row in HEALTH}
