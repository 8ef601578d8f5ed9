"""A retrofit as numbers, for tests of report and ledger: a damper fan for 14 days, then a magnet motor on a drive.

Power laws with a daily profile; every figure follows from the lines below and none from the code under test.
"""

from __future__ import annotations

import atexit
import math
import random
import shutil
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any
from zoneinfo import ZoneInfo

from support import config_text
from support.basics import HandClock
from support.savings import save_frozen

from agent.delivery.store import Store
from agent.savings.baseline.baseline import freeze, learn
from agent.savings.ledger import chain, checkpoints
from agent.savings.ledger.interval_records import IntervalRecorder
from agent.savings.ledger.signing_key import LedgerKey, load_or_make
from agent.savings.records.model import QUARTER_MS, Baseline, Driver, Interval
from agent.savings.records.repository import insert_intervals, rows_of

ZONE = "Asia/Shanghai"
FLOW = "signal_fan_flow_m3_h"
PLANT = (
    config_text.site(timezone="Asia/Shanghai", currency="CNY", grid_factor="CN-NM", simulated=True)
    + config_text.day_tariff(power_factor=0.90, demand={"price": 38.4})
    + """
[store]
state_dir = "state"

[bus.north]
tcp = "127.0.0.1:1502"

[meter.mcc-12]
bus = "north"
unit_id = 11
profile = "eastron/sdm630"
serial_number = "22091734"
certificate = { number = "4711", laboratory = "省计量院", issued = 2024-01-12, valid_until = 2032-01-11 }
measuring_point = "drive-input"
ct = "400/5"
class = "0.5S"
ct_class = "0.5S"

[drive.dp-1]
bus = "north"
unit_id = 1
profile = "yaskawa/ga800"
fed_by = "mcc-12"
comm_loss = "not used"

[motor.fan]
name = "3#除尘风机"
kind = "pm"
kw = 132
rpm = 1500
poles = 4
volts = 380
fed_by = "dp-1"
replaced_motor = { kind = "induction", class = "IE2", kw = 132, rpm = 1480, since = 2024-09-15 }

[signal.fan-flow]
bus = "north"
unit_id = 40
address = 120
type = "f32"
unit_of_measure = "m3/h"
motor = "fan"
"""
)


def utc_ms(text: str, zone: str = ZONE) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000)


def flow_at(t_ms: int, chance: random.Random, scale: float = 1.0) -> float:
    hour = (t_ms / 3.6e6 + 8) % 24
    return scale * (60 + 30 * math.sin((hour - 8) / 24 * 2 * math.pi) + chance.gauss(0, 4))


def before_kw(flow: float) -> float:
    """Power of an induction motor with a damper: mostly independent of the flow."""
    return 72 + 0.42 * flow


def after_kw(flow: float) -> tuple[float, float, float]:
    """Shaft power, motor loss and drive loss with speed control."""
    shaft = 110 * (flow / 105) ** 3 + 4
    return shaft, 1.1 + 0.028 * shaft, 0.9 + 0.022 * shaft


def old(from_ms: int, to_ms: int, seed: int = 1) -> list[Interval]:
    chance, found = random.Random(seed), []
    for t_ms in range(from_ms, to_ms, QUARTER_MS):
        flow = flow_at(t_ms, chance)
        kw = before_kw(flow) * (1 + chance.gauss(0, 0.01))
        found.append(Interval("fan", t_ms, 250 * kw, reactive_varh=250 * 0.6 * kw, drivers={FLOW: Driver(flow, 0.5)},
                              running_s=900.0, meter="mcc-12/22091734"))  # fmt: skip
    return found


def new(from_ms: int, to_ms: int, seed: int = 2, scale: float = 0.93) -> list[Interval]:
    chance, found = random.Random(seed), []
    for t_ms in range(from_ms, to_ms, QUARTER_MS):
        flow = flow_at(t_ms, chance, scale)
        shaft, motor, drive = after_kw(flow)
        kw = shaft + motor + drive
        found.append(
            Interval("fan", t_ms, 250 * kw, shaft_wh=250 * shaft, motor_loss_wh=250 * motor, drive_loss_wh=250 * drive,
                     drive_output_wh=250 * (shaft + motor),
                     auxiliary_wh=250 * 0.3,
                     u_motor_loss_wh=25 * motor, u_drive_loss_wh=50 * drive, reactive_varh=250 * 0.15 * kw,
                     speed_rpm=1500 * flow / 105, drivers={FLOW: Driver(flow, 0.5)}, running_s=900.0,
                     meter="mcc-12/22091734")
        )  # fmt: skip
    return found


