"""The records of a configuration, which agent/config/loader.py creates. Tables and keys:
docs/reference/configuration.md.

Meters, drives and motors are separate tables, connected by `fed_by`; agent/config/topology.py evaluates the graph.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from msgspec import Struct, field

from agent.config.alarm_definition import AlarmSettings
from agent.config.alarm_table import DEFINITIONS
from agent.config.certificates import Certificate
from agent.config.emission_factors import CoalEquivalent
from agent.config.sinks import Dialects
from agent.config.tariff import Tariff
from drivers.bus_settings import QUIET_S

CLASS_ASSUMED = "1"  # of instrument transformers whose class is not stated


class Site(Struct, frozen=True):
    """The table [site].

    id, gateway: names of the plant and of this gateway, levels of the topics.
    timezone: IANA name.
    currency: of the prices; None: not configured.
    energy_price: per kWh, at all times; None: not configured.
    grid_factor: name of a grid, or kg CO2 per kWh; None: not configured.
    coal: equivalent value of standard coal (等价): generation | supply, of the previous year, or the contract's figure.
    topic_prefix: replaces magwatt/v1/<id> at the start of the topics; None: default.
    simulated: all data are flagged SIMULATED.
    profiles: folder of the user's register maps, relative to the configuration file; None: none.
    assume_clock_synchronized: the system clock is treated as synchronized although the kernel does not confirm it.
    """

    id: str
    gateway: str
    timezone: str
    currency: str | None
    energy_price: float | None
    grid_factor: str | float | None
    topic_prefix: str | None
    simulated: bool
    profiles: str | None = None
    assume_clock_synchronized: bool = False
    coal: str | CoalEquivalent = "generation"

    @property
    def root(self) -> str:
        """The topic below which this agent publishes all its topics."""
        return f"{self.topic_prefix or f'magwatt/v1/{self.id}'}/{self.gateway}"


# By `durability` of the table [store]: an SD card is written in fewer and larger parts
COMMIT_INTERVAL_S = {"strict": 0.2, "sd_card": 2.0}
DEFER_S = {"strict": 10.0, "sd_card": 60.0}


class StoreSettings(Struct, frozen=True):
    """The table [store] without state_dir.

    commit_interval_s: time within which rows that no broker has confirmed are committed.
    defer_s: time within which confirmed rows are deleted and history is written.
    quota_bytes: maximum size of the state file.
    min_free_share: share of the file system that must remain free, 0 to 1; at most quota_bytes.
    spool_retention_s: maximum age of a row in the spool.
    history_s: retention of 1 s, 1 min and 15 min values.
    """

    commit_interval_s: float = COMMIT_INTERVAL_S["strict"]
    defer_s: float = DEFER_S["strict"]
    quota_bytes: int = 4_000_000_000
    min_free_share: float = 0.05
    spool_retention_s: float = 90 * 86400.0
    history_s: tuple[float, float, float] = (6 * 3600.0, 40 * 86400.0, 5 * 366 * 86400.0)


class Mqtt(Struct, frozen=True):
    """A broker, and how to connect to it.

    host, port, tls: from the URL.
    user: None: anonymous.
    password_file: file that contains the password; None: no password.
    ca: certificates of the authority that signed the broker's certificate; None: those of the system.
    version: of the protocol, auto | 5 | 3.1.1.
    keepalive_s: MQTT keep-alive interval.
    outputs: further outputs that are on, such as homeassistant.
    cert, key: client certificate and its private key; None: none.
    backfill_rate: maximum rate of rows from the backlog, rows/s; None: derived from the live rate.
    """

    host: str
    port: int
    tls: bool
    user: str | None = None
    password_file: Path | None = None
    ca: Path | None = None
    version: str = "auto"
    keepalive_s: float = 30.0
    outputs: tuple[str, ...] = ()
    cert: Path | None = None
    key: Path | None = None
    backfill_rate: float | None = None


class Bus(Struct, frozen=True):
    """A table [bus.name].

    serial: serial port; None: TCP.
    line: baud rate, data bits, parity (N, E, O), stop bits.
    tcp: host and port; None: serial.
    framing: tcp | rtu | dlt645 | s7.
    rack_slot: of the CPU of a PLC; None: no PLC.
    poll_interval_s: interval between polls of the fast registers.
    listen_before_start_s: time in which the bus is monitored for another master before the first request.
    timeout_s: maximum response time; None: as in the profile.
    inter_request_delay_s: minimum time between a response and the next request; None: as in the profile.
    rs485: the kernel switches the direction of the transceiver.
    resume_after_quiet_s: time without a frame of another master after which a stopped bus is polled again.
    mode: poll | listen; listen: another master polls the bus, and nothing is sent.
    """

    name: str
    serial: str | None
    line: tuple[int, int, str, int]
    tcp: tuple[str, int] | None
    framing: str
    poll_interval_s: float
    listen_before_start_s: float
    timeout_s: float | None
    inter_request_delay_s: float | None
    rs485: bool = False
    resume_after_quiet_s: float = QUIET_S
    rack_slot: tuple[int, int] | None = None
    mode: str = "poll"

    @property
    def listens(self) -> bool:
        """Whether the bus is only listened to."""
        return self.mode == "listen"


class Meter(Struct, frozen=True):
    """A table [meter.name].

    bus, unit_id: where the meter responds; DL/T 645: the 12 digits of its address as a number; data block of a PLC: the
        number of drivers/s7_place.py.
    profile: register map, vendor/model.
    measuring_point: drive-input | motor | feeder.
    wiring: 3P4W | 3P3W | 1P2W.
    ct, vt: primary and secondary rating of the transformers, A and V; None: direct connection.
    ratio_applied_by: meter | agent.
    accuracy_class: of the meter, or the limit of its certificate.
    ct_class, vt_class: of the transformers, or the limits of their certificate; None: not known.
    serial_number: as on the label; None: not checked.
    fed_by: the upstream meter; None: none.
    allocation: rule by which the energy is divided between motors, drive-power | rated-power.
    certificates: calibration certificates of the meter and its transformers.
    power_factor_compensation: capacitors are connected downstream: the power factor is not that of the motor.
    """

    name: str
    bus: str
    unit_id: int
    profile: str
    measuring_point: str
    wiring: str
    ct: tuple[float, float] | None
    vt: tuple[float, float] | None
    ratio_applied_by: str
    accuracy_class: str
    ct_class: str | None
    serial_number: str | None
    fed_by: str | None
    allocation: str
    certificates: tuple[Certificate, ...] = ()
    power_factor_compensation: bool = False
    vt_class: str | None = None

    @property
    def ct_class_applied(self) -> str | None:
        """Class by which uncertainties are computed: class 1 where none is stated; None without transformers."""
        return (self.ct_class or CLASS_ASSUMED) if self.ct else None

    @property
    def vt_class_applied(self) -> str | None:
        """As `ct_class_applied`, of the voltage transformers."""
        return (self.vt_class or CLASS_ASSUMED) if self.vt else None


class Drive(Struct, frozen=True):
    """A table [drive.name].

    bus, unit_id: where the drive responds; data block of a PLC: the number of drivers/s7_place.py.
    profile: register map, vendor/model.
    fed_by: the meter at its input; None: none.
    comm_loss: setting of the communication watchdog, as found at the drive; None: not checked, the drive is not polled.
    kw: rated power; None: that of its motors.
    efficiency_class: IE0 | IE1 | IE2 of IEC 61800-9-2; None: not known.
    loss_points_w: losses at dsp.efficiency_drive.EIGHT_POINTS; empty: not known.
    rectifier: False for an inverter on a DC bus that several drives share.
    """

    name: str
    bus: str
    unit_id: int
    profile: str
    fed_by: str | None
    comm_loss: str | None
    kw: float | None
    efficiency_class: str | None
    loss_points_w: tuple[float, ...] = ()
    rectifier: bool = True


class WaveformSource(Struct, frozen=True):
    """A table [motor.name.waveform]: a device that sends samples.

    where: serial port, or socket://host:port.
    baud: of the serial port.
    measuring_point: drive-input | motor | drive-output.
    supply_v: declared line-to-line voltage of the mains at this point; None: not stated.
    """

    where: str
    baud: int
    measuring_point: str
    supply_v: float | None = None


class Replaced(Struct, frozen=True):
    """The motor that was replaced in the retrofit.

    kind: pm | pm-line-start | induction.
    kw, rpm: rated power and speed; rpm None: not known.
    efficiency_class: IE1 to IE5; None: not known.
    since: date of the replacement; None: not known.
    """

    kind: str
    kw: float
    efficiency_class: str | None
    rpm: float | None
    since: date | None


class MotorConditionSettings(Struct, frozen=True):
    """A table [motor.name.condition]: data that the watch over the condition needs. None: not known.

    application: what the motor drives: pump | fan | hoist | conveyor | mixer | centrifuge | compressor | other.
    winding_class: thermal class of the insulation, such as F.
    rotor_bars: of the cage. slots: of the stator.
    ls_h: synchronous inductance of a phase. carrier_hz: switching frequency of the drive.
    dc_link_uf: capacitance of the drive's DC link when new.
    bearing_signal, ambient_signal: names of [signal.*] with these temperatures in degC.
    learn_since: what was learned before is not used, for example after a repair; None: everything is.
    """

    application: str | None = None
    winding_class: str | None = None
    rotor_bars: int | None = None
    slots: int | None = None
    ls_h: float | None = None
    carrier_hz: float | None = None
    dc_link_uf: float | None = None
    bearing_signal: str | None = None
    ambient_signal: str | None = None
    learn_since: date | None = None


class Motor(Struct, frozen=True):
    """A table [motor.name].

    title: name that operators read.
    kind: pm | pm-line-start | induction.
    kw, rpm, poles, volts, amps: of the nameplate; amps None: not known.
    fed_by: the drive or meter that feeds the motor.
    efficiency_class: IE1 to IE5; None: not known.
    efficiency_pct: at rated load, of the nameplate; None: not known.
    r1_ohm: resistance of a stator phase; None: not known.
    loss_points_w: losses at the seven points of IEC 60034-2-3 (GB/T 32877-2022); empty: not known.
    replaced_motor: the motor before the retrofit; None: not stated.
    waveform: source of samples; None: none.
    no_load_w: core and friction losses of an induction motor, from a no-load test; None: not known.
    emf_v: back EMF, line to line, rms, at rated speed and 20 °C; None: not known.
    xq_ohm: q-axis reactance at rated frequency; None: not known.
    periods: names and start dates of the periods of the retrofit.
    auxiliary_w: power of auxiliaries such as cooling while the motor runs, which the meter does not measure.
    static_factors: conditions that are stated as unchanged (load, product_mix, ambient, maintenance): key, text.
    condition: further data for the watch over the condition.
    """

    name: str
    title: str
    kind: str
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
    no_load_w: float | None = None
    emf_v: float | None = None
    xq_ohm: float | None = None
    periods: tuple[tuple[str, date], ...] = ()
    auxiliary_w: float = 0.0
    static_factors: tuple[tuple[str, str], ...] = ()
    condition: MotorConditionSettings = MotorConditionSettings()  # frozen


class Config(Struct, frozen=True):
    """A complete configuration.

    path: of the file.
    hash: first 16 hexadecimal digits of the SHA-256 of the file.
    state_dir: folder of the state file; None: no state is stored.
    mqtt: None: no broker.
    buses, meters, drives, motors: name → record.
    signals: name → checked values of [signal.name], see agent/config/signal_tables.py.
    tariff: None: energy prices are not known.
    checkpoint_file: second place for the daily checkpoints of the ledger; None: none.
    alarms: the alarm table with the changes of [alarms] and [motor.name.alarms].
    """

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
    dialects: Dialects = Dialects()  # frozen
    tariff: Tariff | None = None
    checkpoint_file: Path | None = None
    alarms: AlarmSettings = AlarmSettings(DEFINITIONS)  # frozen
