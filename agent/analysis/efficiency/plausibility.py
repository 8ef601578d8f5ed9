"""Checks of a motor's inputs that withhold its efficiency: wiring of the meter, bypass, braking resistor, poles."""

from __future__ import annotations

import math
from typing import NamedTuple

from agent.analysis.efficiency.nameplate import Nameplate
from agent.analysis.efficiency.reasons import (
    BRAKING_RESISTOR,
    DRIVE_BYPASSED,
    METER_RATIO,
    METER_WIRING,
    METER_WIRING_PENDING,
    POLES_MISMATCH,
    WIRING_ALTERNATIVES,
    WIRING_FAULTS,
    WIRING_FAULTS_TOGETHER,
    WIRING_RATIO,
)
from agent.config.topology import Asset
from agent.core.usable_number import usable_number
from drivers.reading import Reading
from drivers.reasons import Reason
from dsp import wiring
from dsp.efficiency_induction import Plate, load_of_power_factor, power_factor

RECENT_S = 60.0
FAULTY, RATIO, COMPENSATED = "faulty", "ratio", "compensated_load"
ALL_PHASES = "L1,L2,L3"
AGREE = 5  # consecutive readings before a finding opens, and before it closes
ROTATION_U = 0.02  # of speed against frequency and poles
RUNNING = 0.02  # of rated current or frequency
DRIVE_POWER_U = 0.10  # U (k = 2) of a drive's own output power [M: ±5 % seen, no standard states a tolerance]
# Output over input power of a drive, for a comparison with the meter, and U of that comparison: chosen for
# efficiencies of 0.95 to 0.99 at the loads that are compared.
_DRIVE_EFFICIENCY, _COMPARED_U = 0.97, DRIVE_POWER_U + 0.02
# Input power factor times efficiency of drive and motor, 0.95 each: chosen. It only determines the tenth of the rated
# current from which angles are used.
_INPUT_PF_AND_EFFICIENCY = 0.95 * 0.95
RATIO_SAME = 0.1  # ratios that differ by less are the same: those of transformers differ by a fifth at least
_PHASE_QUANTITIES = tuple(
    tuple(name.format(k) for k in (1, 2, 3))
    for name in ("voltage_l{}n", "current_l{}", "active_power_l{}", "reactive_power_l{}")
)
_TERMINALS = {"A": "L1", "B": "L2", "C": "L3"}


class PlausibilityFault(NamedTuple):
    """A fault of the meter's wiring, or a load that the measurements do not distinguish from one.

    kind: as dsp.wiring names it, without phases; RATIO or COMPENSATED.
    phases: phases as the terminals of the meter are named, such as "L1", "L1,L2" or, swapped, "L1-L2"; "" for all.
    reversed_phases: phases whose CTs are also reversed, "" for all; None for none.
    ratio: measured divided by expected power, of RATIO only.
    """

    kind: str
    phases: str = ""
    reversed_phases: str | None = None
    ratio: float = math.nan

    @property
    def name(self) -> str:
        """The published name, such as "ct_reversed:L1" or "ratio:2.02"."""
        if self.kind == RATIO:
            return f"{RATIO}:{self.ratio:.2f}"
        name = f"{self.kind}:{self.phases}" if self.phases else self.kind
        if self.reversed_phases is None:
            return name
        return f"{name}+reversed:{self.reversed_phases}" if self.reversed_phases else f"{name}+reversed"

    @property
    def reason(self) -> Reason:
        if self.kind == RATIO:
            return WIRING_RATIO(ratio=self.ratio)
        code = WIRING_FAULTS[self.kind]
        reason = code(phases=self.phases or ALL_PHASES) if "phases" in code.fields else code()
        if self.reversed_phases is None:
            return reason
        return WIRING_FAULTS_TOGETHER(
            first=reason, second=WIRING_FAULTS["ct_reversed"](phases=self.reversed_phases or ALL_PHASES)
        )


