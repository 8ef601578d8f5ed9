"""True values of the plant, one row for each instant, for verification; the agent has no access to them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import IO

import numpy as np

from drivers.vocabulary import metric_name_of
from simulators.meters.drive_display import DriveErrors, display
from simulators.meters.readings import electrical
from simulators.plant.train import Train

Row = dict[str, float | list[float]]


def of_train(train: Train, energy_kwh: float, reactive_kvarh: float) -> Row:
    """Return the true values under metric names: measurable quantities without error, and quantities that no meter
    shows.

    train: state of the motor train.
    energy_kwh: register of an exact meter for active energy, kWh.
    reactive_kvarh: register of an exact meter for reactive energy, kvarh.
    """
    values = electrical(train.u_v, train.i_a, train.frequency_hz)
    values |= {"energy_import": energy_kwh, "reactive_energy_import": reactive_kvarh}
    if train.output is not None:
        values |= display(train, DriveErrors())
    row: Row = {metric_name_of(name): value for name, value in values.items()}
    row |= _machine(train)
    row |= {
        "h_u_v": np.abs(train.u_v[0]).tolist(),
        "h_i_a": np.abs(train.i_a[0]).tolist(),
        "thd_u_pct": values["thd_u_l1"],
        "thd_i_pct": values["thd_i_l1"],
    }
    return row


def of_inverter(train: Train) -> Row:
    """Return the true values of a train on a DC bus, which has no phases: motor and drive only."""
    values = display(train, DriveErrors())
    return {metric_name_of(name): value for name, value in values.items()} | _machine(train)


def _machine(train: Train) -> Row:
    losses = train.motor_losses
    row: Row = {
        "shaft_power_w": train.shaft_w,
        "torque_nm": train.shaft_w / train.speed_rad_s if train.speed_rad_s else 0.0,
        "motor_speed_rpm": train.speed_rpm,
        "motor_input_power_w": train.motor_input_w,
        "motor_losses_w": sum(losses),
        "motor_losses_copper_w": losses.copper_w,
        "motor_losses_core_w": losses.core_w,
        "motor_losses_mechanical_w": losses.mechanical_w,
        "motor_losses_additional_w": losses.additional_w,
        "drive_losses_w": train.drive_losses_w,
    }
    if train.feeder_w:
        row["feeder_power_w"] = train.feeder_w
    # otherwise nothing is driven, or the machine feeds the grid
    if min(train.shaft_w, train.motor_input_w, train.input_w) > 0:
        row["motor_efficiency_pct"] = 100 * train.shaft_w / train.motor_input_w
        row["system_efficiency_pct"] = 100 * train.shaft_w / train.input_w
    if train.output is not None and min(train.motor_input_w, train.input_w) > 0:
        row["drive_efficiency_pct"] = 100 * train.motor_input_w / (train.input_w - train.feeder_w)
    if train.winding_degc is not None:
        row["winding_temperature_degc"] = train.winding_degc
    return row


class TruthLog:
    """An NDJSON file, flushed after each row. With path None, nothing is written."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._file: IO[str] | None = None

    def __enter__(self) -> TruthLog:
        if self._path is not None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._path.open("a", encoding="utf-8")
        return self

    def write(self, utc_ms: int, rows: Mapping[str, Row]) -> None:
        if self._file is not None:
            short = {name: {key: _short(value) for key, value in row.items()} for name, row in rows.items()}
            self._file.write(json.dumps({"t": utc_ms, **short}, separators=(",", ":")) + "\n")
            self._file.flush()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._file is not None:
            self._file.close()


def _short(value: float | list[float]) -> float | list[float]:
    """Round to a millionth of the unit, which suffices for verification; all digits would triple the file size."""
    return [round(item, 4) for item in value] if isinstance(value, list) else round(value, 6)
