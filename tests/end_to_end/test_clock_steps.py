"""A running agent on a computer with a wrong clock and without a broker: rows in the spool get the correct times.

The computer's clock and the kernel's synchronisation status are files that the test writes; everything else runs as a
user starts it.
"""

from __future__ import annotations

import contextlib
import json
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from support.basics import wait_until

pytestmark = pytest.mark.alone  # no period is missed: few other processes run

HOUR_S = 3600
RUN = """
import sys, time
from pathlib import Path
offset, synchronised, real = Path(sys.argv[1]), Path(sys.argv[2]), time.time_ns
time.time_ns = lambda: real() + int(offset.read_text() or 0) * 10**9
import agent.core.clock
agent.core.clock.kernel_synchronized = synchronised.exists
from agent.cli import main
main(["run", sys.argv[3]])
"""


class Computer:
    """The clock of the agent's computer."""

    def __init__(self, folder: Path, offset_s: int, synchronised: bool) -> None:
        self._offset, self._mark = folder / "offset", folder / "synchronised"
        self.set(offset_s, synchronised)
        self.arguments = [sys.executable, "-P", "-c", RUN, str(self._offset), str(self._mark)]

    def set(self, offset_s: int, synchronised: bool) -> None:
        new = self._offset.with_suffix(".new")
        new.write_text(str(offset_s))
        self._mark.unlink(missing_ok=True)  # as settimeofday(2): setting the clock clears the synchronised status
        new.replace(self._offset)
        if synchronised:
            self._mark.touch()


@pytest.fixture
def plant(tmp_path: Path) -> Iterator[Path]:
    config = tmp_path / "plant.toml"
    code = "from agent.cli import main; main()"
    arguments = ["simulate", "pump-station", "--write-config", str(config), "--broker", "mqtt://127.0.0.1:1"]
    with (tmp_path / "plant.log").open("wb") as log:
        process = subprocess.Popen([sys.executable, "-P", "-c", code, *arguments], stdout=log, stderr=log)
    try:
        wait_until(config.exists, 20, "the plant is served")
        text = re.sub(r"\[motor\.[\w-]+\.waveform\][^[]*", "", config.read_text())
        config.write_text(text.replace("simulated = true", "").replace('"2s"', '"0s"'))
        yield config
    finally:
        process.terminate()
        process.wait(60)


def test_queued_rows_get_the_corrected_time(plant: Path, tmp_path: Path) -> None:
    """Eight hours slow until the time server responds, then correct; then set one hour fast manually, and corrected."""
    computer = Computer(tmp_path, -8 * HOUR_S, synchronised=False)
    log = tmp_path / "agent.log"
    began_ms = time.time_ns() // 1_000_000
    with log.open("wb") as out:
        agent = subprocess.Popen([*computer.arguments, str(plant)], stdout=out, stderr=out)

    def stepped(offset_s: int, synchronised: bool) -> None:
        before = log.read_text().count("the clock was stepped")
        computer.set(offset_s, synchronised)
        wait_until(lambda: log.read_text().count("the clock was stepped") > before, 10, "the step is seen")

    try:
        wait_until(lambda: log.read_text().count("is online") == 2, 30, "both pumps are measured")
        time.sleep(3)
        stepped(0, synchronised=True)
        time.sleep(2)
        stepped(HOUR_S, synchronised=False)
        time.sleep(2)
        stepped(0, synchronised=True)
        time.sleep(2)
    finally:
        agent.send_signal(signal.SIGTERM)
        assert agent.wait(60) == 0
    ended_ms = time.time_ns() // 1_000_000
    with contextlib.closing(sqlite3.connect(tmp_path / "state" / "magwatt.sqlite")) as db:
        rows = [(asset, kind, t_ms, json.loads(payload)) for asset, kind, t_ms, payload in
                db.execute("select asset, kind, t_ms, payload from spool order by n")]  # fmt: skip
    for pump in ("pump-1", "pump-2"):
        found = [body for asset, kind, _, body in rows if (asset, kind) == (pump, "telemetry")]
        times = [body["t"] for body in found]
        assert began_ms <= times[0]
        assert times[-1] <= ended_ms
        assert times == sorted(times), "in the order of their ids"
        # One period and a margin: the first second of a pump and a check of the clock can be in between.
        assert max(later - earlier for earlier, later in pairwise(times)) < 2200, times
        unsure = ["CLOCK_UNSYNCHRONIZED" in body.get("f", {}).get("*", []) for body in found]
        assert (unsure[0], unsure[-1]) == (True, False)
        assert sum(one != other for one, other in pairwise(unsure)) == 3, "unsure, sure, unsure, sure"
    assert all(t_ms == body["t"] for _, _, t_ms, body in rows)
    steps = [body["v"] for _, _, _, body in rows if body["v"].get("event_kind") == "clock_step"]
    assert [round(step["event_clock_step_s"] / HOUR_S) for step in steps] == [8, 1, -1]
    corrected = [step["event_rows"] for step in steps]
    assert corrected[0] >= 6
    assert corrected[1] == 0, "rows of a synchronised clock keep their time"
    assert corrected[2] >= 2
    assert "Traceback" not in log.read_text()