class PlausibilityFinding(NamedTuple):
    """Result of the wiring check.

    verdict: wiring.OK, UNKNOWN or UNCLEAR, or FAULTY.
    faults: the fault, or all that fit the measurements equally well.
    """

    verdict: str
    faults: tuple[PlausibilityFault, ...] = ()

    @property
    def text(self) -> str:
        """The published value: "ok", "unknown", or the names of the faults, separated by bars."""
        return "|".join(fault.name for fault in self.faults) or self.verdict

    @property
    def fault(self) -> Reason:
        """The fault, or the list of those that fit."""
        if len(self.faults) == 1:
            return self.faults[0].reason
        return WIRING_ALTERNATIVES(faults=tuple(fault.reason for fault in self.faults))


def finding_of(found: wiring.Diagnosis) -> PlausibilityFinding:
    """A diagnosis of dsp.wiring with its faults as data."""
    if not found.wrong:
        return PlausibilityFinding(found.verdict)
    return PlausibilityFinding(FAULTY, tuple(map(_fault_of, found.candidates or (found.verdict,))))


def _fault_of(name: str) -> PlausibilityFault:
    """The fault from a name of dsp.wiring: `kind[:phases][+reversed[:phases]]`."""
    first, _, second = name.partition("+")
    kind, _, phases = first.partition(":")
    _, _, reversed_phases = second.partition(":")
    return PlausibilityFault(kind, _terminals(phases), _terminals(reversed_phases) if second else None)


def _terminals(phases: str) -> str:
    """Phases A, B, C of dsp.wiring as the terminals of the meter are named."""
    return "".join(_TERMINALS.get(letter, letter) for letter in phases)


_UNKNOWN = PlausibilityFinding(wiring.UNKNOWN)


def _same_finding(one: PlausibilityFinding, other: PlausibilityFinding) -> bool:
    """Whether two findings are the same. A measured ratio varies with the load, the one of a transformer does not."""
    return (
        one.verdict == other.verdict
        and len(one.faults) == len(other.faults)
        and all(map(_same_fault, one.faults, other.faults))
    )


def _same_fault(one: PlausibilityFault, other: PlausibilityFault) -> bool:
    if not one.kind == other.kind == RATIO:
        return one == other
    return abs(one.ratio - other.ratio) <= RATIO_SAME * max(one.ratio, other.ratio)


