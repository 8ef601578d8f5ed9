"""Topics: what is stored, of whom, and that no topic names another folder."""

from __future__ import annotations

import pytest

from agent.fleet.ingest.topics import DEFAULT, TopicRoot, topic_root

ROOT = "magwatt/v1/mill-2/gw-07"


@pytest.mark.parametrize(("topic", "place"), [
    ("pump-1/telemetry", ("mill-2", "gw-07", "pump-1", "telemetry")),
    ("pump-1/backfill/pq3s", ("mill-2", "gw-07", "pump-1", "pq3s")),
    ("health", ("mill-2", "gw-07", None, "health")),
    ("backfill/event", ("mill-2", "gw-07", None, "event")),
    ("ledger/checkpoint", ("mill-2", "gw-07", None, "checkpoint")),
])  # fmt: skip
def test_what_is_stored(topic: str, place: tuple[str, ...]) -> None:
    found = DEFAULT.place_of(f"{ROOT}/{topic}")
    assert found == place
    assert DEFAULT.place_of(found.topic) == place, "a segment contains this topic"


@pytest.mark.parametrize("topic", [
    f"{ROOT}/status", f"{ROOT}/pump-1/meta", f"{ROOT}/pump-1/alarm/dry_run", f"{ROOT}/pump-1/explain",
    "magwatt/v2/mill-2/gw-07/pump-1/telemetry", "magwatt/v1/../gw-07/pump-1/telemetry",
    "magwatt/v1/mill-2/gw=07/pump-1/telemetry", "magwatt/v1/mill-2//pump-1/telemetry", "other/pump-1/telemetry",
])  # fmt: skip
def test_what_is_not_stored(topic: str) -> None:
    assert DEFAULT.place_of(topic) is None


@pytest.mark.parametrize(("root", "topic", "site"), [
    ("acme/Energy=mill-2", "acme/Energy/gw-07/pump-1/telemetry", "mill-2"),
    ("acme/+", "acme/mill-3/gw-07/pump-1/telemetry", "mill-3"),
])  # fmt: skip
def test_topics_with_a_topic_prefix(root: str, topic: str, site: str) -> None:
    found = topic_root(root)
    assert found is not None
    assert found.place_of(topic) == (site, "gw-07", "pump-1", "telemetry")
    assert found.place_of("acme2/mill-3/gw-07/pump-1/telemetry") is None
    assert any(matches(pattern, topic) for pattern in found.filters)


@pytest.mark.parametrize("text", ["acme", "acme/#", "+", "acme/+/x", "acme=../x", "=mill-2", "acme/+=mill-2"])
def test_what_is_no_prefix(text: str) -> None:
    assert topic_root(text) is None


def test_a_broker_sends_what_is_stored() -> None:
    for levels in ("health", "backfill/event", "pump-1/telemetry", "pump-1/backfill/pq3s", "ledger/checkpoint"):
        assert any(matches(pattern, f"{ROOT}/{levels}") for pattern in TopicRoot("magwatt/v1").filters), levels


def matches(pattern: str, topic: str) -> bool:
    """MQTT 5.0, 4.7.1.3: + is exactly one level."""
    levels, found = pattern.split("/"), topic.split("/")
    return len(levels) == len(found) and all(a in ("+", b) for a, b in zip(levels, found, strict=True))
