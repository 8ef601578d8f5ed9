"""Flux of the magnets, and current that the torque does not need, from the output values of a drive."""

from __future__ import annotations

import math
import statistics
from collections import deque
from collections.abc import Mapping
from typing import Any, NamedTuple

from agent.analysis.condition import common_reasons as common
from agent.analysis.condition.answers import Answer, Clear, Confidence, NotObservable, Severity
from agent.analysis.condition.rows import reasons
from agent.analysis.condition.rows.block import Block
from agent.analysis.condition.rows.findings import Findings, Hold
from agent.analysis.condition.rows.ratings import Ratings
from agent.analysis.condition.rows.row_reader import RowReader
from drivers.reasons import Reason
from dsp.efficiency_flux import FluxIndex, FluxPlate, flux_index

DEMAGNETIZATION, SYNCHRONISM = "demagnetization", "loss_of_synchronism"
_LEARN, _MEDIAN = 60, 30  # blocks: ten and five minutes
_BASELINE_U = 0.022  # against the same machine: magnet temperature ± 15 K, and what the load leaves of the error of Xq
_WARN_U, _ALARM_U, _OFF = 2.0, 4.0, 0.8  # times U: note on condition, 2.3
_ON_S = 900.0
_LOAD_MIN, _LIKE_LOAD, _SPEED_MIN = 0.25, 0.25, 0.25
_WARM_STEP_K, _WARM_S = 4.0, 1800.0  # magnets follow the winding within an hour
_CURRENT_WARN, _CURRENT_ALARM, _CURRENT_S = 1.2, 1.5, 60.0
_LIKE_FLUX, _LIKE_CURRENT = 0.1, 0.08  # what saturation of Xq leaves
_XQ = 0.45  # per unit, if the nameplate does not give it: dsp/efficiency_flux.py
_COARSE_KW = 4.0  # a power in steps of 0.1 kW is then known to 1.3 %
_WEAKENED = 0.93  # of the voltage that the DC link allows: above, the drive weakens the field


class Point(NamedTuple):
    """A steady block.

    flux: from the power factor, for a current that lags, as it does without current in the d axis.
    current: over the current that the power needs with magnets as on the nameplate.
    volts, r_drop, x_drop: phase voltage and drops of the current, over the EMF of the nameplate.
    """

    flux: FluxIndex
    current: float
    volts: float
    r_drop: float
    x_drop: float

    def emf(self, q: float = 1.0, d: float = 0.0) -> float:
        """EMF that the voltage leaves, over that of the nameplate.

        q, d: shares of the current in the q axis, and in the d axis against the magnets. The power factor, which is
        flat near 1 and does not show the angle there, is not needed.
        """
        across = self.x_drop * q + self.r_drop * d
        return self.x_drop * d - self.r_drop * q + math.sqrt(max(0.0, self.volts**2 - across**2))


