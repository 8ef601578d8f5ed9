"""Size and duration of the ledger for a year of motors: one record appended, and all records verified.

Run: python -m benchmarks.ledger [MOTORS]. Figures: docs/how-to/ledger.md.
"""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from support.basics import HandClock

from agent.delivery.store import Store
from agent.savings.ledger.interval_records import IntervalRecorder
from agent.savings.ledger.signing_key import load_or_make
from agent.savings.records.model import QUARTER_MS, Interval
from agent.savings.records.repository import insert_intervals, rows_of

QUARTERS = 4 * 8760
START_MS = 1_700_000_000_000 // QUARTER_MS * QUARTER_MS


def main(motors: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        append_s = _a_year(folder, motors)
        size = (folder / "magwatt.sqlite").stat().st_size
        print(f"{motors * QUARTERS} intervals of {motors} motors, {size / 1e6:.0f} MB: "
              f"{1e6 * append_s / motors / QUARTERS:.0f} µs to record one")  # fmt: skip
        begun_s = time.monotonic()
        done = subprocess.Popen([sys.executable, "-m", "agent.cli", "ledger", "verify", "--state", str(folder)])
        _, status, used = os.wait4(done.pid, 0)
        print(f"verify: exit {os.waitstatus_to_exitcode(status)}, {time.monotonic() - begun_s:.1f} s, processor "
              f"{used.ru_utime + used.ru_stime:.1f} s, peak {used.ru_maxrss / 1024:.0f} MB")  # fmt: skip


def _a_year(folder: Path, motors: int) -> float:
    """Writes the intervals with their records; returns the processor time of recording."""
    store = Store(folder, HandClock())
    recorder = IntervalRecorder(load_or_make(folder), {"config": "c0ffee" * 2, "software": "0.1.0"})
    append_s = 0.0

    def write(db: sqlite3.Connection, k: int) -> None:
        nonlocal append_s
        items = [_quarter(f"motor-{m}", k) for m in range(motors)]
        begun_s = time.thread_time()
        recorder.record(db, START_MS + (k + 1) * QUARTER_MS, items)
        append_s += time.thread_time() - begun_s
        insert_intervals(db, rows_of(items))

    for first in range(0, QUARTERS, 96):
        store.do(lambda db, first=first: [write(db, k) for k in range(first, first + 96)])
    store.close()
    return append_s


def _quarter(asset: str, k: int) -> Interval:
    registers = 1_000_000 + 25_000 * k, 1_025_000 + 25_000 * k
    return Interval(asset, START_MS + k * QUARTER_MS, 25_000.4, shaft_wh=22_000.3, drive_loss_wh=700.1,
                    motor_loss_wh=2_300.0, drivers={"signal_fan_flow_m3_h": (50.0, 2.0)}, meter=f"{asset}/22091734",
                    register_wh=registers)  # fmt: skip


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10)
