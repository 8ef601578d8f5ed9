"""The two motor trains of the station, each solved at one instant. Pure functions of their arguments."""

from __future__ import annotations

import math
from typing import NamedTuple

from simulators.plant import drive, induction, magnet, pump
from simulators.plant.grid import Supply
from simulators.plant.params import Drive, InductionMotor, MagnetMotor, Pump
from simulators.plant.phasors import Component, Phasors, phasors

_RPM = 30 / math.pi


class Losses(NamedTuple):
    """Of the motor, W."""

    copper_w: float
    core_w: float
    mechanical_w: float
    additional_w: float


class Output(NamedTuple):
    """The drive's motor side. Zero torque reference is the motor's rated torque."""

    frequency_hz: float
    volts_v: float  # line to line
    current_a: float
    torque_pct: float
    dc_bus_v: float


class Train(NamedTuple):
    """One pump with all that feeds it. u_v, i_a: phasors where the meter sits, positive into the train."""

    u_v: Phasors
    i_a: Phasors
    frequency_hz: float
    input_w: float  # at the meter
    motor_input_w: float
    motor_losses: Losses
    drive_losses_w: float
    shaft_w: float
    speed_rad_s: float
    flow_m3_s: float
    head_m: float
    winding_degc: float | None = None
    output: Output | None = None
    feeder_w: float = 0.0  # what cable and auxiliaries take between the meter and the rest

    @property
    def speed_rpm(self) -> float:
        return self.speed_rad_s * _RPM


def direct_on_line(motor: InductionMotor, load: Pump, supply: Supply, flow_m3_s: float) -> Train:
    """Induction motor at the busbar; a valve sets the flow, the motor finds its speed."""
    u = [Component(*item) for item in supply.components()]
    state = induction.solve(
        motor, u, supply.frequency_hz, lambda speed: pump.power_w(load, flow_m3_s, speed * _RPM / load.speed_rpm)
    )
    losses = Losses(state.copper_w, state.core_w, state.mechanical_w, state.additional_w)
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
    motor: MagnetMotor, converter: Drive, load: Pump, supply: Supply, flow_m3_s: float, winding_degc: float
) -> Train:
    """Magnet motor on a drive that turns the pump just fast enough for the flow through the open pipe."""
    relative = pump.speed_for_flow(load, flow_m3_s)
    speed = relative * load.speed_rpm / _RPM
    shaft_w = pump.power_w(load, flow_m3_s, relative)
    state = magnet.solve(motor, speed, shaft_w, winding_degc, winding_degc - 15)
    taken = drive.solve(converter, supply, state)
    losses = Losses(state.copper_w, state.core_w, state.mechanical_w, state.additional_w)
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