class MagnetFlux:
    def __init__(self, ratings: Ratings, findings: Findings, reader: RowReader, state: Mapping[str, Any]) -> None:
        self._ratings, self._findings, self._reader = ratings, findings, reader
        self._plate, self._reason = _plate(ratings)
        self._losses: deque[float] = deque(maxlen=_MEDIAN)
        self._winding: tuple[float, float] | None = None
        self._warn, self._alarm = Hold(_ON_S, _ON_S, 120.0), Hold(_ON_S, _ON_S, 120.0)
        self._current = Hold(_CURRENT_S, _CURRENT_S, 60.0)
        self._n = 0
        self._flux0 = self._current0 = self._load0 = self._emf0 = 0.0
        self._learning_degc = math.inf
        self._loss, self._judged = 0.0, 0
        stored = state.get("flux")
        if isinstance(stored, list) and len(stored) == 4 and all(isinstance(one, float) and one > 0 for one in stored):
            self._flux0, self._current0, self._load0, self._emf0 = stored
            self._n = _LEARN

    def state(self) -> dict[str, Any]:
        return {"flux": [self._flux0, self._current0, self._load0, self._emf0]} if self._n >= _LEARN else {}

    def on_block(self, block: Block) -> None:
        if self._plate is None:
            return
        point = self._point(self._plate, block)
        if point is None:
            return
        if self._n < _LEARN:
            self._learn(block, point)
            return
        self._synchronism(block, point)
        self._flux(block, point)

    def _point(self, plate: FluxPlate, block: Block) -> Point | None:
        volts, amps, power_kw, hz, winding, link_v = (
            block.mean(name) for name in ("u_out_v", "i_out_a", "p_out_kw", "f_out_hz", "winding_degc", "u_dc_v")
        )
        if not block.steady or block.run_s < 60 or block.current is None or block.dip:
            return None
        if volts is None or amps is None or power_kw is None or hz is None:
            self._reason = reasons.DRIVE_VALUES_MISSING()
        elif block.current < _LOAD_MIN or abs(hz) < _SPEED_MIN * plate.rated_hz or power_kw <= 0:
            self._reason = common.LOAD_LOW(load=block.current, needed=_LOAD_MIN)
        elif not self._reader.fine_power and power_kw < _COARSE_KW:
            self._reason = reasons.POWER_COARSE()
        elif link_v is not None and volts > _WEAKENED * link_v / math.sqrt(2):
            self._reason = reasons.FIELD_WEAKENED()
        elif winding is None:
            self._reason = reasons.WINDING_MISSING()
        else:
            index = flux_index(plate, volts, amps, 1000 * power_kw, abs(hz), winding)
            return None if index is None else _point(plate, index, volts, amps, 1000 * power_kw, abs(hz), winding)
        return None

    def _learn(self, block: Block, point: Point) -> None:
        assert block.current is not None
        assert self._plate is not None
        if self._findings.faulty:
            return
        if self._plate.emf_v and point.flux.value < 1 - _WARN_U * point.flux.u:
            # against the nameplate, whose U is larger than that against the machine itself
            if self._warn.update(block.t_s, self._warm_steady(block) or None):
                limit = _WARN_U * point.flux.u
                self._raise_flux(block, Severity.WARNING, 1 - point.flux.value, limit, point.flux.u)
            return
        if self._n and abs(block.current / self._load0 - 1) > _LIKE_LOAD:
            return
        winding = block.mean("winding_degc")
        if winding is None or abs(winding - self._learning_degc) > _WARM_STEP_K:  # magnets lag behind a winding
            self._n, self._learning_degc = 0, winding if winding is not None else math.nan
            self._flux0 = self._current0 = self._load0 = self._emf0 = 0.0
        self._n += 1
        self._flux0 += (point.flux.value - self._flux0) / self._n
        self._current0 += (point.current - self._current0) / self._n
        self._load0 += (block.current - self._load0) / self._n
        self._emf0 += (point.emf() - self._emf0) / self._n

    def _warm_steady(self, block: Block) -> bool:
        """Winding temperature steady for long: the magnets have followed."""
        winding = block.mean("winding_degc")
        if winding is None:
            return False
        if self._winding is None or abs(winding - self._winding[1]) > _WARM_STEP_K:
            self._winding = block.t_s, winding
        return block.t_s - self._winding[0] >= _WARM_S

    def _flux(self, block: Block, point: Point) -> None:
        loss, u = 1 - point.flux.value / self._flux0, _BASELINE_U
        # weaker magnets need more current for the same power: both must fit
        fits = abs(point.current / self._current0 * (1 - loss) - 1) < _LIKE_CURRENT
        like = block.current is not None and abs(block.current * (1 - loss) / self._load0 - 1) < _LIKE_LOAD
        if not self._warm_steady(block):
            self._losses.clear()
            return
        if not (like and fits):
            return
        self._losses.append(loss)
        if len(self._losses) < _MEDIAN:
            return
        self._judged += 1
        self._loss = loss = statistics.median(self._losses)
        for hold, times, severity in ((self._warn, _WARN_U, Severity.WARNING), (self._alarm, _ALARM_U, Severity.ALARM)):
            limit = times * u
            if hold.update(block.t_s, loss > limit * (_OFF if hold.active else 1)):
                self._raise_flux(block, severity, loss, limit, u)
        if not self._warn.active:
            self._findings.end(DEMAGNETIZATION)

    def _raise_flux(self, block: Block, severity: Severity, loss: float, limit: float, u: float) -> None:
        self._findings.raise_(
            DEMAGNETIZATION, severity, Confidence.LIKELY, block.t_s, reasons.FLUX_LOST(loss=loss, u95=u),
            -100 * loss, "%", -100 * limit, 100 * u,
        )  # fmt: skip

    def _synchronism(self, block: Block, point: Point) -> None:
        assert block.current is not None
        excess = point.current / self._current0
        needed = block.current / excess
        weak = excess * point.flux.value / self._flux0 < 1 + _LIKE_CURRENT  # as much as weaker magnets need
        like_load = abs(needed / self._load0 - 1) < _LIKE_LOAD
        turned = excess > _CURRENT_WARN and self._like_flux(point, excess)
        explained = weak and DEMAGNETIZATION in self._findings.active
        if self._current.update(block.t_s, like_load and turned and not explained):
            alarm = excess > _CURRENT_ALARM
            self._findings.raise_(
                SYNCHRONISM, Severity.ALARM if alarm else Severity.WARNING,
                Confidence.POSSIBLE if weak else Confidence.LIKELY, block.t_s,
                reasons.CURRENT_ABOVE_TORQUE(excess=excess - 1), excess, "", _CURRENT_ALARM if alarm else _CURRENT_WARN,
            )  # fmt: skip
        else:
            self._findings.end(SYNCHRONISM)

    def _like_flux(self, point: Point, excess: float) -> bool:
        """Whether the voltage fits unchanged magnets if the excess of the current is in the d axis, either way."""
        q = 1 / excess
        d = math.sqrt(1 - q * q)
        return min(abs(point.emf(q, sign * d) / self._emf0 - 1) for sign in (1, -1)) < _LIKE_FLUX

    def answers(self) -> list[Answer]:
        if self._plate is None:
            assert self._reason is not None
            return [NotObservable(code, self._reason) for code in (DEMAGNETIZATION, SYNCHRONISM)]
        reason = self._reason or reasons.FLUX_NOT_LEARNED()
        if self._n < _LEARN:
            return [NotObservable(code, reason) for code in (DEMAGNETIZATION, SYNCHRONISM)]
        synchronism: Answer = Clear(SYNCHRONISM)
        if not self._judged:
            return [NotObservable(DEMAGNETIZATION, reasons.FLUX_NOT_COMPARABLE()), synchronism]
        if not self._plate.emf_v:  # weak magnets would have been learned as usual
            return [NotObservable(DEMAGNETIZATION, reasons.FLUX_RELATIVE_ONLY()), synchronism]
        if self._flux0 < 1 - _BASELINE_U:
            return [NotObservable(DEMAGNETIZATION, reasons.FLUX_BELOW_NAMEPLATE(loss=1 - self._flux0)), synchronism]
        return [
            Clear(DEMAGNETIZATION, -100 * self._loss, "%", -100 * _WARN_U * _BASELINE_U, 100 * _BASELINE_U),
            synchronism,
        ]


