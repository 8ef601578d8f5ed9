"""Flux of the magnets, and current that the torque does not need, from the output values of a drive."""

from __future__ import annotations

import math
import statistics
from collections import deque
from collections.abc import Mapping
from typing import Any

from agent.analysis.condition.answers import Answer, Clear, ConditionFinding, Confidence, NotObservable, Severity
from agent.analysis.condition.rows import reasons
from agent.analysis.condition.rows.block import Block
from agent.analysis.condition.rows.findings import Findings, Hold
from agent.analysis.condition.rows.ratings import Ratings
from drivers.reasons import Reason
from dsp.efficiency_flux import FluxIndex, FluxPlate, flux_index

DEMAGNETIZATION, SYNCHRONISM = "demagnetization", "loss_of_synchronism"
_LEARN, _MEDIAN = 60, 30  # blocks: ten and five minutes
_BASELINE_U = 0.022  # against the same machine: magnet temperature ± 15 K, and what the load leaves of the error of Xq
_WARN_U, _ALARM_U, _OFF = 2.0, 4.0, 0.8  # times U: note on condition, 2.3
_ON_S = 1800.0
_LOAD_MIN, _LIKE_LOAD, _SPEED_MIN = 0.25, 0.25, 0.25
_WARM_STEP_K, _WARM_S = 4.0, 1800.0  # magnets follow the winding within an hour
_CURRENT_WARN, _CURRENT_ALARM, _CURRENT_S = 1.2, 1.5, 60.0
_LIKE_FLUX = 0.06
_WEAKENED = 0.93  # of the voltage that the DC link allows: above, the drive weakens the field


