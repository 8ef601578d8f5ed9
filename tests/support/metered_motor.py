"""The meter of one motor, its intervals and its ledger with a simulated clock.

As a program (`metered_motor.py FOLDER KILLS SEED`) it records them in processes that are killed.
"""

from __future__ import annotations

import math
import os
import random
import signal
import sys
import time
from pathlib import Path

from support.basics import HandClock, wait_until
from support.store import without_fsync

from agent.config.loader import load_config
from agent.config.model import Config
from agent.config.topology import assets
from agent.core.messages import Message
from agent.delivery.store import Store
from agent.savings.ledger.recorder import LedgerRecorder
from agent.savings.records import repository
from agent.savings.tracking.tracker import SavingsTracker
from drivers.reading import Reading, Value

START_S = 1_789_995_600  # 2026-09-21 21:00 in Shanghai
W = 100e3


class Teller:
    def publish_retained(self, *_: object, **__: object) -> None:
        return None


class Gateway:
    """The meter of one motor; intervals and ledger are recorded each minute, as the agent does."""

    def __init__(self, folder: Path, config: Config, clock: HandClock) -> None:
        self.clock, self.wh = clock, 5_000_000.0
        self.store = Store(folder / "state", clock)
        self.books = LedgerRecorder(self.store, lambda: config, Teller(), clock)
        [asset] = assets(config)
        self.published = list[Message]()
        self.lane = SavingsTracker(asset, 1.0, self.store, self.published.append, "UTC", record=self.books.record)

    def pass_by(self, hours: float) -> None:
        self.clock.move(3600 * hours)
        self.wh += W * hours

    def silent(self, hours: float) -> None:
        """The meter does not respond; the drive does."""
        for _ in range(round(60 * hours)):
            self.pass_by(1 / 60)
            self.lane.on_row([], None, None, self.clock.utc_ns() // 1_000_000)
            self.books.update()

    def run(self, hours: float) -> None:
        for k in range(round(360 * hours)):
            self.pass_by(1 / 360)
            self.read(W, self.wh)
            if k % 6 == 0:
                self.store.flush()
                self.books.update()

    def read(self, w: float, wh: float | None) -> None:
        now_ns = self.clock.utc_ns()
        values: dict[str, Value] = {"active_power": w} | ({} if wh is None else {"energy_import": wh / 1000})
        reading = Reading("mcc-12", now_ns, now_ns, values, monotonic_ns=self.clock.monotonic_ns())
        self.lane.on_meter(reading, reading.values, reading.flags)
        self.lane.on_row([], None, None, now_ns // 1_000_000)

    def energy_wh(self) -> float:
        self.lane.close()
        return sum(item.energy_wh or 0.0 for item in repository.load_intervals(self.store, "fan"))


def power_w(passed_s: float) -> float:
    """Between 20 and 100 kW with a period of 1.5 h; smooth, so that trapezoids of 10 s are accurate."""
    return 60e3 + 40e3 * math.sin(passed_s * 2 * math.pi / 5400)


def register_wh(passed_s: float) -> float:
    """The register of the meter: the integral of the power."""
    return (
        5_000_000
        + (60e3 * passed_s + 40e3 * 5400 / (2 * math.pi) * (1 - math.cos(passed_s * 2 * math.pi / 5400))) / 3600
    )


def live(folder: Path, off_s: float, until_s: float) -> None:
    """One run, from the current time of the plant: a reading every 10 s, a round of recording every minute.

    Before each reading its time is written to the file `passed`, after each round the newest committed record to the
    file `committed`, by a write() that a kill does not undo.
    """
    config = load_config(folder / "plant.toml")[0]
    passed, committed = (
        os.open(folder / name, os.O_RDWR | os.O_CREAT | os.O_APPEND) for name in ("passed", "committed")
    )
    times = (folder / "passed").read_text(encoding="ascii").split()
    passed_s = float(times[-1]) + off_s if times else 0.0
    gateway = Gateway(folder, config, HandClock(START_S + passed_s))
    k = 0
    while passed_s < until_s:
        passed_s, k = passed_s + 10, k + 1
        gateway.clock.move(10)
        os.write(passed, f"{passed_s:.0f}\n".encode())
        gateway.read(power_w(passed_s), register_wh(passed_s))
        if k % 6 == 0:
            gateway.store.flush()
            gateway.books.update()
            for seq, hash_ in gateway.store.rows("select seq, hash from ledger order by seq desc limit 1"):
                os.write(committed, f"{seq} {hash_}\n".encode())
    gateway.lane.close()
    gateway.books.update()
    gateway.store.close()


def lives(folder: Path, kills: int, seed: int) -> None:
    """Runs that are killed at random moments, each in its own process, and a last one that ends normally.

    The first one runs until something is committed: nothing is required before that.
    """
    chance = random.Random(seed)
    for number in range(kills):
        off_s, kill_s = 10.0 * chance.choice((0, 0, 1, 6, 60, 400)), chance.uniform(0.02, 0.4)
        child = os.fork()
        if not child:
            live(folder, off_s, math.inf)
        if number == 0:
            wait_until(
                lambda: (folder / "committed").exists() and (folder / "committed").stat().st_size > 0, 60, "commit"
            )
        time.sleep(kill_s)
        os.kill(child, signal.SIGKILL)
        ended = os.waitpid(child, 0)[1]
        assert os.WTERMSIG(ended) == signal.SIGKILL, "it ended without the signal"
    last_s = float((folder / "passed").read_text(encoding="ascii").split()[-1])
    live(folder, 0.0, last_s + 3 * 3600)


if __name__ == "__main__":
    with without_fsync():
        lives(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
