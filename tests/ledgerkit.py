"""One motor's meter, its quarter hours and the books on a clock by hand."""

from __future__ import annotations

from pathlib import Path

from testkit import HandClock

from agent.config import Config
from agent.savings import keep
from agent.savings.bookkeeper import Bookkeeper
from agent.savings.live import SavingsLane
from agent.store import Store
from agent.topology import assets
from drivers.reading import Reading

START_S = 1_789_995_600  # 2026-09-21 21:00 in Shanghai
W = 100e3


class Teller:
    def tell_text(self, *_: object, **__: object) -> None:
        return None


class Gateway:
    """One motor's meter, its quarter hours and the books, each minute as the agent does."""

    def __init__(self, folder: Path, config: Config, clock: HandClock) -> None:
        self.clock, self.wh = clock, 5_000_000.0
        self.store = Store(folder / "state", clock)
        with self.store._writer.db_lock:
            self.store._writer.db.execute("pragma synchronous = off")  # nobody cuts the power of this machine
        self.books = Bookkeeper(self.store, lambda: config, Teller(), clock)
        [asset] = assets(config)
        self.lane = SavingsLane(asset, 1.0, self.store, lambda _: None, "UTC", amend=self.books.amend)

    def pass_by(self, hours: float) -> None:
        self.clock.move(3600 * hours)
        self.wh += W * hours

    def silent(self, hours: float) -> None:
        """The meter does not answer; the drive does."""
        for _ in range(round(60 * hours)):
            self.pass_by(1 / 60)
            self.lane.take_row([], None, "", self.clock.utc_ns() // 1_000_000)
            self.books.keep()

    def run(self, hours: float) -> None:
        for k in range(round(360 * hours)):
            self.pass_by(1 / 360)
            now_ns = self.clock.utc_ns()
            values = {"active_power": W, "energy_import": self.wh / 1000}
            reading = Reading("mcc-12", now_ns, now_ns, values, monotonic_ns=self.clock.monotonic_ns())  # type: ignore[arg-type]
            self.lane.take_meter(reading, reading.values, reading.flags)
            self.lane.take_row([], None, "", now_ns // 1_000_000)
            if k % 6 == 0:
                self.store.flush()
                self.books.keep()

    def energy_wh(self) -> float:
        self.lane.close()
        return sum(item.energy_wh or 0.0 for item in keep.load_intervals(self.store, "fan"))