def _point(
    plate: FluxPlate, index: FluxIndex, volts: float, amps: float, watts: float, hz: float, winding_degc: float
) -> Point | None:
    speeds = hz / plate.rated_hz
    r_ohm = plate.r1_ohm * (1 + 0.0039 * (winding_degc - 20))
    x_ohm = (plate.xq_ohm or _XQ * plate.volts_v**2 / plate.rated_w) * speeds
    shaft_w = watts - 3 * amps * amps * r_ohm
    if shaft_w <= 0:
        return None
    emf_v = (plate.emf_v or plate.volts_v) * speeds * (1 - 0.0011 * (winding_degc - 35))  # magnets 15 K cooler
    phase_v = emf_v / math.sqrt(3)
    drops = (part / phase_v for part in (volts / math.sqrt(3), r_ohm * amps, x_ohm * amps))
    return Point(index, 3 * amps * phase_v / shaft_w, *drops)


def _plate(ratings: Ratings) -> tuple[FluxPlate | None, Reason | None]:
    machine = ratings.machine
    if machine.kind != "magnet":
        return None, reasons.NOT_A_MAGNET_MOTOR() if machine.kind else reasons.KIND_UNKNOWN()
    if machine.at == "line":
        return None, reasons.DRIVE_VALUES_MISSING()
    hz = ratings.hz
    known = {"volts": machine.volts, "amps": machine.amps, "hz": hz, "kw": ratings.w, "r1_ohm": machine.r1_ohm}
    if not (machine.volts and machine.amps and hz and ratings.w and machine.r1_ohm):
        return None, common.NAMEPLATE_MISSING(keys=tuple(key for key, value in known.items() if not value))
    xq_ohm = machine.xq_ohm or (2 * math.pi * hz * machine.ls_h if machine.ls_h else None)
    emf_v = ratings.emf_v(ratings.rpm) if ratings.rpm else None
    input_w = math.sqrt(3) * machine.volts * machine.amps
    efficiency = min(0.97, max(0.75, ratings.w / input_w / 0.93))
    return FluxPlate(machine.volts, machine.amps, hz, ratings.w, efficiency, machine.r1_ohm, emf_v, xq_ohm), None