class PlausibilityChecks:
    """Checks every reading; `withheld` is the reason why no efficiency may be published.

    age_max_s: largest age of a power of meter or drive for a comparison with the other.
    """

    def __init__(self, asset: Asset, nameplate: Nameplate, age_max_s: float) -> None:
        self._asset, self._nameplate, self._age_max_s = asset, nameplate, age_max_s
        self.wiring = _UNKNOWN
        self._candidate, self._count = _UNKNOWN, 0
        self._meter_w: float | None = None
        self._drive_w: float | None = None
        self._meter_s = self._drive_s = -math.inf  # when they were measured
        self._recent_values: dict[str, tuple[float, float]] = {}  # of slow registers: name → (time, value)
        self._off = self._braking = self._wrong_poles = 0
        self.back_emf, self.back_emf_s = "", -math.inf  # last known state of the motor terminals, and its time

    def on_meter_reading(self, reading: Reading, cage: Plate | None) -> None:
        self._meter_w, self._meter_s = usable_number(reading, "active_power"), reading.middle_s
        if reading.middle_s - self._drive_s > self._age_max_s:
            self._drive_w = None
        found = self._diagnosed(reading, cage)
        if found.verdict in (wiring.UNKNOWN, wiring.UNCLEAR):
            return  # too little current: the previous finding remains valid
        self._count = self._count + 1 if _same_finding(found, self._candidate) else 1
        self._candidate = found
        if self._count >= AGREE or (self.wiring is _UNKNOWN and found.verdict == wiring.OK):
            self.wiring = self.wiring if _same_finding(found, self.wiring) else found

    def on_drive_reading(self, reading: Reading) -> None:
        nameplate, motor = self._nameplate, self._asset.motor
        assert motor is not None
        current_a, hz = usable_number(reading, "motor_current"), usable_number(reading, "output_frequency")
        power_kw, rpm = usable_number(reading, "motor_power"), usable_number(reading, "motor_speed")
        volts = usable_number(reading, "output_voltage")
        self._drive_w, self._drive_s = None if power_kw is None else 1000 * power_kw, reading.middle_s
        if reading.middle_s - self._meter_s > self._age_max_s:
            self._meter_w = None
        if current_a is None or hz is None:
            return
        stopped = abs(hz) < RUNNING * nameplate.rated_hz and current_a < RUNNING * nameplate.drive_a
        consuming = self._meter_w is not None and not self._asset.shared and self._meter_w > 0.05 * nameplate.drive_w
        self._off = self._off + 1 if stopped and consuming else 0
        returning = self._drive_w is not None and self._drive_w < -0.03 * nameplate.drive_w
        absorbed = self._meter_w is not None and self._meter_w > -0.01 * nameplate.drive_w
        self._braking = self._braking + 1 if returning and absorbed and not self._asset.shared else 0
        if rpm is not None and abs(hz) > 0.2 * nameplate.rated_hz:
            expected = 120 * abs(hz) / motor.poles
            slip = 0.0 if motor.kind == "pm" else 0.08
            fits = (1 - slip - ROTATION_U) * expected <= abs(rpm) <= (1 + ROTATION_U) * expected
            self._wrong_poles = 0 if fits else self._wrong_poles + 1
        if motor.kind == "pm":
            turning = rpm is not None and abs(rpm) > 0.02 * motor.rpm
            self.back_emf = "live" if not stopped or turning or (volts is not None and volts > 50) else "unknown"
            self.back_emf_s = reading.middle_s

    @property
    def withheld(self) -> Reason | None:
        """Why no efficiency may be published; None when one may."""
        if self._nameplate.contradiction:
            return self._nameplate.contradiction
        if self.wiring.verdict == FAULTY:
            code = METER_RATIO if self.wiring.faults[0].kind == RATIO else METER_WIRING
            return code(fault=self.wiring.fault)
        if self.wiring is _UNKNOWN and self._candidate.verdict == FAULTY:
            return METER_WIRING_PENDING()
        if self._off >= AGREE:
            return DRIVE_BYPASSED()
        if self._braking >= 2:  # one may be a poll of the meter from before the reversal
            return BRAKING_RESISTOR()
        if self._wrong_poles >= AGREE:
            return POLES_MISMATCH()
        return None

    def _diagnosed(self, reading: Reading, cage: Plate | None) -> PlausibilityFinding:
        asset, meter = self._asset, self._asset.meter
        assert meter is not None
        if meter.measuring_point == "feeder" or asset.shared or meter.wiring == "1P2W":
            return _UNKNOWN
        load = self._load()
        if meter.wiring == "3P3W":
            found = self._two_wattmeters(reading, load)
        else:
            phases = self._phases(reading)
            found = wiring.Diagnosis(wiring.UNKNOWN)
            if phases is not None:
                found = wiring.three_wattmeters(phases, self._rated_a(max(phases.volts_v)), load)
                leading = wiring.LEADING in found.candidates
                if leading and cage is not None and (meter.power_factor_compensation or _opposite_sign(phases, cage)):
                    found = wiring.Diagnosis(wiring.OK)
        known = self.wiring.verdict == wiring.OK or (self._drive_w is not None and self._drive_w < 0)
        if wiring.REGENERATING in found.candidates and known:
            found = wiring.Diagnosis(wiring.OK)  # it was correct while the load was driven, or the drive brakes, too
        if found.verdict == wiring.OK and self._ratio_unconfirmed():
            return _UNKNOWN
        if found.verdict == wiring.OK and (ratio := self._ratio(reading, cage)) is not None:
            wrong = PlausibilityFault(RATIO, ratio=ratio)
            if asset.drive is None:  # capacitors after the meter would also increase the power factor
                return PlausibilityFinding(FAULTY, (wrong, PlausibilityFault(COMPENSATED)))
            return PlausibilityFinding(FAULTY, (wrong,))
        return finding_of(found)

    def _load(self) -> str:
        if self._asset.drive is None:
            return "motor"
        return "bridge" if self._drive_w is not None and self._drive_w > 0.03 * self._nameplate.drive_w else "drive"

    def _rated_a(self, phase_v: float) -> float:
        if self._asset.drive is None:
            return self._nameplate.rated_a
        return self._nameplate.drive_w / _INPUT_PF_AND_EFFICIENCY / (3 * max(phase_v, 1.0))

    def _recent(self, reading: Reading, name: str) -> float | None:
        """A value of this reading or of the last minute: not all registers are read in every poll."""
        value = usable_number(reading, name)
        if value is not None:
            self._recent_values[name] = reading.middle_s, value
        elif name in reading.values:
            self._recent_values.pop(name, None)
        found = self._recent_values.get(name)
        return found[1] if found and reading.middle_s - found[0] < RECENT_S else None

    def _phases(self, reading: Reading) -> wiring.Phases | None:
        rows = [tuple(self._recent(reading, name) for name in names) for names in _PHASE_QUANTITIES]
        return None if any(None in row for row in rows) else wiring.Phases(*rows)  # type: ignore[arg-type]

    def _two_wattmeters(self, reading: Reading, load: str) -> wiring.Diagnosis:
        names = ("voltage_l12", "voltage_l23", "voltage_l31", "current_l1", "current_l2", "current_l3", "active_power",
                 "reactive_power")  # fmt: skip
        v = [self._recent(reading, name) for name in names]
        if any(value is None for value in v):
            return wiring.Diagnosis(wiring.UNKNOWN)
        a, b, c, i1, i2, i3, p, q = (value for value in v if value is not None)
        return wiring.two_wattmeters((a, b, c), (i1, i2, i3), p, q, self._rated_a(max(a, b, c) / math.sqrt(3)), load)

    def _ratio_unconfirmed(self) -> bool:
        """Whether a wrong ratio was found and cannot be confirmed now because the drive does not respond."""
        suspected = any(fault.kind == RATIO for found in (self._candidate, self.wiring) for fault in found.faults)
        return suspected and self._asset.drive is not None and self._drive_w is None

    def _ratio(self, reading: Reading, cage: Plate | None) -> float | None:
        """Measured divided by expected power where it is wrong, else None.

        The expectation is the drive's output power, or the load that follows from a cage motor's power factor.
        """
        if self._meter_w is None:
            return None
        if self._asset.drive is not None:
            if self._drive_w is None or self._drive_w < 0.2 * self._nameplate.drive_w:
                return None
            return wiring.ratio_of(self._meter_w, self._drive_w / _DRIVE_EFFICIENCY, _COMPARED_U)
        pf = self._recent(reading, "power_factor")
        if cage is None or pf is None or self._asset.meter is None or self._asset.meter.power_factor_compensation:
            return None
        band = load_of_power_factor(cage, abs(pf))
        if band is None:
            return None
        low_w, high_w = (load * cage.rated_w / cage.efficiency for load in band)
        if low_w / 1.35 < abs(self._meter_w) < high_w * 1.35:
            return None
        return abs(self._meter_w) / ((low_w + high_w) / 2)


def _opposite_sign(phases: wiring.Phases, cage: Plate) -> bool:
    """Whether only the sign of the reactive power is opposite: then power factor and current of a cage motor fit.

    Near 60° rotated currents have the same power factor, and the result is False.
    """
    p, q, amps = sum(phases.watts_w), sum(phases.vars_var), sum(phases.amps_a) / 3
    if p <= 0 or abs(math.degrees(math.atan2(abs(q), p)) - 60) < 9:
        return False
    loads = [k / 20 for k in range(27)]
    load = min(loads, key=lambda x: abs(power_factor(cage, x)[1] - amps))
    return abs(p / math.hypot(p, q) - power_factor(cage, load)[0]) < 0.06
