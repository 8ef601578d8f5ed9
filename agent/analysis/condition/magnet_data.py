"""The circuit of a magnet motor from its nameplate, with uncertainties, and contradictions of the nameplate."""

from __future__ import annotations

import math

from agent.analysis.condition.machine import MachineData
from agent.analysis.condition.magnet_reasons import MAGNET_PLATE_FLUX, MAGNET_PLATE_POLES
from drivers.reasons import Reason
from dsp.condition_magnet import Known
from dsp.efficiency import copper_ohm

_U_R, _U_L, _U_FLUX = 0.03, 0.10, 0.01  # of values from the nameplate, as shares
_X_PU, _X_PU_ENDS = 0.5, (0.2, 0.9)  # synchronous reactance if not on the nameplate, and its usual range [M]
_R_PU, _R_PU_U = 0.03, 0.03  # resistance if not on the nameplate [M]
_WINDING_DEGC, _WINDING_U_K = 70.0, 50.0  # without a measured temperature
_MAGNET_COOLER_K, _MAGNET_U_K = 15.0, 15.0  # magnets against winding
_MAGNET_DEGC, _MAGNET_UNKNOWN_U_K = 65.0, 45.0  # without any temperature
_MEASURED_U_K = 5.0
_HZ_TOLERANCE = 0.03
_EMF_SHARES = (0.4, 1.25)  # of the rated voltage; above 1 with field weakening


def rated_hz(machine: MachineData) -> float | None:
    """Rated frequency, from hz or from speed and poles."""
    if machine.hz or not (machine.rpm and machine.poles):
        return machine.hz
    return machine.rpm * machine.poles / 120


def flux20_wb(machine: MachineData) -> Known | None:
    """Peak flux linkage of a phase with magnets at 20 °C; the rated frequency comes before the number of poles."""
    hz = rated_hz(machine)
    if machine.flux_wb:
        return Known(machine.flux_wb, _U_FLUX * machine.flux_wb)
    if not (machine.emf_v and hz):
        return None
    flux = machine.emf_v * math.sqrt(2 / 3) / (2 * math.pi * hz)
    return Known(flux, _U_FLUX * flux)


def magnet_degc(machine: MachineData) -> Known:
    """Temperature of the magnets: measured, 15 K below the winding, or unknown."""
    if machine.magnet_degc is not None:
        return Known(machine.magnet_degc, _MEASURED_U_K)
    if machine.winding_degc is not None:
        return Known(machine.winding_degc - _MAGNET_COOLER_K, _MAGNET_U_K)
    return Known(_MAGNET_DEGC, _MAGNET_UNKNOWN_U_K)


def resistance_ohm(machine: MachineData) -> Known | None:
    """Resistance of a phase at the temperature of the winding; None without r1_ohm and rated values."""
    degc = _WINDING_DEGC if machine.winding_degc is None else machine.winding_degc
    u_k = _WINDING_U_K if machine.winding_degc is None else _MEASURED_U_K
    base = _base_ohm(machine)
    if machine.r1_ohm is None:
        return Known(_R_PU * base, _R_PU_U * base) if base else None
    ohm = copper_ohm(machine.r1_ohm, degc)
    return Known(ohm, math.hypot(_U_R * ohm, copper_ohm(machine.r1_ohm, degc + u_k) - ohm))


def inductance_h(machine: MachineData) -> Known | None:
    """Inductance of the q axis; None without ls_h, xq_ohm and rated values."""
    hz, base = rated_hz(machine), _base_ohm(machine)
    if machine.ls_h:
        return Known(machine.ls_h, _U_L * machine.ls_h)
    if not hz:
        return None
    if machine.xq_ohm:
        inductance = machine.xq_ohm / (2 * math.pi * hz)
        return Known(inductance, _U_L * inductance)
    if not base:
        return None
    one_pu = base / (2 * math.pi * hz)
    return Known(_X_PU * one_pu, max(_X_PU_ENDS[1] - _X_PU, _X_PU - _X_PU_ENDS[0]) * one_pu)


def rated_a(machine: MachineData) -> float | None:
    """Rated current, rms; from power and voltage if it is not stated."""
    if machine.amps or not (machine.kw and machine.volts):
        return machine.amps
    return machine.kw * 1e3 / (math.sqrt(3) * machine.volts * 0.9)


def contradiction(machine: MachineData) -> Reason | None:
    """What contradicts itself on the nameplate: poles against speed and frequency, or EMF against voltage."""
    if machine.rpm and machine.hz and machine.poles:
        hz = machine.rpm * machine.poles / 120
        if abs(hz / machine.hz - 1) > _HZ_TOLERANCE:
            return MAGNET_PLATE_POLES(rpm=machine.rpm, hz=machine.hz, poles=machine.poles)
    flux, hz_rated = flux20_wb(machine), rated_hz(machine)
    if flux and hz_rated and machine.volts:
        share = flux.value * 2 * math.pi * hz_rated * math.sqrt(1.5) / machine.volts
        if not _EMF_SHARES[0] <= share <= _EMF_SHARES[1]:
            return MAGNET_PLATE_FLUX(share=share)
    return None


def _base_ohm(machine: MachineData) -> float | None:
    return machine.volts**2 / (machine.kw * 1e3) if machine.volts and machine.kw else None
