"""Errors of the signals that drive a saving: what can have changed between the baseline and the reporting period."""

from __future__ import annotations

from typing import NamedTuple


class DriverError(NamedTuple):
    """Largest change of the error of a signal between the baseline and the reporting period (rectangular).

    An error that is the same in both periods cancels: the model was fitted to it.

    relative: share of the value.
    absolute: in the unit of the signal.
    calibrated: the change was limited by calibrations before and after; otherwise it is the default of this quantity.
    """

    relative: float = 0.0
    absolute: float = 0.0
    calibrated: bool = False
