"""A decoder of others reads the payloads."""

from __future__ import annotations

import contextlib
import json
import subprocess
from pathlib import Path

import pytest
from support.basics import wait_until
from support.sparkplug import read
from support.sparkplug_world import World, online

pytestmark = pytest.mark.alone

ROOT = Path(__file__).parents[3]


def test_a_public_decoder_reads_the_payloads(world: World, tmp_path: Path) -> None:
    """The npm package `sparkplug-payload`, if node finds it (npm install --prefix FOLDER; NODE_PATH)."""
    script = ROOT / "tests" / "support" / "decode_sparkplug.js"
    with contextlib.suppress(FileNotFoundError):
        done = subprocess.run(["node", str(script)], input="", capture_output=True, text=True, check=False)
        if done.returncode == 0:
            _compare(world, script)
            return
    pytest.skip("node or its package sparkplug-payload is not here: npm install sparkplug-payload; set NODE_PATH")


def _compare(world: World, script: Path) -> None:
    bench = world.start()
    online(world)
    wait_until(lambda: len(world.sent_of("DBIRTH")) == 2, 5, "births")
    bench.row(active_power_w=71240.5, fault_code=-7, fault_text="no fault")
    bench.row(kind="harmonics", harmonic_u_l1_v=[0.1, 230.0, None])
    world.settled()
    world.stop()
    sent_of = [packet for connection in world.proxy.sparkplug() for packet in connection if packet.what]
    lines = "\n".join(packet.payload.hex() for packet in sent_of)
    done = subprocess.run(["node", str(script)], input=lines, capture_output=True, text=True, check=True)
    theirs = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(theirs) == len(sent_of)
    for packet, other in zip(sent_of, theirs, strict=True):
        ours = read(packet.payload)
        assert int(other["timestamp"]) == ours["timestamp"]
        assert len(other["metrics"]) == len(ours["metrics"])
        for mine, metric in zip(ours["metrics"], other["metrics"], strict=True):
            assert metric.get("name", "") == mine.get("name", "")
            assert int(metric.get("alias", 0)) == mine.get("alias", 0)
            if "double_value" in mine and "datatype" in mine:
                assert metric["value"] == mine["double_value"]
            if "string_value" in mine and "datatype" in mine:
                assert metric["value"] == mine["string_value"]
