"""What meters and drives make of the truth: gains, noise, resolution, missing cells, garbage."""

from __future__ import annotations

from random import Random

from support.condition.row_plant import Row

_NOISE = {  # share of the value
    "u12_v": 0.0008, "u23_v": 0.0008, "u31_v": 0.0008, "i1_a": 0.006, "i2_a": 0.006, "i3_a": 0.006, "p_in_kw": 0.003,
    "u_out_v": 0.002, "i_out_a": 0.006, "p_out_kw": 0.006, "u_dc_v": 0.001, "torque_pct": 0.006,
}  # fmt: skip
_ADDED = {
    "speed_rpm": 0.6,
    "winding_degc": 0.25,
    "bearing_de_degc": 0.2,
    "ambient_degc": 0.1,
    "torque_pct": 0.3,
    "drive_degc": 0.3,
}
_GAIN = (
    {name: 0.004 for name in _NOISE}
    | {name: 0.002 for name in ("u12_v", "u23_v", "u31_v")}
    | {"u_out_v": 0.008, "i_out_a": 0.008, "p_out_kw": 0.01}
)
_DECIMALS = {
    "f_out_hz": 2,
    "i1_a": 2,
    "i2_a": 2,
    "i3_a": 2,
    "i_out_a": 2,
    "p_in_kw": 3,
    "p_out_kw": 3,
    "pf": 3,
    "speed_rpm": 0,
    "u_dc_v": 0,
    "drive_state": 0,
}


class RowSensors:
    """missing: share of cells without a value. garbage: share of rows with a temperature of −3276.8."""

    def __init__(self, rng: Random, missing: float = 0.0005, garbage: float = 0.0) -> None:
        self._rng, self.missing, self.garbage = rng, missing, garbage
        self._gains = {name: 1 + rng.uniform(-spread, spread) for name, spread in _GAIN.items()}
        self._offset_k = {name: rng.uniform(-1, 1) for name in ("winding_degc", "bearing_de_degc", "ambient_degc")}
        self._temperature_decimals = rng.choice((1, 1, 0))

    def read(self, truth: Row) -> Row:
        rng, row = self._rng, Row()
        gauss, random = rng.gauss, rng.random
        for name, value in truth.items():
            if value is None or random() < self.missing:
                row[name] = None
                continue
            value = value * self._gains.get(name, 1.0) * (1 + gauss(0, _NOISE.get(name, 0.0)))
            if name in _ADDED and not (name in ("speed_rpm", "torque_pct") and value == 0):
                value += gauss(0, _ADDED[name]) + self._offset_k.get(name, 0.0)
            decimals = self._temperature_decimals if name.endswith("_degc") else _DECIMALS.get(name, 1)
            row[name] = round(value, decimals)
        if self.garbage and random() < self.garbage:
            row["winding_degc"] = -3276.8
        return row
