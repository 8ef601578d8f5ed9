"""A motor with its supply, drive, load and heat, one row a second; it shares no code with the product."""

from __future__ import annotations

import cmath
import math
from random import Random

from support.condition.row_machine import Machine

READY, RUNS, FAULT, TURNS = 0, 1, 2, 3
Row = dict[str, float | None]


class RowPlant:
    """Attributes are set by the case: the operator, the weather and the faults.

    speed_ref: share of rated speed; 0 with `on`: standstill under torque. on: drive or contactor.
    valve: 1 as usual, smaller: throttled. damper: the same of a fan. load: torque of conveyor, mixer, hoist, share of
    rated. acceleration: of the drive, rated speed per second. torque_limit: of the drive.
    line: factors of u12, u23, u31. lost: phase index without current. contact: (phase, extra drop at rated load).
    dry, jam, filter, cavitation, cooling, bearing_k, flux, offset_rad: faults, see `step`.
    """

    def __init__(self, machine: Machine, rng: Random, ambient_degc: float = 22.0) -> None:
        self.machine, self.rng = machine, rng
        self.ambient_degc = ambient_degc
        self.on, self.speed_ref, self.speed = False, 1.0, 0.0
        self.valve = self.damper = self.flux = self.filter = self.cooling = 1.0
        self.load, self.acceleration, self.torque_limit = 0.7, 0.08, 1.4
        self.line, self.supply = [1.0, 1.0, 1.0], 1.0
        self.lost: int | None = None
        self.contact: tuple[int, float] | None = None
        self.dry: float | None = None
        self.jam = self.tripped = self.coasts = False
        self.cavitation = self.bearing_k = self.offset_rad = 0.0
        self.reports_turning = True
        self.winding_k = self.frame_k = self.magnet_k = self.bearing_rise_k = 0.0
        self.ambient_felt = ambient_degc
        self._slow_noise = self._unsteady = 0.0
        self.run_s = 0.0

    # load

    def load_torque(self) -> float:
        """Share of rated torque at this speed."""
        machine, n = self.machine, self.speed
        if self.jam:
            return 9.0
        if machine.application == "pump":
            return self._pump_torque(n)
        if machine.application == "fan":
            density = 293 / (273 + self.ambient_degc)
            return 0.02 + (machine.working_load - 0.02) * n * n * density * self.filter * self.damper
        if machine.application == "centrifuge":
            return 0.06 + 0.06 * n * n
        if machine.application == "mixer":
            return 0.05 + (self.load - 0.05) * n**1.5
        return self.load  # conveyor, hoist

    def _pump_torque(self, n: float) -> float:
        machine = self.machine
        if self.dry is not None:
            return machine.working_load * self.dry * max(n, 0.1)
        static = machine.static_head if n > 0.3 else 0.0
        # flow from pump curve 1.25 n² − 0.25 q² and system static + (1 − static) q² / valve²
        square = (1.25 * n * n - static) / (0.25 + (1 - machine.static_head) / max(self.valve, 1e-3) ** 2)
        flow = math.sqrt(max(0.0, square))
        power = n**3 * (machine.shutoff + (1 - machine.shutoff) * flow / n) if n > 0.02 else 0.0
        return 0.02 + machine.working_load * power / max(n, 0.02) * (1 - 0.09 * min(1.0, self.cavitation))

    # one second

    def step(self, seconds: float = 1.0) -> Row:
        """The row after one more second."""
        torque, driving = self._move(seconds)
        noise = self.rng.gauss
        self._slow_noise += 0.18 * (noise(0, 0.006) - self._slow_noise)
        scatter = 1 + noise(0, 0.003) + self._slow_noise
        if self.cavitation:
            self._unsteady += 0.5 * (noise(0, 0.06 * self.cavitation) - self._unsteady)
            scatter += noise(0, 0.05 * self.cavitation) + self._unsteady
        torque *= scatter
        row: Row = {}
        amps, volts, watts, hz, losses = self._motor(torque, driving)
        self._heat(seconds, losses)
        self._supply_side(row, watts, driving, amps)
        if self.machine.fed:
            self._drive_side(row, torque, amps, volts, watts, hz, driving)
        elif self.machine.application != "pump":
            row["speed_rpm"] = self.speed * self.machine.rpm
        row |= {
            "winding_degc": self.ambient_felt + self.winding_k, "ambient_degc": self.ambient_degc,
            "bearing_de_degc": self.ambient_felt + self.bearing_rise_k,
        }  # fmt: skip
        return row

    def rest(self, seconds: float) -> None:
        """Time without rows: heat continues, speed is what the drive has set."""
        self.speed = self.speed_ref if self.on else 0.0
        driving = self.on
        for _ in range(max(1, int(seconds / 120))):
            losses = self._motor(self.load_torque() if driving else 0.0, driving)[4]
            self._heat(min(120.0, seconds), losses)

    def _move(self, seconds: float) -> tuple[float, bool]:
        """Torque of the motor, and whether the drive or the line drives it."""
        machine, resisting = self.machine, self.load_torque()
        driving = self.on and not self.tripped
        self.run_s = self.run_s + seconds if driving else 0.0
        if not driving:
            drag = max(resisting if machine.application != "hoist" else 1.0, 0.03)
            self.speed = max(0.0, self.speed - seconds * min(drag, 3.0) / machine.inertia_s)
            return 0.0, False
        if not machine.fed:
            return self._line_start(seconds, resisting)
        target, before = self.speed_ref, self.speed
        step = max(-self.acceleration, min(self.acceleration, target - before)) * seconds
        torque = min(resisting, 3.0) + step / seconds * machine.inertia_s
        if torque > self.torque_limit:
            torque = self.torque_limit
            step = seconds * (torque - resisting) / machine.inertia_s
        torque = max(torque, -1.0)
        self.speed = max(0.0, min(before + step, max(target, before)))
        return torque, True

    def _line_start(self, seconds: float, resisting: float) -> tuple[float, bool]:
        if self.speed < 0.95 and not self.jam:
            self.speed = min(1.0, self.speed + seconds * max(0.2, 1.6 - resisting) / self.machine.inertia_s)
            return 1.6, True
        if self.jam:
            self.speed = max(0.0, self.speed - 0.4 * seconds)
            return 1.8, True
        self.speed = 1.0 + 0.02 * (1 - resisting)
        return resisting, True

    # electric

    def _motor(self, torque: float, driving: bool) -> tuple[float, float, float, float, float]:
        """Current, voltage, power into the motor, frequency, and losses as a share of those at rated load."""
        machine, n = self.machine, self.speed
        if not driving:
            return 0.0, self._emf_v(n), 0.0, 0.0, 0.0
        hot = 1 + 0.00393 * (self.ambient_felt + self.winding_k - 20)
        rated_hot = 1 + 0.00393 * (40 + machine.rise_k - 20)
        if machine.kind == "magnet":
            amps, volts, hz = self._magnet(torque, hot)
        else:
            amps, volts, hz = self._cage(torque, driving)
        copper_w = 3 * amps**2 * machine.r1_ohm * hot
        iron_w = 0.25 * (1 / machine.efficiency - 1) * 1000 * machine.kw * (0.3 * n + 0.7 * n * n)
        watts = torque * n * 1000 * machine.kw + copper_w + iron_w
        rated_w = (
            3 * machine.amps**2 * machine.r1_ohm * rated_hot + 0.25 * (1 / machine.efficiency - 1) * 1000 * machine.kw
        )
        return amps, volts, watts, hz, (copper_w + iron_w) / rated_w

    def _emf_v(self, n: float) -> float:
        machine = self.machine
        if machine.kind != "magnet":
            return 0.0
        magnets_degc = self.ambient_felt + self.magnet_k
        return machine.emf_v * n * self.flux * (1 - 0.0011 * (magnets_degc - 20))

    def _magnet(self, torque: float, hot: float) -> tuple[float, float, float]:
        machine, n = self.machine, self.speed
        speed_rad_s = machine.rpm * math.pi / 30
        volts_per_rad = self._emf_v(1.0) / math.sqrt(3) / speed_rad_s
        torque_nm = torque * 1000 * machine.kw / speed_rad_s
        iq = torque_nm / (3 * volts_per_rad) / math.cos(self.offset_rad) if volts_per_rad else 0.0
        i = complex(-abs(iq) * math.sin(self.offset_rad), iq * math.cos(self.offset_rad))
        hz = n * machine.hz
        x = machine.xq_ohm * n * (1 - machine.saturation * min(1.5, abs(i) / machine.amps))
        u = complex(0, self._emf_v(n) / math.sqrt(3)) + i * (machine.r1_ohm * hot + 1j * x)
        return abs(i), math.sqrt(3) * abs(u), hz

    def _cage(self, torque: float, driving: bool) -> tuple[float, float, float]:
        machine, n = self.machine, self.speed
        if not machine.fed and n < 0.95:
            return 6.0 * machine.amps * (1 - 0.3 * n), machine.volts, machine.supply_hz
        active = math.sqrt(1 - machine.magnetizing**2) * torque
        amps = machine.amps * math.hypot(machine.magnetizing, active)
        slip_hz = (1 - machine.rpm * machine.poles / 120 / machine.hz) * machine.hz * torque
        hz = n * machine.rpm * machine.poles / 120 + slip_hz
        return amps, machine.volts * min(1.0, max(0.03, hz / machine.hz)), hz

    def _supply_side(self, row: Row, motor_w: float, driving: bool, amps: float) -> None:
        machine = self.machine
        lines = [machine.volts * self.supply * factor for factor in self.line]
        row |= dict(zip(("u12_v", "u23_v", "u31_v"), lines, strict=True))
        if not machine.fed:
            currents, watts = self._line_currents(amps, lines), motor_w if driving else 0.0
            mean_v = sum(lines) / 3
            power_factor = watts / max(1.0, math.sqrt(3) * mean_v * sum(currents) / 3)
        else:
            idle_w = 15 + 3 * machine.kw
            watts = max(0.0, motor_w) * 1.025 + idle_w if driving else idle_w
            power_factor = 0.94 - 0.25 * math.exp(-6 * watts / (1000 * machine.kw))
            currents = self._bridge_currents(watts / power_factor, lines)
        row |= dict(zip(("i1_a", "i2_a", "i3_a"), currents, strict=True))
        row |= {"p_in_kw": watts / 1000, "pf": min(1.0, power_factor)}

    def _line_currents(self, amps: float, lines: list[float]) -> list[float]:
        """Negative sequence of the voltage over the impedance at standstill; a lost phase moves to the other two."""
        if self.lost is not None:
            return [0.0 if k == self.lost else 1.75 * amps for k in range(3)]
        sides = _triangle(lines)
        if sides is None:
            return [0.0, 0.0, 0.0]
        a = cmath.exp(2j * math.pi / 3)
        positive, negative = sides[0] + a * sides[1] + a * a * sides[2], sides[0] + a * a * sides[1] + a * sides[2]
        share = negative / positive * 6.0 * self.machine.amps / max(amps, 1e-6) if amps else 0.0
        currents = [amps * abs(1 + share * cmath.exp(-2j * math.pi * k / 3 * 2)) for k in range(3)]
        if self.contact is not None:
            phase, drop = self.contact
            currents = [amp * (1 - 2.2 * drop if k == phase else 1 + 1.1 * drop) for k, amp in enumerate(currents)]
        return currents

    def _bridge_currents(self, apparent_va: float, lines: list[float]) -> list[float]:
        """Pairs of phases conduct in proportion to what their voltage exceeds that of the link by."""
        machine = self.machine
        rated_a = 1000 * machine.kw / (math.sqrt(3) * machine.volts * 0.85)
        wanted_a = apparent_va / (math.sqrt(3) * max(1.0, sum(lines) / 3))
        load = min(1.6, wanted_a / rated_a)
        pairs = [volts / machine.volts for volts in lines]  # 12, 23, 31
        if self.contact is not None:
            phase, drop = self.contact
            pairs = [p - (drop * load if phase in ends else 0.0) for p, ends in zip(pairs, _ENDS, strict=True)]
        if self.lost is not None:
            pairs = [-1.0 if self.lost in ends else p for p, ends in zip(pairs, _ENDS, strict=True)]
        # the mean of the conducting pairs exceeds the link by this drop
        drop = 0.015 + machine.drop * load
        link = sum(sorted(pairs)[1:]) / 2 - drop if self.lost is None else max(pairs) - drop
        shares = [max(0.0, p - link) for p in pairs]
        total = math.sqrt(sum(share * share for share in shares)) or 1.0
        currents = [
            math.sqrt(sum(share * share for share, ends in zip(shares, _ENDS, strict=True) if k in ends)) / total
            for k in range(3)
        ]
        scale = wanted_a * (1.0 if self.lost is None else 1.7 / 1.0) / (sum(currents) / (3 if self.lost is None else 2))
        return [current * scale for current in currents]

    def _drive_side(
        self, row: Row, torque: float, amps: float, volts: float, watts: float, hz: float, driving: bool
    ) -> None:
        machine = self.machine
        turning = self.speed > 1e-4
        state = RUNS if driving else FAULT if self.tripped else TURNS if turning and self.reports_turning else READY
        link = 1.35 * machine.volts * self.supply * sum(self.line) / 3
        row |= {
            "drive_state": state, "f_out_hz": hz if driving else 0.0, "speed_rpm": self.speed * machine.rpm,
            "u_out_v": volts, "i_out_a": amps, "p_out_kw": watts / 1000, "torque_pct": 100 * torque if driving else 0.0,
            "u_dc_v": link * (1.04 - 0.04 * min(1.0, watts / 1000 / machine.kw)), "drive_degc": self.ambient_degc + 15,
        }  # fmt: skip

    # heat

    def _heat(self, seconds: float, losses: float) -> None:
        """Winding → frame → air; magnets between them; the bearing follows the frame and the speed."""
        machine = self.machine
        self.ambient_felt += (self.ambient_degc - self.ambient_felt) * (1 - math.exp(-seconds / 1500))
        air = self.cooling
        if machine.fan_on_shaft:
            air *= max(0.25, self.speed) ** 0.65 if self.speed < 1 else 1.0
        frame_target = 0.6 * machine.rise_k * losses / air
        self.frame_k += (frame_target - self.frame_k) * (1 - math.exp(-seconds * air / machine.frame_s))
        winding_target = self.frame_k + 0.4 * machine.rise_k * losses
        self.winding_k += (winding_target - self.winding_k) * (1 - math.exp(-seconds / machine.winding_s))
        magnet_target = 0.5 * (self.frame_k + self.winding_k)
        self.magnet_k += (magnet_target - self.magnet_k) * (1 - math.exp(-seconds / (0.7 * machine.frame_s)))
        bearing_target = machine.bearing_share * self.frame_k + machine.bearing_speed_k * self.speed + self.bearing_k
        self.bearing_rise_k += (bearing_target - self.bearing_rise_k) * (1 - math.exp(-seconds / 1200))


_ENDS = ((0, 1), (1, 2), (2, 0))


def _triangle(lines: list[float]) -> list[complex] | None:
    """Phasors of three line voltages that close, from their sizes."""
    a, b, c = lines
    if min(lines) <= 0 or 2 * max(lines) >= sum(lines):
        return None
    cosine = (a * a + b * b - c * c) / (2 * a * b)
    u12 = complex(a, 0)
    u23 = b * cmath.exp(-1j * (math.pi - math.acos(max(-1.0, min(1.0, cosine)))))
    return [u12, u23, -u12 - u23]
