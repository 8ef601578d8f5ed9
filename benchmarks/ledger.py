"""Duration and memory of the ledger verification for a year of motors.

Run: python -m benchmarks.ledger [MOTORS]. Figures: docs/ledger.md.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from support.basics import HandClock

from agent.delivery.store import Store
from agent.savings.ledger.interval_records import HOUR_MS, HourlyRecorder
from agent.savings.ledger.signing_key import load_or_make
from agent.savings.records.model import QUARTER_MS, Interval
from agent.savings.records.repository import save_intervals

HOURS = 8760
START_MS = 1_700_000_000_000 // HOUR_MS * HOUR_MS


def main(motors: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        begun_s = time.monotonic()
        _a_year(folder, motors)
        print(f"{motors * HOURS} hours of {motors} motors written in {time.monotonic() - begun_s:.0f} s")
        begun_s = time.monotonic()
        done = subprocess.Popen([sys.executable, "-m", "agent.cli", "ledger", "verify", "--state", str(folder)])
        _, status, used = os.wait4(done.pid, 0)
        print(f"verify: exit {os.waitstatus_to_exitcode(status)}, {time.monotonic() - begun_s:.1f} s, processor "
              f"{used.ru_utime + used.ru_stime:.1f} s, peak {used.ru_maxrss / 1024:.0f} MB")  # fmt: skip


def _a_year(folder: Path, motors: int) -> None:
    store = Store(folder, HandClock())
    keeper = HourlyRecorder(load_or_make(folder), {"config": "c0ffee" * 10, "software": "0.1.0"})
    store.do(keeper.watch)
    for first in range(0, 4 * HOURS, 4 * 168):
        quarters = range(first, min(first + 4 * 168, 4 * HOURS))
        save_intervals(store, [_quarter(f"motor-{m}", k) for k in quarters for m in range(motors)])
        end_ms = START_MS + (quarters.stop + 2) * QUARTER_MS
        while store.do(lambda db, end_ms=end_ms: keeper.keep_up(db, end_ms)):
            pass
    store.close()


def _quarter(asset: str, k: int) -> Interval:
    registers = 1_000_000 + 25_000 * k, 1_025_000 + 25_000 * k
    return Interval(asset, START_MS + k * QUARTER_MS, 25_000.4, shaft_wh=22_000.3, drive_loss_wh=700.1,
                    motor_loss_wh=2_300.0, drivers={"signal_fan_flow_m3_h": (50.0, 2.0)}, meter=f"{asset}/22091734",
                    register_wh=registers)  # fmt: skip


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10)
