"""The past of a fleet in seconds: state files with signed ledgers of gateways whose motors were retrofitted.

Energies follow from power laws with a daily profile, not from the simulators of plants: a month of a gateway takes a
few seconds. Meters of one type have one error, transformers of one class have one, so that the errors of the fleet are
partly common. The true saving is known.
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from random import Random

from msgspec import Struct
from msgspec.structs import replace

from agent import VERSION
from agent.config.loader import load_config
from agent.config.model import Config
from agent.config.tariff import month_bounds_ms
from agent.core.local_time import zone_of
from agent.delivery.files.conversion import ConfigurationFile, LakeExport
from agent.delivery.store import Store
from agent.delivery.store.database_file import NAME
from agent.savings.ledger import checkpoints
from agent.savings.ledger.interval_records import IntervalRecorder
from agent.savings.ledger.signing_key import load_or_make
from agent.savings.records.model import QUARTER_MS, Driver, Interval, NonRoutineEvent
from agent.savings.records.non_routine_events import CAUSES
from agent.savings.records.repository import insert_intervals, rows_of, save_events
from agent.savings.service import SavingsService

ZONE = "Asia/Shanghai"
OLD_DAYS = 14
DAY_MS = 86_400_000
METERS = ("eastron/sdm630", "acrel/adw300")  # types; all of class 0.5S with transformers of class 0.5S
METER_ERROR, CT_ERROR = 0.0015, 0.0015  # standard deviations of the common errors: about half of what the class allows
NOISE, MEMORY = 0.012, 0.7  # of the energy of a quarter hour: influences that no signal shows, and their correlation
FAN_KW = (55, 75, 90, 110, 132, 160)
PLANT = """\
[site]
id = "{site}"
gateway = "{gateway}"
timezone = "{zone}"
currency = "CNY"
energy_price = 0.66
simulated = true

[store]
state_dir = "state"

[bus.north]
tcp = "127.0.0.1:1502"
"""
MOTOR = """
[meter.mcc-{n}]
bus = "north"
unit_id = {meter_unit}
profile = "{meter}"
serial_number = "{serial}"
measuring_point = "drive-input"
ct = "400/5"
class = "0.5S"
ct_class = "0.5S"
{certificate}
[drive.vfd-{n}]
bus = "north"
unit_id = {drive_unit}
profile = "yaskawa/ga800"
fed_by = "mcc-{n}"
comm_loss = "not used"

[motor.motor-{n:02d}]
name = "{title}"
kind = "pm"
kw = {kw}
rpm = 1500
poles = 4
volts = 380
fed_by = "vfd-{n}"
replaced_motor = {{ kind = "induction", class = "IE2", kw = {kw}, rpm = 1480, since = {since} }}

