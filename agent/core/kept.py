"""What the history of 1 min and 15 min keeps of a quantity: what a chart or a later analysis of a year can use.

It is a column of the metrics table. Values of 1 s are kept of all metrics.
"""

from __future__ import annotations

import re

from drivers.reading import Quantity

RANGE = "range"  # mean, minimum, maximum; of an estimate also the mean of its uncertainty
MEAN = "mean"  # the same without minimum and maximum
NOTHING = ""  # counters, codes, states, settings, set points, demand, and what follows from other quantities

_EXTREMES = re.compile(
    r"voltage_(l[123]n|ln_avg|ll_avg)|current_l[123]|active_power|frequency|output_frequency|dc_bus_voltage"
    r"|motor_(speed|current|power|torque|torque_nm|temperature)|drive_temperature"
)
_OMITTED = re.compile(
    r"(demand|reference|thdn|harmonics)_.*|.*_(fund|angle)(_l[123])?|(.*_power|power_factor|cos_phi)_l[123]"
    r"|current_(sum|percent_.*)|thd_u_l(12|23|31)"
)


def kept_of(quantity: Quantity) -> str:
    """RANGE, MEAN or NOTHING of a quantity of the vocabulary."""
    if quantity.kind != "gauge" or _OMITTED.fullmatch(quantity.name):
        return NOTHING
    return RANGE if _EXTREMES.fullmatch(quantity.name) else MEAN
