"""A node as in the agent with 100 rows/s, for the test to kill. Prints the number of committed rows."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from support.dialects import Bench, configured

from agent.delivery.sparkplug.sink import SparkplugSink


def main(folder: Path, port: int, tables: str) -> None:
    config = configured(folder, f"mqtt://127.0.0.1:{port}", tables)
    bench = Bench(config, folder / "state")
    publisher = bench.publisher
    sink = SparkplugSink(config, bench.assets, publisher.root, publisher.retained_messages, bench.store, bench.clock)
    publisher.sinks = [sink]
    sink.start(bench.store.sink_cursors([sink.name])[sink.name])
    publisher.publish_state("pump-1", "online", [])
    count = 0
    while True:
        for _ in range(10):
            bench.row(active_power_w=float(count))
            count += 1
        time.sleep(0.1)
        bench.store.flush()
        print(count, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