[signal.flow-{n}]
bus = "north"
unit_id = {signal_unit}
address = 120
type = "f32"
unit_of_measure = "m3/h"
motor = "motor-{n:02d}"
calibration = {{ before = {before}, after = {after}, change = 0.3 }}
"""


class Retrofit(Struct, frozen=True):
    """A motor of a gateway.

    kw: rated power. damper: power at no flow, share of the rated one. fall: factor of the flow after the retrofit.
    meter: type of its meter. meter_error, ct_error: relative, of both periods.
    """

    name: str
    kw: int
    damper: float
    fall: float
    meter: str
    meter_error: float
    ct_error: float


class GatewayPast(Struct, frozen=True):
    """A gateway to simulate.

    month: of the report, 2026-10. motors: their number. seed: of everything random.
    until_d: day of the month with which its data end; None: they are complete.
    maintenance: an event that awaits a decision. expired: a certificate of a meter has expired in the month.
    """

    site: str
    gateway: str
    month: str
    motors: int
    seed: int
    until_d: int | None = None
    maintenance: bool = False
    expired: bool = False


class _StillClock:
    """The clock of a store in the past. The time of a row is in the row."""

    def __init__(self, utc_ms: int) -> None:
        self.utc_ms = utc_ms

    def utc_ns(self) -> int:
        return self.utc_ms * 1_000_000

    def monotonic_ns(self) -> int:
        return 1

    async def sleep(self, seconds: float) -> None:
        raise NotImplementedError


def simulate_gateway(past: GatewayPast, folder: Path) -> float:
    """Writes plant.toml and state/ of a gateway into the folder; returns the true saving of the month, Wh."""
    from_ms, to_ms = month_bounds_ms(past.month, ZONE)
    if past.until_d is not None:
        to_ms = min(to_ms, from_ms + past.until_d * DAY_MS)
    units = [_retrofit(past, number) for number in range(1, past.motors + 1)]
    folder.mkdir(parents=True)
    (folder / "plant.toml").write_text(_plant(past, units, from_ms), encoding="utf-8")
    config, _ = load_config(folder / "plant.toml")
    clock = _StillClock(from_ms)
    store = Store(folder / "state", clock)
    try:
        true_wh = _fill(store, clock, config, past, units, (from_ms - OLD_DAYS * DAY_MS, from_ms, to_ms))
    finally:
        store.close()
    return true_wh


def _fill(
    store: Store, clock: _StillClock, config: Config, past: GatewayPast, units: Sequence[Retrofit],
    times: tuple[int, int, int],
) -> float:  # fmt: skip
    """Stores both periods with their records, and freezes a baseline between them; returns the true saving, Wh.

    times: start, retrofit, end, UTC ms.
    """
    old_ms, from_ms, to_ms = times
    assert store.directory is not None
    recorder = IntervalRecorder(load_or_make(store.directory), {"config": config.hash, "software": VERSION})
    where, saved_wh = {"site": past.site, "gateway": past.gateway}, 0.0
    before, after = list[Interval](), list[Interval]()
    for number, unit in enumerate(units):
        chance = Random(f"{past.seed} {number}")
        before += (item for item, _ in _history(unit, number + 1, chance, old_ms, from_ms, is_old=True))
        for item, true_wh in _history(unit, number + 1, chance, from_ms, to_ms, is_old=False):
            after.append(item)
            saved_wh += true_wh
    _record(store, recorder, where, before)
    for unit in units:
        service = SavingsService(config, store, unit.name, from_ms)
        service.learn((old_ms, from_ms), (), None, False)
        service.freeze("demo", again=False)
    _record(store, recorder, where, after)
    clock.utc_ms = to_ms
    if past.maintenance:
        save_events(store, [_maintenance(units[0].name, from_ms)])
    return saved_wh


def _record(store: Store, recorder: IntervalRecorder, where: dict[str, str], items: Sequence[Interval]) -> None:
    """Stores intervals with their records, a day in one transaction, as of the end of that day."""
    days: dict[int, list[Interval]] = {}
    for item in items:
        days.setdefault(item.start_ms // DAY_MS, []).append(item)
    for day in sorted(days):
        found = sorted(days[day], key=lambda item: item.start_ms)
        at_ms = max(item.end_ms for item in found)

        def write(db: sqlite3.Connection, at_ms: int = at_ms, found: Sequence[Interval] = found) -> None:
            checkpoints.append_daily_checkpoint(db, recorder.key, at_ms, ZONE, where)
            recorder.record(db, at_ms, found)
            insert_intervals(db, rows_of(found))

        store.do(write)


def _retrofit(past: GatewayPast, number: int) -> Retrofit:
    chance, meter = Random(f"{past.seed} {number} motor"), METERS[(past.seed + number) % len(METERS)]
    return Retrofit(
        f"motor-{number:02d}", chance.choice(FAN_KW), chance.uniform(0.13, 0.33), chance.choice((1.0, 0.97, 0.94)),
        meter, Random(meter).gauss(0, METER_ERROR), Random("0.5S").gauss(0, CT_ERROR),
    )  # fmt: skip


def _history(
    unit: Retrofit, number: int, chance: Random, from_ms: int, to_ms: int, is_old: bool
) -> Iterator[tuple[Interval, float]]:  # fmt: skip
    """Intervals, and of each the true saving in Wh."""
    gain, slow = 1 + unit.meter_error + unit.ct_error, 0.0
    meter = f"mcc-{number} {_serial(unit, number)} 400/5"
    for start_ms in range(from_ms, to_ms, QUARTER_MS):
        slow = MEMORY * slow + math.sqrt(1 - MEMORY**2) * chance.gauss(0, NOISE)
        hour = (start_ms / 3.6e6 + 8) % 24
        flow = (1.0 if is_old else unit.fall) * (60 + 28 * math.sin((hour - 8) / 24 * 2 * math.pi) + chance.gauss(0, 4))
        old_wh = 250 * unit.kw * (unit.damper + 0.0045 * flow)
        shaft_wh = 250 * unit.kw * (0.08 + 0.0055 * flow)
        new_wh = 1.06 * shaft_wh
        drivers = {f"signal_flow_{number}_m3_h": Driver(flow, 0.5)}
        energy_wh, tan_phi = (old_wh, 0.7) if is_old else (new_wh, 0.15)
        item = Interval(
            unit.name, start_ms, gain * energy_wh * (1 + slow), reactive_varh=tan_phi * energy_wh, drivers=drivers,
            running_s=900.0, meter=meter,
        )  # fmt: skip
        if not is_old:
            loss_wh = 0.03 * shaft_wh
            item = replace(item, shaft_wh=shaft_wh, motor_loss_wh=loss_wh, drive_loss_wh=loss_wh,
                           drive_output_wh=shaft_wh + loss_wh)  # fmt: skip
        yield item, old_wh - new_wh


def _maintenance(asset: str, from_ms: int) -> NonRoutineEvent:
    begin_ms = from_ms + 9 * DAY_MS
    return NonRoutineEvent(
        0, asset, "maintenance", begin_ms, begin_ms + 8 * QUARTER_MS, CAUSES["maintenance"], 0.0, "exclude"
    )


def _plant(past: GatewayPast, units: Sequence[Retrofit], from_ms: int) -> str:
    since = datetime.fromtimestamp(from_ms / 1000, zone_of(ZONE)).date()
    text = PLANT.format(site=past.site, gateway=past.gateway, zone=ZONE)
    for number, unit in enumerate(units, 1):
        ends = since + timedelta(days=12 if past.expired and number == 1 else 900)
        certificate = (
            f'certificate = {{ number = "{_serial(unit, number)}-1", laboratory = "demo", '
            f"issued = {since - timedelta(days=400)}, valid_until = {ends} }}\n"
        )
        text += MOTOR.format(
            n=number, meter_unit=number, drive_unit=50 + number, signal_unit=100 + number, meter=unit.meter, kw=unit.kw,
            serial=_serial(unit, number), title=f"{number}#风机 {unit.kw} kW", since=since, certificate=certificate,
            before=since - timedelta(days=20), after=since + timedelta(days=2),
        )  # fmt: skip
    return text


def _serial(unit: Retrofit, number: int) -> str:
    return f"{unit.kw}{number:03d}"


def export(past: GatewayPast, folder: Path) -> Path:
    """Writes the lake of a simulated gateway as its `file` sink does; returns its directory."""
    from agent.delivery.files.lake.__main__ import main

    text = (folder / "plant.toml").read_bytes()
    digest, (from_ms, to_ms) = sha256(text).hexdigest()[:16], month_bounds_ms(past.month, ZONE)
    main(LakeExport(
        folder / "lake", f"magwatt/v1/{past.site}/{past.gateway}", past.site, past.gateway, VERSION, digest,
        folder / "state" / NAME, to_ms=to_ms // DAY_MS * DAY_MS,
        configurations=(ConfigurationFile(from_ms, digest, text.decode(), ZONE),),
    ))  # fmt: skip
    return folder / "lake"
