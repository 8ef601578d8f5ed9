"""Plant and agent together on virtual time: two motors polled every 10 s. Run: python -m benchmarks.month [DAYS]"""

from __future__ import annotations

import logging
import re
import sys
import time

from agent.simulation.accelerated import run_accelerated
from simulators.scenarios import load

DAYS = 30.0


def main() -> None:
    logging.disable(logging.CRITICAL)
    days = float(sys.argv[1]) if len(sys.argv) > 1 else DAYS
    counted = {"messages": 0, "bytes": 0}

    def take(_topic: str, payload: bytes, _retained: bool) -> None:
        counted["messages"] += 1
        counted["bytes"] += len(payload)

    wall_s, cpu_s = time.perf_counter(), time.process_time()
    run_accelerated(
        load("pump-station"), days * 86_400, take, step_s=10,
        edit=lambda text: re.sub(r'poll_interval = "\d+s"', 'poll_interval = "10s"', text),
    )  # fmt: skip
    wall_s, cpu_s = time.perf_counter() - wall_s, time.process_time() - cpu_s
    print(f"{days:g} days: {wall_s:.1f} s, {cpu_s:.1f} s of processor; "
          f"{counted['messages']} messages, {counted['bytes'] / 1e6:.0f} MB")  # fmt: skip


if __name__ == "__main__":
    main()
