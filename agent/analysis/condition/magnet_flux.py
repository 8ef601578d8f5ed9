"""Loss of flux, and current that does not fit the torque: what the positive sequence shows."""

from __future__ import annotations

import math

from agent.analysis.condition import common_reasons as common
from agent.analysis.condition import magnet_data
from agent.analysis.condition.answers import Answer, Clear, ConditionFinding, Confidence, NotObservable, Severity
from agent.analysis.condition.machine import MachineData
from agent.analysis.condition.magnet_features import MagnetFeatures
from agent.analysis.condition.magnet_reasons import (
    MAGNET_ANGLE_UNKNOWN,
    MAGNET_CURRENT_ANGLE,
    MAGNET_CURRENT_LAGS,
    MAGNET_DATA_MISSING,
    MAGNET_FLUX_ABOVE,
    MAGNET_FLUX_COASTING,
    MAGNET_FLUX_DATA_UNCERTAIN,
    MAGNET_FLUX_LOSS,
    MAGNET_FLUX_UNCERTAIN,
    MAGNET_FLUX_UNKNOWN,
    MAGNET_NO_EMF,
    MAGNET_SPEED_LOW,
    MAGNET_SYNCHRONISM,
)
from drivers.reasons import Code, Reason
from dsp.condition.magnet import Known, MagnetMachine, MagnetPoint, flux_ratio, magnet_flux, magnet_point
from dsp.efficiency_flux import FluxIndex

CODE, SYNCHRONISM = "demagnetization", "loss_of_synchronism"

_SALIENCY = Known(0.325, 0.325)  # magnets on the surface to interior magnets
_SURFACE_DEG = 8.0  # current nearer to the q axis: controlled to id = 0, and ls_h is that of every axis
_INTERIOR_U_L = 0.5  # share by which an ls_h may differ from Lq where id is not 0
_WARNING_U, _WARNING = 2.0, 0.04  # loss: so many U95, and not less than this
_ALARM_U, _ALARM = 4.0, 0.09
_WOULD_BE_SEEN = 0.07  # a loss of this size is a warning, or the flux is not observable
_U95_MAX = 0.10  # nothing is excluded with more
_ABOVE_U, _ABOVE = 2.0, 0.06  # more flux than the nameplate: so many U95, and not less than this
_SPEED_MIN = 0.2
_EMF_GONE, _CURRENT_FOR_IT = 0.5, 0.5
_ANGLE_WARNING_DEG, _ANGLE_ALARM_DEG = 12.0, 25.0  # 2 % and 10 % more current than the torque needs
_LOAD_MIN = 0.2
_LIKE = 0.35  # a baseline of like speed and current


def circuit_of(machine: MachineData) -> MagnetMachine | None:
    """The circuit with the temperatures of the recording; flux20_wb is 1 Wb where it is not known."""
    r, l_q = magnet_data.resistance_ohm(machine), magnet_data.inductance_h(machine)
    if r is None or l_q is None:
        return None
    flux = magnet_data.flux20_wb(machine) or Known(1.0, 0.0)
    return MagnetMachine(r, l_q, _SALIENCY, flux, magnet_data.magnet_degc(machine))


def flux_answers(now: MagnetFeatures, machine: MachineData, base: MagnetFeatures | None) -> list[Answer]:
    """Verdicts on demagnetization and loss_of_synchronism of a steady recording."""
    circuit = circuit_of(machine)
    if circuit is None:
        return [NotObservable(code, MAGNET_DATA_MISSING()) for code in (CODE, SYNCHRONISM)]
    synchronism = _synchronism(now, machine, base, circuit)
    if isinstance(synchronism, ConditionFinding) and synchronism.why.code == MAGNET_NO_EMF:
        return [synchronism, NotObservable(CODE, MAGNET_SYNCHRONISM())]
    return [_demagnetization(now, machine, base, circuit), synchronism]


