"""A magnet motor's flux against that of its nameplate, slowly, from what a drive shows. Alarms belong elsewhere."""

from __future__ import annotations

import math
from typing import NamedTuple

from dsp.efficiency import copper_ohm

ALPHA_PER_K = -0.0011  # remanence of sintered NdFeB [M]; SmCo −0.00035
_XQ, _XQ_ENDS = 0.45, (0.4, 0.9)  # q reactance per unit where the plate names none, and the usual range of it [M]
_XQ_U = 0.10  # of one that the plate names
_PLATE_U = 0.03  # of an EMF that is worked out from the plate's voltage instead of told by the maker
_SIGNAL_U = 0.02  # U of V, I and P of a drive, each
_MAGNET_U_K = 15.0


class FluxPlate(NamedTuple):
    """emf_v: line-to-line rms at rated speed with magnets at 20 °C, None when the maker does not tell it.

    rated_hz: electrical.
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
    """1 is the plate's flux at the same magnet temperature; u (k = 2)."""

    value: float
    u: float


def flux_wb(
    vd_v: float, vq_v: float, id_a: float, iq_a: float, rs_ohm: float, ld_h: float, lq_h: float, omega: float
) -> float:
    """Magnet flux (peak) in dq from peak values: ψ = |v − R·i − jω·Lq·i|/ω − (Ld − Lq)·id."""
    e_d = vd_v - rs_ohm * id_a + omega * lq_h * iq_a
    e_q = vq_v - rs_ohm * iq_a - omega * lq_h * id_a
    return math.hypot(e_d, e_q) / omega - (ld_h - lq_h) * id_a


def at_temperature(flux20: float, magnet_degc: float, alpha_per_k: float = ALPHA_PER_K) -> float:
    return flux20 * (1 + alpha_per_k * (magnet_degc - 20))


def flux_index(
    plate: FluxPlate, volts_v: float, current_a: float, power_w: float, frequency_hz: float, winding_degc: float | None
) -> FluxIndex | None:
    """From rms terminal voltage (line to line), current, power and electrical frequency of a drive without d current.

    The EMF is the voltage less the drops on R and Xq, at the angle that the power tells. It is held against the plate's
    (emf_v, else worked out in the same way from the plate's rated point, so that much of an error of Xq falls out near
    rated load). Magnets are taken 15 K cooler than the winding, without a temperature 80 ± 25 °C. U holds for any usual
    Xq where the plate names none. None below 20 % of rated frequency, where the drops are as large as the EMF, where
    the signals contradict each other, and with a NaN.
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
        return now_v / (at_temperature(plate_v, magnet_degc) * frequency_hz / plate.rated_hz)

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
    """The EMF with magnets at 20 °C from the plate's rated point, which is told hot: magnets at 85 °C."""
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
