"""What the agent keeps at the broker about a motor's state."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from dialectkit import Bench, configured


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(configured(tmp_path, "mqtt://127.0.0.1:1883"), tmp_path / "state")


def told(bench: Bench) -> dict[str, Any]:
    (payload,) = (text for topic, text in bench.publisher.greeting() if topic.endswith("/pump-1/state"))
    return json.loads(payload)  # type: ignore[no-any-return]


def test_another_reason_begins_no_other_state(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    now_ms = 1_790_000_000_000
    monkeypatch.setattr(type(bench.clock), "utc_ns", lambda _: now_ms * 1_000_000)
    bench.publisher.tell_state("pump-1", "offline", "mcc-1: no answer")
    now_ms += 60_000
    bench.publisher.tell_state("pump-1", "offline", "mcc-1: north: the machine is not there")
    found = told(bench)
    assert (found["t"], found["since"], found["reason"]) == (
        now_ms, now_ms - 60_000, "mcc-1: north: the machine is not there",
    )  # fmt: skip
    now_ms += 60_000
    bench.publisher.tell_state("pump-1", "online", "")
    assert told(bench)["since"] == now_ms
    now_ms += 60_000
    bench.publisher.tell_state("pump-1", "offline", "mcc-1: no answer")
    assert told(bench)["since"] == now_ms
