"""What a configuration says: frozen dataclasses that agent/config_load.py fills. Tables: docs/configuration.md.

The plant is a graph: meters, drives and motors are tables of their own, joined by `fed_by`; agent/topology.py reads it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from agent.config_dialects import Dialects
from agent.savings.tariff import Tariff


@dataclass(frozen=True, slots=True)
class Site:
    id: str
    gateway: str
    timezone: str
    currency: str | None
    energy_price: float | None
    grid_factor: str | float | None
    topic_prefix: str | None
    simulated: bool
    profiles: str | None = None  # folder of own register maps, beside this file
    assume_clock_synchronized: bool = False  # the system's clock is right although the kernel does not say so

    @property
    def root(self) -> str:
        """The topic under which this agent publishes everything."""
        return f"{self.topic_prefix or f'magwatt/v1/{self.id}'}/{self.gateway}"


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """Limits of the state file.

    commit_interval_s: rows of that long are committed together. quota_bytes: of the state file. min_free_share: of the
    file system stays free. spool_retention_s: of a row in the spool. history_s: how long 1 s, 1 min and 15 min values
    are kept.
    """

    commit_interval_s: float = 0.1
    quota_bytes: int = 4_000_000_000
    min_free_share: float = 0.05
    spool_retention_s: float = 90 * 86400.0
    history_s: tuple[float, float, float] = (6 * 3600.0, 40 * 86400.0, 5 * 366 * 86400.0)


@dataclass(frozen=True, slots=True)
class Mqtt:
    host: str
    port: int
    tls: bool
    user: str | None = None
    password_file: Path | None = None
    ca: Path | None = None
    version: str = "auto"  # auto | 5 | 3.1.1
    keepalive_s: float = 30.0
    outputs: tuple[str, ...] = ()
    cert: Path | None = None  # our own certificate, and
    key: Path | None = None  # its key
    backfill_rate: float | None = None  # rows/s of a backlog; None: by what is live


@dataclass(frozen=True, slots=True)
class Bus:
    name: str
    serial: str | None
    line: tuple[int, int, str, int]  # baud, data bits, parity, stop bits
    tcp: tuple[str, int] | None
    framing: str
    poll_interval_s: float
    listen_before_start_s: float
    timeout_s: float | None
    inter_request_delay_s: float | None
    rs485: bool = False


@dataclass(frozen=True, slots=True)
class Meter:
    name: str
    bus: str
    unit_id: int
    profile: str
    measuring_point: str  # drive-input | motor | feeder
    wiring: str
    ct: tuple[float, float] | None
    vt: tuple[float, float] | None
    ratio_applied_by: str  # meter | agent
    accuracy_class: str
    ct_class: str | None
    serial_number: str | None
    fed_by: str | None
    allocation: str
    certificate: str | None = None  # of its calibration, with the date: shown in reports
    power_factor_compensation: bool = False  # capacitors behind it: its power factor tells nothing of the motor


@dataclass(frozen=True, slots=True)
class Drive:
    name: str
    bus: str
    unit_id: int
    profile: str
    fed_by: str | None
    comm_loss: str | None
    kw: float | None
    efficiency_class: str | None
    loss_points_w: tuple[float, ...] = ()  # at dsp.efficiency_drive.EIGHT_POINTS


@dataclass(frozen=True, slots=True)
class WaveformSource:
    where: str  # serial port, or socket://host:port
    baud: int
    measuring_point: str  # drive-input | motor | drive-output
    supply_v: float | None = None  # declared voltage of the mains there, line to line


@dataclass(frozen=True, slots=True)
class Replaced:
    """The motor that stood here before the retrofit."""

    kind: str
    kw: float
    efficiency_class: str | None
    rpm: float | None
    since: date | None


@dataclass(frozen=True, slots=True)
class Motor:
    name: str
    title: str
    kind: str  # pm | pm-line-start | induction
    kw: float
    rpm: float
    poles: int
    volts: float
    fed_by: str
    amps: float | None
    efficiency_class: str | None
    efficiency_pct: float | None
    r1_ohm: float | None
    loss_points_w: tuple[float, ...]
    replaced_motor: Replaced | None
    waveform: WaveformSource | None
    no_load_w: float | None = None  # core and friction of an induction motor, from a test without load
    emf_v: float | None = None  # line to line, rms, at rated speed and 20 degC
    xq_ohm: float | None = None  # q-axis reactance at rated frequency
    periods: tuple[tuple[str, date], ...] = ()  # of its retrofit: when each begins
    auxiliary_w: float = 0.0  # of cooling and the like while it runs, that the meter does not see


@dataclass(frozen=True, slots=True)
class Config:
    path: Path
    hash: str
    site: Site
    state_dir: Path | None
    store: StoreSettings
    mqtt: Mqtt | None
    buses: Mapping[str, Bus]
    meters: Mapping[str, Meter]
    drives: Mapping[str, Drive]
    motors: Mapping[str, Motor]
    signals: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    dialects: Dialects = Dialects()  # noqa: RUF009  # frozen
    tariff: Tariff | None = None  # None: nobody said what energy costs
    checkpoint_file: Path | None = None  # a second place for the ledger's daily checkpoints