def coasting_answer(now: MagnetFeatures, machine: MachineData) -> Answer | None:
    """The flux from the EMF of a recording in which the drive did not drive; None: it does not show one."""
    flux, contradiction = magnet_data.flux20_wb(machine), magnet_data.contradiction(machine)
    if now.coast_wb is None or flux is None or contradiction is not None:
        return None
    none = Known(0.0, 0.0)
    circuit = MagnetMachine(none, none, none, flux, magnet_data.magnet_degc(machine))
    hz = 1 / (2 * math.pi)
    return _judged(magnet_flux(complex(now.coast_wb), 0j, hz, circuit), now, machine, MAGNET_FLUX_COASTING)


def _demagnetization(
    now: MagnetFeatures, machine: MachineData, base: MagnetFeatures | None, circuit: MagnetMachine
) -> Answer:
    assert now.hz is not None
    contradiction = magnet_data.contradiction(machine)
    if contradiction is not None:
        return NotObservable(CODE, contradiction)
    rated_hz = magnet_data.rated_hz(machine)
    if rated_hz and now.hz < _SPEED_MIN * rated_hz:
        return NotObservable(CODE, MAGNET_SPEED_LOW(share=now.hz / rated_hz))
    circuit = _widened(now, circuit)
    if magnet_data.flux20_wb(machine) is not None:
        return _judged(magnet_flux(now.u1, now.i1, now.hz, circuit), now, machine, MAGNET_FLUX_LOSS)
    known = base and (base.magnet_degc is not None or base.winding_degc is not None)
    if base is None or base.hz is None or not known:
        return NotObservable(CODE, MAGNET_FLUX_UNKNOWN())
    then = circuit._replace(
        magnet_degc=magnet_data.magnet_degc(MachineData(magnet_degc=base.magnet_degc, winding_degc=base.winding_degc))
    )
    ratio = flux_ratio((now.u1, now.i1, now.hz, circuit), (base.u1, base.i1, base.hz, then))
    return _judged(ratio, now, machine, MAGNET_FLUX_LOSS)


def _widened(now: MagnetFeatures, circuit: MagnetMachine) -> MagnetMachine:
    """With interior magnets ls_h may be any mean of Ld and Lq: its U is large where the current is off the q axis."""
    if abs(_angle_deg(_point(now, circuit))) <= _SURFACE_DEG:
        return circuit
    l_q = circuit.lq_h
    return circuit._replace(lq_h=Known(l_q.value, max(l_q.u, _INTERIOR_U_L * l_q.value)))


def _judged(flux: FluxIndex, now: MagnetFeatures, machine: MachineData, code: Code) -> Answer:
    loss, u95 = 1 - flux.value, flux.u
    warning, alarm = max(_WARNING_U * u95, _WARNING), max(_ALARM_U * u95, _ALARM)
    temperature = machine.magnet_degc is not None or machine.winding_degc is not None
    if -loss > max(_ABOVE_U * u95, _ABOVE):
        return NotObservable(CODE, MAGNET_FLUX_ABOVE(index=flux.value, u95=u95))
    if loss > warning:
        severity = Severity.ALARM if loss > alarm else Severity.WARNING
        sure = Confidence.CERTAIN if severity is Severity.ALARM else Confidence.LIKELY
        data = {"index": flux.value, "u95": u95}
        if code == MAGNET_FLUX_LOSS:
            data["current"] = 1 / flux.value - 1
        return ConditionFinding(
            CODE,
            severity,
            sure if temperature and u95 <= _WOULD_BE_SEEN / 2 else Confidence.POSSIBLE,
            now.length_s,
            code(**data),
            100 * flux.value,
            "%",
            100 * (1 - (alarm if severity is Severity.ALARM else warning)),
            100 * u95,
        )
    margin = _WARNING / 2 if u95 > _WOULD_BE_SEEN / 2 else 0.0
    if u95 > _U95_MAX or loss + u95 > _WOULD_BE_SEEN - margin:
        why = MAGNET_FLUX_DATA_UNCERTAIN if temperature else MAGNET_FLUX_UNCERTAIN
        return NotObservable(CODE, why(index=flux.value, u95=u95))
    return Clear(CODE, 100 * flux.value, "%", 100 * (1 - warning), 100 * u95)


