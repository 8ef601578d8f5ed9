"""The state of an asset in Sparkplug: births, deaths and the English text of its reasons."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from support.dialects import Bench, configured
from support.sparkplug import read

from agent.core.text import as_object, english
from agent.delivery.reasons import CONNACK_TIMEOUT, CONNECT_FAILED
from agent.delivery.sparkplug.edge_node import EdgeNode
from drivers.reasons import Reason

ONE, OTHER = CONNECT_FAILED(error="timed out"), CONNACK_TIMEOUT(timeout_s=2.0)


def state(word: str, *reasons: Reason) -> bytes:
    body = {"t": 1_790_000_000_000, "state": word, "reason": [as_object(reason) for reason in reasons], "since": 1}
    return json.dumps(body).encode()


def test_the_state_is_sent_with_the_text_of_its_reasons(tmp_path: Path) -> None:
    bench = Bench(configured(tmp_path, "mqtt://127.0.0.1:1", "[sparkplug]"), tmp_path / "state")
    sent: list[tuple[str, list[dict[str, Any]]]] = []
    node = EdgeNode("mill-2", "gw-07", bench.config, bench.assets, bench.clock,
                lambda topic, payload: sent.append((topic.split("/")[2], read(payload)["metrics"])))  # fmt: skip
    node.birth(0)
    node.update_retained("pump-1", state("stale", ONE, OTHER))
    assert node.birth_due
    node.next_birth(0)
    kind, metrics = sent[-1]
    named = {metric["name"]: metric for metric in metrics}
    assert kind == "DBIRTH"
    assert named["state"]["string_value"] == "stale"
    assert named["state_reason"]["string_value"] == f"{english(ONE)}; {english(OTHER)}"
    node.update_retained("pump-1", state("online"))
    aliases = {metric["alias"]: metric["string_value"] for metric in sent[-1][1]}
    assert sent[-1][0] == "DDATA"
    assert aliases == {named["state"]["alias"]: "online", named["state_reason"]["alias"]: ""}
    node.update_retained("pump-1", state("offline", ONE))
    assert sent[-1][0] == "DDEATH"
    bench.close()
