"""Conversion of feeder records to those of the plant."""

from __future__ import annotations

from simulators.plant.feeder import Auxiliary, Cable, copper_cable
from simulators.scenarios.records import TrainRecord


def feeder_of(train: TrainRecord) -> tuple[Cable | None, tuple[Auxiliary, ...]]:
    """Return cable and auxiliaries of a train. Raises ValueError for impossible values."""
    cable = copper_cable(train.cable.length_m, train.cable.mm2) if train.cable else None
    return cable, tuple(Auxiliary(1000 * item.kw, item.power_factor, item.with_motor) for item in train.auxiliary)
