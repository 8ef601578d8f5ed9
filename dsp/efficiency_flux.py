"""Magnet flux of a permanent-magnet motor relative to its nameplate, from slow signals of a drive.

The module estimates only; alarms are raised by its callers.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from dsp.efficiency import copper_ohm

ALPHA_PER_K = -0.0011  # remanence of sintered NdFeB [M]; SmCo −0.00035
_XQ, _XQ_ENDS = 0.45, (0.4, 0.9)  # per-unit q-axis reactance if not on the nameplate, and its usual range [M]
_XQ_U = 0.10  # U of a reactance from the nameplate
_PLATE_U = 0.03  # U of an EMF calculated from the rated point instead of specified by the manufacturer
_SIGNAL_U = 0.02  # U of each of V, I and P of a drive
_MAGNET_U_K = 15.0


class FluxPlate(NamedTuple):
    """Nameplate of a permanent-magnet motor, for the flux index.

    volts_v: rated line-to-line voltage, rms.
    rated_a: rated current, rms.
    rated_hz: rated electrical frequency.
    rated_w: rated shaft power.
    efficiency: rated efficiency, fraction.
    r1_ohm: phase (star) resistance at 20 °C.
    emf_v: line-to-line EMF, rms, at rated speed with magnets at 20 °C; None if the manufacturer does not specify it.
    xq_ohm: q-axis reactance at rated frequency; None if unknown.
    """

    volts_v: float
    rated_a: float
    rated_hz: float
    rated_w: float
    efficiency: float
    r1_ohm: float
    emf_v: float | None = None
    xq_ohm: float | None = None


class FluxIndex(NamedTuple):
    """Relative magnet flux.

    value: 1 is the flux of the nameplate at the same magnet temperature.
    u: expanded uncertainty (k = 2) of value.
    """

    value: float
    u: float


def flux_index(
    plate: FluxPlate, volts_v: float, current_a: float, power_w: float, frequency_hz: float, winding_degc: float | None
) -> FluxIndex | None:
    """Flux index from signals of a drive that controls the d-axis current to zero.

    plate: nameplate.
    volts_v: terminal voltage, line-to-line, rms.
    current_a: phase current, rms.
    power_w: motor power, W.
    frequency_hz: electrical frequency.
    winding_degc: winding temperature, °C; None if not measured.
    The EMF is the voltage minus the drops across R and Xq, at the phase angle given by the power. It is compared with
    the EMF of the nameplate: emf_v, or else the value calculated in the same way from the rated point, so that most of
    an error of Xq cancels near rated load. Magnets are assumed to be 15 K cooler than the winding; without a winding
    temperature 80 ± 25 °C. U covers the usual range of Xq if the nameplate does not give it.
    Returns None below 20 % of rated frequency, where the drops are as large as the EMF, for contradictory signals, and
    for NaN.
    """
    measured = (volts_v, current_a, power_w, frequency_hz, winding_degc or 0.0)
    if not all(map(math.isfinite, measured)) or frequency_hz < 0.2 * plate.rated_hz:
        return None
    magnet_degc = 80.0 if winding_degc is None else winding_degc - 15
    base_ohm = plate.volts_v**2 / plate.rated_w
    xq_ohm = plate.xq_ohm or _XQ * base_ohm
    ends = (xq_ohm * (1 - _XQ_U), xq_ohm * (1 + _XQ_U)) if plate.xq_ohm else (part * base_ohm for part in _XQ_ENDS)

    def index(x_ohm: float) -> float | None:
        now_v = _emf_v(plate, volts_v, current_a, power_w, frequency_hz, x_ohm, magnet_degc + 15)
        plate_v = plate.emf_v or _plate_emf_v(plate, x_ohm)
        if now_v is None or plate_v is None:
            return None
        return now_v / (plate_v * (1 + ALPHA_PER_K * (magnet_degc - 20)) * frequency_hz / plate.rated_hz)

    value = index(xq_ohm)
    if value is None:
        return None
    drop = math.sqrt(3) * xq_ohm * frequency_hz / plate.rated_hz * current_a / volts_v
    u = math.hypot(
        _SIGNAL_U, _SIGNAL_U * drop, 0.0 if plate.emf_v else _PLATE_U,
        abs(ALPHA_PER_K) * (_MAGNET_U_K if winding_degc is not None else 25.0),
    )  # fmt: skip
    u_xq = max(abs(other - value) for end in ends if (other := index(end)) is not None)
    return FluxIndex(value, math.hypot(u * value, u_xq))


def _plate_emf_v(plate: FluxPlate, xq_ohm: float) -> float | None:
    """EMF (V) with magnets at 20 °C from the rated point, which applies to the warm motor: magnets at 85 °C."""
    rated_in_w = plate.rated_w / plate.efficiency
    hot_v = _emf_v(plate, plate.volts_v, plate.rated_a, rated_in_w, plate.rated_hz, xq_ohm, 100)
    return None if hot_v is None else hot_v / (1 + ALPHA_PER_K * 65)


def _emf_v(
    plate: FluxPlate, volts_v: float, current_a: float, power_w: float, frequency_hz: float, xq_ohm: float, degc: float
) -> float | None:
    va = math.sqrt(3) * volts_v * current_a
    if va <= 0 or abs(power_w) > 1.08 * va:
        return None
    phase_v = volts_v / math.sqrt(3)
    cos_phi = max(-1.0, min(1.0, power_w / va))
    sin_phi = math.sqrt(1 - cos_phi**2)
    r, x = copper_ohm(plate.r1_ohm, degc), xq_ohm * frequency_hz / plate.rated_hz
    along, across = phase_v * cos_phi - r * current_a, phase_v * sin_phi - x * current_a
    return math.sqrt(3) * math.hypot(along, across)