def _synchronism(
    now: MagnetFeatures, machine: MachineData, base: MagnetFeatures | None, circuit: MagnetMachine
) -> Answer:
    rated = magnet_data.rated_a(machine)
    load = now.i1_a / math.sqrt(2) / rated if rated else math.inf
    if load < _LOAD_MIN:
        return NotObservable(SYNCHRONISM, common.CURRENT_LOW(share=load, needed=_LOAD_MIN))
    point = _point(now, circuit)
    flux = magnet_data.flux20_wb(machine)
    if flux and rated and load >= _CURRENT_FOR_IT and magnet_data.contradiction(machine) is None:
        share = point.flux_wb / flux.value
        if share < _EMF_GONE:
            why = MAGNET_NO_EMF(current=load, index=share)
            return ConditionFinding(
                SYNCHRONISM, Severity.ALARM, Confidence.LIKELY, now.length_s, why, 100 * share, "%", 100 * _EMF_GONE
            )
    angle = _angle_deg(point)
    moved = circuit._replace(lq_h=Known(circuit.lq_h.value + circuit.lq_h.u, 0.0))
    u_deg = abs(_angle_deg(_point(now, moved)) - angle)
    reference = _reference_deg(now, base, circuit, rated)
    if reference is not None:
        away = abs(angle - reference)
        excess = math.cos(math.radians(reference)) / math.cos(math.radians(angle)) - 1
        return _judged_angle(now, away, u_deg, MAGNET_CURRENT_ANGLE(angle_deg=away, excess=excess))
    if angle <= _ANGLE_WARNING_DEG + u_deg:
        excess = 1 / math.cos(math.radians(angle)) - 1
        return _judged_angle(now, max(-angle, 0.0), u_deg, MAGNET_CURRENT_LAGS(angle_deg=-angle, excess=excess))
    return NotObservable(SYNCHRONISM, MAGNET_ANGLE_UNKNOWN(angle_deg=angle))


def _judged_angle(now: MagnetFeatures, away_deg: float, u_deg: float, why: Reason) -> Answer:
    limit = _ANGLE_WARNING_DEG + u_deg
    if away_deg <= limit:
        return Clear(SYNCHRONISM, away_deg, "°", limit, u_deg)
    alarm = away_deg > _ANGLE_ALARM_DEG + u_deg
    return ConditionFinding(
        SYNCHRONISM,
        Severity.ALARM if alarm else Severity.WARNING,
        Confidence.LIKELY,
        now.length_s,
        why,
        away_deg,
        "°",
        limit,
        u_deg,
    )


def _reference_deg(
    now: MagnetFeatures, base: MagnetFeatures | None, circuit: MagnetMachine, rated_a: float | None
) -> float | None:
    """Angle of the current in the baseline where it must be the same now: like speed and current, or id = 0 in both
    and no more voltage than the baseline had, so that field weakening is excluded."""
    if base is None or base.hz is None or now.hz is None or not base.i1_a:
        return None
    if rated_a and base.i1_a / math.sqrt(2) < _LOAD_MIN * rated_a:
        return None
    angle = _angle_deg(_point(base, circuit))
    like = abs(now.hz / base.hz - 1) < _LIKE and abs(now.i1_a / base.i1_a - 1) < _LIKE
    no_weakening = now.u1_v < 1.05 * base.u1_v
    return angle if no_weakening and (like or abs(angle) <= _SURFACE_DEG) else None


def flux_wb(features: MagnetFeatures, circuit: MagnetMachine) -> float:
    """Flux linkage of the magnets in a recording that has a fundamental, at their temperature."""
    return _point(features, circuit).flux_wb


def _point(features: MagnetFeatures, circuit: MagnetMachine) -> MagnetPoint:
    assert features.hz is not None
    return magnet_point(features.u1, features.i1, features.hz, circuit.r_ohm.value, circuit.lq_h.value)


def _angle_deg(point: MagnetPoint) -> float:
    return math.degrees(point.current_angle_rad)
