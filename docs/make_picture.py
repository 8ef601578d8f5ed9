"""Writes docs/live-table.svg: the table of the demo after 30 s, as in a terminal. Run: make picture."""

from __future__ import annotations

import contextlib
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console

from agent.cli.demo_runner import demo_parts, embedded_broker
from agent.cli.watch_view import render
from agent.config.loader import parse_broker
from agent.delivery.mqtt.follower import Follower

WIDTH = int(sys.argv[1]) if len(sys.argv) > 1 else 104


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        port = stack.enter_context(embedded_broker())
        url = f"mqtt://127.0.0.1:{port}"
        demo_parts(Path(folder), stack, url)
        follower = Follower(parse_broker(url), "magwatt/v1/demo/#")
        follower.start()
        time.sleep(30)
        console = Console(record=True, width=WIDTH, file=(Path(folder) / "out").open("w"))
        console.print(render(follower, WIDTH))
        follower.stop()
        console.save_svg(str(Path(__file__).parent / "live-table.svg"), title="magwatt demo")


if __name__ == "__main__":
    main()