def retrofit(
    folder: Path, days: int = 31, month: str = "2024-10", baseline: bool = True,
    after: Callable[[int, int], list[Interval]] = new,
) -> Baseline | None:  # fmt: skip
    """Create plant.toml and a state directory: frozen baseline of September, a month with ledger and checkpoints.

    after: the intervals of the month, from begin and end (UTC ms). Equal retrofits are copies of one, with one key.
    """
    made, frozen = _made(days, month, baseline, after)
    shutil.copytree(made, folder, dirs_exist_ok=True)
    return frozen


@cache
def _made(
    days: int, month: str, baseline: bool, after: Callable[[int, int], list[Interval]]
) -> tuple[Path, Baseline | None]:
    """The folder of a retrofit, which stays unchanged until the process ends. The empty reserve of the disk is not in
    it."""
    folder = Path(mkdtemp(prefix="magwatt-retrofit-"))
    atexit.register(shutil.rmtree, folder)
    (folder / "plant.toml").write_text(PLANT, encoding="utf-8")
    state = folder / "state"
    begin = utc_ms(f"{month}-01 00:00")
    store = Store(state, HandClock(begin / 1000))
    learned = old(utc_ms("2024-09-01 00:00"), utc_ms("2024-09-15 00:00"))
    recorder = IntervalRecorder(load_or_make(state), {"config": "c0ffee", "software": "0.1.0"})
    record(store, recorder, utc_ms("2024-09-15 00:00"), learned)
    frozen = None
    if baseline:
        frozen = freeze(learn("fan", learned, classes=("0.5S", "0.5S")), utc_ms("2024-09-15 08:00"), "Li Wei")
        save_frozen(store, frozen)
        appended(store, utc_ms("2024-09-15 08:00"), [("baseline", {"baseline": _body(frozen)})])
    for item in after(begin, begin + days * 96 * QUARTER_MS):
        record(store, recorder, item.end_ms, [item], ZONE)
    if days:
        store.do(lambda db: _checkpoint(db, recorder.key, begin + days * 96 * QUARTER_MS + 60_000, ZONE))
    store.close()
    (state / "reserve").unlink()
    return folder, frozen


def record(
    store: Store, recorder: IntervalRecorder, t_ms: int, items: Sequence[Interval], zone: str | None = None
) -> list[chain.LedgerRecord]:  # fmt: skip
    """Writes intervals with their records in one transaction, as the running agent does at this time.

    zone: with a checkpoint at the end of each day in this time zone.
    """

    def write(db: sqlite3.Connection) -> list[chain.LedgerRecord]:
        if zone:
            _checkpoint(db, recorder.key, t_ms, zone)
        found = recorder.record(db, t_ms, items)
        insert_intervals(db, rows_of(items))
        return found

    written: list[chain.LedgerRecord] = store.do(write)
    return written


def _checkpoint(db: sqlite3.Connection, key: LedgerKey, t_ms: int, zone: str) -> None:
    checkpoints.append_daily_checkpoint(db, key, t_ms, zone, {"site": "mill-2", "gateway": "gw-07"})


def appended(
    store: Store, t_ms: int, entries: Sequence[tuple[str, Mapping[str, Any]]], key: LedgerKey | None = None
) -> list[chain.LedgerRecord]:  # fmt: skip
    """Append records without a check, including records that no command writes."""
    assert store.directory
    signer = key or load_or_make(store.directory)
    found: list[chain.LedgerRecord] = store.do(lambda db: chain.append_to(db, signer, t_ms, entries))
    return found


def _body(baseline: Baseline) -> object:
    from agent.savings.records.baseline_json import to_json

    return to_json(baseline)
