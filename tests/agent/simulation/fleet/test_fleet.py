"""The report of a simulated fleet, and the counting of ids, without a broker."""

from __future__ import annotations

import pytest

from agent.simulation.fleet.delivery_check import DeliveryCount
from agent.simulation.fleet.load_generator import LABELS, format_report


def payload(t_ms: int, number: int) -> bytes:
    return b'{"t":%d,"id":"7-%d","v":{}}' % (t_ms, number)


def test_every_value_of_the_report_has_a_line() -> None:
    report = {name: number for number, name in enumerate(LABELS, start=1001)}
    for line, value in zip(format_report(report).splitlines(), report.values(), strict=True):
        assert str(value) in line


def test_ids_are_counted_by_gateway() -> None:
    """Two gateways use the same numbers. The second row of motor a arrives twice and after the third."""
    found = DeliveryCount()
    for topic, t_ms, number in (
        ("magwatt/v1/fleet/gw-1/a/telemetry", 1000, 1),
        ("magwatt/v1/fleet/gw-2/a/telemetry", 1000, 1),
        ("magwatt/v1/fleet/gw-1/a/telemetry", 3000, 3),
        ("magwatt/v1/fleet/gw-1/a/telemetry", 2000, 2),
        ("magwatt/v1/fleet/gw-1/a/telemetry", 2000, 2),
    ):
        found.on_message(topic, payload(t_ms, number), 4000.0)
    found.on_message("magwatt/v1/fleet/gw-1/status", b"online", 4000.0)
    summary = found.summary()
    assert (summary["arrived"], summary["duplicates"], summary["out_of_order"]) == (4, 1, 1)
    assert summary["bytes"] == 4 * len(payload(1000, 1))
    assert summary["latency_p50_ms"] == pytest.approx(3000.0)
