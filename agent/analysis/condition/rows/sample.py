"""One row with impossible values removed, and what follows from it: does the drive drive, speed, torque, load."""

from __future__ import annotations

import math
from typing import NamedTuple

from msgspec import Struct

RUNS = 1.0  # drive_state; 0: ready, gates off. 2: fault. 3: gates off, turning


class RowColumn(NamedTuple):
    """A column of the rows and the range of its possible values."""

    name: str
    low: float
    high: float


COLUMNS = tuple(
    RowColumn(*column)
    for column in (
        ("u12_v", 0, 20_000), ("u23_v", 0, 20_000), ("u31_v", 0, 20_000),
        ("i1_a", 0, 10_000), ("i2_a", 0, 10_000), ("i3_a", 0, 10_000), ("p_in_kw", -10_000, 20_000),
        ("drive_state", 0, 3), ("f_out_hz", -1_000, 3_000), ("speed_rpm", -60_000, 60_000),
        ("u_out_v", 0, 20_000), ("i_out_a", 0, 10_000), ("p_out_kw", -10_000, 20_000),
        ("torque_pct", -600, 600), ("u_dc_v", 0, 20_000),
        ("winding_degc", -50, 300), ("bearing_de_degc", -50, 200), ("bearing_nde_degc", -50, 200),
        ("ambient_degc", -50, 80), ("drive_degc", -50, 150),
    )
)  # fmt: skip
NAMES = tuple(column.name for column in COLUMNS)
INDEX = {name: k for k, name in enumerate(NAMES)}
STANDS = 0.6  # power factor of a motor on the line; if it turns it has more, also behind a wrong transformer ratio
_P_IN = INDEX["p_in_kw"]
# A register of 16 bits without a value, at the usual scales
NO_VALUE = frozenset(
    sign * number / scale for number in (32767, 32768, 65535) for scale in (1, 10, 100) for sign in (1, -1)
)


class Sample(Struct):
    """One row. None: no value.

    values: by column, in the order of COLUMNS; an impossible value is None.
    has_drive: a drive feeds the motor. drive_reports: it returned something in this row.
    drives: whether motor current flows by intention: the drive's gates work, or a motor on the line is switched on.
    run_s: time since that began, at least; start_seen: the start itself was seen.
    speed: share of rated speed, without sign. torque, current: shares of the rated values of the motor.
    speed_steady: within 2 % over the last four seconds.
    u_mean_v, u_min_v: line voltages. i_mean_a: line currents. None if one of the three is missing.
    dip: a line voltage is more than 10 % below its usual value.
    """

    t_s: float
    values: list[float | None]
    has_drive: bool = False
    drive_reports: bool = False
    drives: bool | None = None
    run_s: float = 0.0
    start_seen: bool = False
    speed: float | None = None
    speed_rpm: float | None = None
    torque: float | None = None
    current: float | None = None
    speed_steady: bool = False
    u_mean_v: float | None = None
    u_min_v: float | None = None
    i_mean_a: float | None = None
    dip: bool = False

    @property
    def power_factor(self) -> float:
        """At the meter; 1 if it is not known."""
        watts, volts, amps = self.values[_P_IN], self.u_mean_v, self.i_mean_a
        return 1000 * watts / (math.sqrt(3) * volts * amps) if watts is not None and volts and amps else 1.0