class MagnetFlux:
    def __init__(self, ratings: Ratings, findings: Findings, state: Mapping[str, Any]) -> None:
        self._ratings, self._findings = ratings, findings
        self._plate, self._reason = _plate(ratings)
        self._indices: deque[FluxIndex] = deque(maxlen=_MEDIAN)
        self._winding: tuple[float, float] | None = None
        self._warn, self._alarm = Hold(_ON_S, _ON_S, 120.0), Hold(_ON_S, _ON_S, 120.0)
        self._current = Hold(_CURRENT_S, _CURRENT_S, 60.0)
        self._n = 0
        self._flux0 = self._needed0 = self._load0 = 0.0
        self._now: FluxIndex | None = None
        self._judged = 0
        stored = state.get("flux")
        if isinstance(stored, list) and len(stored) == 3 and all(isinstance(one, float) and one > 0 for one in stored):
            self._flux0, self._needed0, self._load0 = stored
            self._n = _LEARN

    def state(self) -> dict[str, Any]:
        return {"flux": [self._flux0, self._needed0, self._load0]} if self._n >= _LEARN else {}

    def on_block(self, block: Block) -> None:
        if self._plate is None:
            return
        found = self._index(block)
        if found is None:
            return
        index, needed = found
        self._indices.append(index)
        if self._n < _LEARN:
            self._learn(block, index, needed)
            return
        assert block.current is not None
        if abs(block.current / needed / self._needed0) > 0 and abs(block.current / self._load0 - 1) < 1.0:
            self._synchronism(block, index, needed)
        if len(self._indices) == _MEDIAN:
            self._flux(block)

    def _index(self, block: Block) -> tuple[FluxIndex, float] | None:
        """The flux index, and the current that the power needs at this flux, share of rated."""
        volts, amps, power_kw, hz, winding, link_v = (
            block.mean(name) for name in ("u_out_v", "i_out_a", "p_out_kw", "f_out_hz", "winding_degc", "u_dc_v")
        )
        plate = self._plate
        assert plate is not None
        if volts is None or amps is None or power_kw is None or hz is None:
            self._reason = self._reason or reasons.DRIVE_VALUES_MISSING()
            return None
        if not block.steady or block.run_s < 60 or block.current is None or block.dip:
            return None
        if block.current < _LOAD_MIN or abs(hz) < _SPEED_MIN * plate.rated_hz or power_kw <= 0:
            self._reason = reasons.LOAD_TOO_SMALL(load=block.current, needed=_LOAD_MIN)
            return None
        if link_v is not None and volts > _WEAKENED * link_v / math.sqrt(2):
            self._reason = reasons.FIELD_WEAKENED()
            return None
        if winding is None:
            self._reason = reasons.WINDING_MISSING()
            return None
        index = flux_index(plate, volts, amps, 1000 * power_kw, abs(hz), winding)
        if index is None:
            return None
        copper_w = 3 * amps * amps * plate.r1_ohm * (1 + 0.0039 * (winding - 20))
        magnets_degc = winding - 15
        emf_v = (plate.emf_v or plate.volts_v) * abs(hz) / plate.rated_hz * (1 - 0.0011 * (magnets_degc - 20))
        return index, (1000 * power_kw - copper_w) / (math.sqrt(3) * emf_v) / plate.rated_a

    def _learn(self, block: Block, index: FluxIndex, needed: float) -> None:
        assert block.current is not None
        if self._findings.faulty or needed <= 0:
            return
        if self._plate is not None and self._plate.emf_v and index.value < 1 - _WARN_U * index.u:
            self._lost_from_the_start(block, index)
            return
        if self._n and abs(block.current / self._load0 - 1) > _LIKE_LOAD:
            return
        self._n += 1
        self._flux0 += (index.value - self._flux0) / self._n
        self._needed0 += (block.current / needed - self._needed0) / self._n
        self._load0 += (block.current - self._load0) / self._n

    def _lost_from_the_start(self, block: Block, index: FluxIndex) -> None:
        """Against the nameplate, whose U is larger than that against the machine itself."""
        limit = _WARN_U * index.u
        if self._warn.update(block.t_s, self._warm_steady(block)):
            self._raise_flux(block, Severity.WARNING, 1 - index.value, limit, index.u)

    def _warm_steady(self, block: Block) -> bool:
        """Winding temperature steady for long: the magnets have followed."""
        winding = block.mean("winding_degc")
        if winding is None:
            return False
        if self._winding is None or abs(winding - self._winding[1]) > _WARM_STEP_K:
            self._winding = block.t_s, winding
        return block.t_s - self._winding[0] >= _WARM_S

    def _flux(self, block: Block) -> None:
        steady = self._warm_steady(block)
        like = block.current is not None and abs(block.current / self._load0 - 1) < _LIKE_LOAD
        if not (steady and like):
            return
        self._judged += 1
        value = statistics.median(one.value for one in self._indices)
        self._now = FluxIndex(value, _BASELINE_U)
        loss, u = 1 - value / self._flux0, _BASELINE_U
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

    def _synchronism(self, block: Block, index: FluxIndex, needed: float) -> None:
        assert block.current is not None
        if needed <= 0.1:
            return
        excess = block.current / needed / self._needed0
        like_flux = abs(index.value / self._flux0 - 1) < _LIKE_FLUX
        like_load = needed * self._needed0 > (1 - _LIKE_LOAD) * self._load0
        if not like_load:
            self._current.update(block.t_s, False)
            return
        if self._current.update(block.t_s, excess > _CURRENT_WARN and like_flux):
            alarm = excess > _CURRENT_ALARM
            self._findings.raise_(
                SYNCHRONISM, Severity.ALARM if alarm else Severity.WARNING, Confidence.LIKELY, block.t_s,
                reasons.CURRENT_ABOVE_TORQUE(excess=excess - 1), excess, "", _CURRENT_ALARM if alarm else _CURRENT_WARN,
            )  # fmt: skip
        else:
            self._findings.end(SYNCHRONISM)

    def answers(self) -> list[Answer]:
        if self._plate is None:
            assert self._reason is not None
            return [NotObservable(code, self._reason) for code in (DEMAGNETIZATION, SYNCHRONISM)]
        reason = self._reason or reasons.FLUX_NOT_LEARNED()
        if self._n < _LEARN:
            return [NotObservable(code, reason) for code in (DEMAGNETIZATION, SYNCHRONISM)]
        synchronism: Answer = Clear(SYNCHRONISM)
        if not self._judged or self._now is None:
            return [NotObservable(DEMAGNETIZATION, reasons.TEMPERATURE_NOT_STEADY()), synchronism]
        if not self._plate.emf_v:  # weak magnets would have been learned as usual
            return [NotObservable(DEMAGNETIZATION, reasons.FLUX_RELATIVE_ONLY()), synchronism]
        value = 100 * (self._now.value / self._flux0 - 1)
        return [Clear(DEMAGNETIZATION, value, -100 * _WARN_U * _BASELINE_U, 100 * _BASELINE_U, "%"), synchronism]


def _plate(ratings: Ratings) -> tuple[FluxPlate | None, Reason | None]:
    machine = ratings.machine
    if machine.kind != "magnet":
        return None, reasons.NOT_A_MAGNET_MOTOR() if machine.kind else reasons.KIND_UNKNOWN()
    if machine.at == "line":
        return None, reasons.DRIVE_VALUES_MISSING()
    hz = ratings.hz
    known = {"volts": machine.volts, "amps": machine.amps, "hz": hz, "kw": ratings.w, "r1_ohm": machine.r1_ohm}
    if not (machine.volts and machine.amps and hz and ratings.w and machine.r1_ohm):
        return None, reasons.NAMEPLATE_MISSING(keys=tuple(key for key, value in known.items() if not value))
    xq_ohm = machine.xq_ohm or (2 * math.pi * hz * machine.ls_h if machine.ls_h else None)
    emf_v = ratings.emf_v(ratings.rpm) if ratings.rpm else None
    input_w = math.sqrt(3) * machine.volts * machine.amps
    efficiency = min(0.97, max(0.75, ratings.w / input_w / 0.93))
    return FluxPlate(machine.volts, machine.amps, hz, ratings.w, efficiency, machine.r1_ohm, emf_v, xq_ohm), None


__all__ = ["DEMAGNETIZATION", "SYNCHRONISM", "ConditionFinding", "MagnetFlux"]
