"""A fleet at one Mosquitto on this host: `make bench-fleet`. Figures: docs/reference/fleet-measured.md.

`python -m benchmarks.fleet [--gateways 1000] [--seconds 300] [--restart-after S]`
"""

from __future__ import annotations

import argparse
import tempfile
import threading
from pathlib import Path

from support.basics import Mosquitto

from agent.config.loader import parse_broker
from agent.core.clock import SystemClock
from agent.simulation.fleet.load_generator import format_report, run_fleet

BROKER = "max_queued_messages 0\nmax_inflight_messages 1000\npersistence true\nautosave_interval 1800\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gateways", type=int, default=1000)
    parser.add_argument("--motors", type=int, default=12)
    parser.add_argument("--interval", type=float, default=5.0)
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--restart-after", type=float, help="Stop the broker after this time, for --away seconds.")
    parser.add_argument("--away", type=float, default=10.0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        broker = Mosquitto(Path(folder), f"{BROKER}persistence_location {folder}/\n")
        broker.start()
        ending = threading.Event()

        def restart() -> None:
            if not ending.wait(given.restart_after):
                broker.stop()
                ending.wait(given.away)
                broker.start()

        restarter = threading.Thread(target=restart if given.restart_after else lambda: None)
        restarter.start()
        try:
            plan = (given.gateways, given.motors, given.interval, given.seconds)
            report = run_fleet(parse_broker(broker.url), "fleet", *plan, SystemClock())
        finally:
            ending.set()
            restarter.join()
            broker.stop()
    print(format_report(report))


if __name__ == "__main__":
    main()
