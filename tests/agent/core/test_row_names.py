"""Rows of the metrics table for metrics that contain the name of a bus."""

from __future__ import annotations

import pytest

from agent.core.metrics import by_name
from agent.core.row_names import gateway_row, row_name


@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("polls", "polls"),
        ("bus_north_polls", "bus_*_polls"),
        ("bus_north_polls_failed", "bus_*_polls_failed"),
        ("bus_polls_polls_failed", "bus_*_polls_failed"),
        ("bus_a-1_b_utilization_pct", "bus_*_utilization_pct"),
    ],
)
def test_each_number_of_a_bus_has_its_row(name: str, row: str) -> None:
    assert row_name(name) == row
    assert row in by_name("health")


def test_other_messages_and_unknown_names_have_their_own_row_or_none() -> None:
    found = gateway_row("health", "bus_north_polls")
    assert found is not None
    assert found.name == "bus_*_polls"
    assert gateway_row("event", "event_kind") is by_name("event")["event_kind"]
    assert gateway_row("event", "bus_north_polls") is None
