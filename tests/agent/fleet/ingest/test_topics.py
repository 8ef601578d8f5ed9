"""Topics: what is stored, of whom, and that no topic names another folder."""

from __future__ import annotations

import pytest

from agent.fleet.ingest.topics import place_of

ROOT = "magwatt/v1/mill-2/gw-07"


@pytest.mark.parametrize(("topic", "place"), [
    ("pump-1/telemetry", ("mill-2", "gw-07", "pump-1", "telemetry")),
    ("pump-1/backfill/pq3s", ("mill-2", "gw-07", "pump-1", "pq3s")),
    ("health", ("mill-2", "gw-07", None, "health")),
    ("backfill/event", ("mill-2", "gw-07", None, "event")),
    ("ledger/checkpoint", ("mill-2", "gw-07", None, "checkpoint")),
])  # fmt: skip
def test_what_is_stored(topic: str, place: tuple[str, ...]) -> None:
    assert place_of(f"{ROOT}/{topic}") == place


@pytest.mark.parametrize("topic", [
    f"{ROOT}/status", f"{ROOT}/pump-1/meta", f"{ROOT}/pump-1/alarm/dry_run", f"{ROOT}/pump-1/explain",
    "magwatt/v2/mill-2/gw-07/pump-1/telemetry", "magwatt/v1/../gw-07/pump-1/telemetry",
    "magwatt/v1/mill-2/gw=07/pump-1/telemetry", "magwatt/v1/mill-2//pump-1/telemetry", "other/pump-1/telemetry",
])  # fmt: skip
def test_what_is_not_stored(topic: str) -> None:
    assert place_of(topic) is None
