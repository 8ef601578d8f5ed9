"""A Sparkplug broker that is unreachable for months: retained messages must not accumulate in memory."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

from support.dialects import Bench, configured

from agent.config.topology import assets
from agent.delivery.sparkplug.sink import SparkplugSink


def test_retained_messages_without_a_connection_take_no_memory(tmp_path: Path) -> None:
    """Each motor publishes `explain` every 30 s: 2.8 million messages of some kB in a month of 32 motors."""
    bench = Bench(configured(tmp_path, "mqtt://127.0.0.1:1", "[sparkplug]"), tmp_path / "state")
    publisher = bench.publisher
    sink = SparkplugSink(
        bench.config, assets(bench.config), publisher.root, publisher.retained_messages, bench.store, bench.clock
    )
    publisher.sinks = [sink]
    sink.start(bench.store.sink_cursors([sink.name])[sink.name])
    publisher.publish_retained("pump-1", "explain", {"better": "x" * 2000})
    tracemalloc.start()
    for number in range(3000):
        publisher.publish_retained("pump-1", "explain", {"better": "x" * 2000, "number": number})
    grown_bytes = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    sink.stop()
    bench.close()
    assert grown_bytes < 300_000, "of 6 MB published"
