"""The two motor trains of the station, each solved at one instant. Pure functions of their arguments."""

from __future__ import annotations

import math
from typing import NamedTuple

from simulators.plant import drive, induction, magnet, pump
from simulators.plant.grid import GridSupply
from simulators.plant.params import DriveParameters, InductionMotor, MagnetMotor, Pump
from simulators.plant.phasors import PhasorComponent, Phasors, phasors

_RPM = 30 / math.pi


class TrainLosses(NamedTuple):
    """Losses of the motor, W."""

    copper_w: float
    core_w: float
    mechanical_w: float
    additional_w: float


class Output(NamedTuple):
    """Motor side of the drive.

    frequency_hz: output frequency.
    volts_v: output line voltage, V.
    current_a: output current, rms, A.
    torque_pct: torque in percent of the motor's rated torque.
    dc_bus_v: DC bus voltage, V.
    """

    frequency_hz: float
    volts_v: float
    current_a: float
    torque_pct: float
    dc_bus_v: float


class Train(NamedTuple):
    """A pump with its motor and feeder at one instant.

    u_v, i_a: phasors at the meter, positive into the train.
    frequency_hz: frequency of the supply.
    input_w: active power at the meter, W.
    motor_input_w: active power at the motor, W.
    motor_losses: losses of the motor.
    drive_losses_w: losses of the drive, W; 0 without a drive.
    shaft_w: shaft power, W.
    speed_rad_s: speed of the shaft.
    flow_m3_s: flow, m³/s.
    head_m: head, m.
    winding_degc: winding temperature, °C. None: not modelled.
    output: motor side of the drive. None: no drive.
    feeder_w: power of cable and auxiliaries between the meter and the train, W.
    """

    u_v: Phasors
    i_a: Phasors
    frequency_hz: float
    input_w: float
    motor_input_w: float
    motor_losses: TrainLosses
    drive_losses_w: float
    shaft_w: float
    speed_rad_s: float
    flow_m3_s: float
    head_m: float
    winding_degc: float | None = None
    output: Output | None = None
    feeder_w: float = 0.0

    @property
    def speed_rpm(self) -> float:
        return self.speed_rad_s * _RPM


def direct_on_line(motor: InductionMotor, load: Pump, supply: GridSupply, flow_m3_s: float) -> Train:
    """Solve an induction motor at the busbar: a valve sets the flow, the load sets the speed."""
    u = [PhasorComponent(*item) for item in supply.components()]
    state = induction.solve(
        motor, u, supply.frequency_hz, lambda speed: pump.power_w(load, flow_m3_s, speed * _RPM / load.speed_rpm)
    )
    losses = TrainLosses(state.copper_w, state.core_w, state.mechanical_w, state.additional_w)
    return Train(
        u_v=phasors(u),
        i_a=phasors(state.currents),
        frequency_hz=supply.frequency_hz,
        input_w=state.input_w,
        motor_input_w=state.input_w,
        motor_losses=losses,
        drive_losses_w=0.0,
        shaft_w=state.shaft_w,
        speed_rad_s=state.speed_rad_s,
        flow_m3_s=flow_m3_s,
        head_m=pump.head_m(load, flow_m3_s, state.speed_rad_s * _RPM / load.speed_rpm),
    )


def on_drive(
    motor: MagnetMotor,
    converter: DriveParameters,
    load: Pump,
    supply: GridSupply,
    flow_m3_s: float,
    winding_degc: float,
) -> Train:
    """Solve a magnet motor on a drive at the speed that delivers the flow through the open pipe."""
    relative = pump.speed_for_flow(load, flow_m3_s)
    speed = relative * load.speed_rpm / _RPM
    shaft_w = pump.power_w(load, flow_m3_s, relative)
    state = magnet.solve(motor, speed, shaft_w, winding_degc, winding_degc - 15)
    taken = drive.solve(converter, supply, state)
    losses = TrainLosses(state.copper_w, state.core_w, state.mechanical_w, state.additional_w)
    torque_pct = 100 * state.shaft_w / speed / motor.torque_rated_nm
    return Train(
        u_v=phasors(taken.bus),
        i_a=phasors(taken.currents),
        frequency_hz=supply.frequency_hz,
        input_w=taken.input_w,
        motor_input_w=state.input_w,
        motor_losses=losses,
        drive_losses_w=taken.losses_w,
        shaft_w=state.shaft_w,
        speed_rad_s=speed,
        flow_m3_s=flow_m3_s,
        head_m=pump.head_m(load, flow_m3_s, relative),
        winding_degc=winding_degc,
        output=Output(state.frequency_hz, state.volts_v, state.current_a, torque_pct, taken.dc_bus_v),
    )
