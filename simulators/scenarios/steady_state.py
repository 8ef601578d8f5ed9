"""One instant of a scenario's train: direct on line, on its own drive, or on a DC bus with others.

Four quadrants: the magnet motor is solved for its torque, so speed and torque may have any sign.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from simulators.plant import drive, induction, line_start, magnet, single_phase_motor, two_phase_bridge
from simulators.plant.feeder import Auxiliary, Cable, sending_end
from simulators.plant.grid import GridSupply
from simulators.plant.induction import InductionState
from simulators.plant.line_start import LineStartState
from simulators.plant.magnet import MagnetState
from simulators.plant.params import DriveParameters, InductionMotor, LineStartMotor, MagnetMotor
from simulators.plant.phasors import (
    ORDERS,
    PhasorComponent,
    Phasors,
    Vectors,
    active_w,
    natural_sequence,
    phasors,
)
from simulators.plant.train import Output, Train, TrainLosses
from simulators.scenarios.load_profiles import LoadDemand

_NOTHING: Phasors = np.zeros((3, ORDERS), complex)
# harmonic currents of an active front end relative to its rated current: an assumption
_FRONT_END = {5: 0.012, 7: 0.008}


def direct(motor: InductionMotor, supply: GridSupply, load_w: Callable[[float], float]) -> Train:
    u = supply.components()
    return _on_line(supply, u, induction.solve(motor, u, supply.frequency_hz, load_w))


def single_phasing(motor: InductionMotor, supply: GridSupply, load_w: Callable[[float], float]) -> Train | None:
    """Solve a motor on the line whose L1 is open downstream of the meter. None: it cannot turn its load."""
    u = supply.components()
    state = single_phase_motor.solve(motor, u, supply.frequency_hz, load_w)
    return None if state is None else _on_line(supply, u, state)


def standing(motor: InductionMotor, supply: GridSupply, lost_phase: bool = False) -> Train:
    """Solve a motor on the line whose shaft does not turn."""
    u, hz = supply.components(), supply.frequency_hz
    at_slip = single_phase_motor.open_at_slip if lost_phase else induction.at_slip
    return _on_line(supply, u, at_slip(motor, u, hz, 1.0))


def switched_off(supply: GridSupply) -> Train:
    """Return the train of a motor on the line after its relay has tripped."""
    none = TrainLosses(0.0, 0.0, 0.0, 0.0)
    return Train(phasors(supply.components()), _NOTHING, supply.frequency_hz, 0.0, 0.0, none, 0.0, 0.0, 0.0)


def with_contact(train: Train, ohm: float) -> Train:
    """Return a train as measured upstream of a contact resistance in L2.

    The voltages of the train have no zero sequence, so the drop is free of it, too.
    """
    drop_v = ohm * train.i_a[1]
    u = train.u_v - drop_v / 3
    u[1] += drop_v
    input_w = float(active_w(u, train.i_a).sum())
    return train._replace(u_v=u, input_w=input_w, feeder_w=train.feeder_w + input_w - train.input_w)


def line_started(
    motor: LineStartMotor, supply: GridSupply, load_w: Callable[[float], float], winding_degc: float, magnet_degc: float
) -> Train:
    """Solve a line-start motor; it is synchronous, so faster than the induction motor that it replaces."""
    u, hz = supply.components(), supply.frequency_hz
    shaft_w = load_w(2 * math.pi * hz / motor.machine.pole_pairs)
    return _on_line(supply, u, line_start.solve(motor, u, hz, shaft_w, winding_degc, magnet_degc), winding_degc)


def _on_line(
    supply: GridSupply, u: Sequence[PhasorComponent], state: InductionState | LineStartState,
    winding_degc: float | None = None,
) -> Train:  # fmt: skip
    return Train(
        phasors(u), phasors(state.currents), supply.frequency_hz, state.input_w, state.input_w,
        state.losses, 0.0, state.shaft_w, state.speed_rad_s, winding_degc,
    )  # fmt: skip


def fed(train: Train, cable: Cable | None, auxiliaries: Iterable[Auxiliary], runs: bool) -> Train:
    """Return the train as measured upstream of cable and auxiliaries.

    The auxiliaries are at the train's end of the cable.
    """
    u, i = train.u_v, train.i_a + phasors(item.current(complex(train.u_v[0, 1]), runs) for item in auxiliaries)
    if cable is not None:
        u = sending_end(cable, u, i, train.frequency_hz)
    input_w = float(active_w(u, i).sum())
    return train._replace(u_v=u, i_a=i, input_w=input_w, feeder_w=input_w - train.input_w)


def driven(
    motor: MagnetMotor,
    converter: DriveParameters,
    supply: GridSupply,
    demand: LoadDemand,
    winding_degc: float,
    active_front: bool,
    magnet_degc: float | None = None,
    *,
    offset_rad: float = 0.0,
    lost_phase: bool = False,
) -> Train:
    """Solve a motor on its own drive, with a diode bridge and braking resistor or with an active front end.

    magnet_degc: temperature of the magnets, °C. None: 15 K below the winding.
    offset_rad: error of the rotor position in the drive.
    lost_phase: True: the bridge has lost L1 downstream of the meter.
    """
    magnet_degc = winding_degc - 15 if magnet_degc is None else magnet_degc
    state = magnet.solve(motor, demand.speed_rad_s, demand.torque_nm, winding_degc, magnet_degc, offset_rad)
    if active_front:
        dc_v = 650.0
        loss_w = drive.losses_w(converter, state.current_a, state.input_w, dc_v)
        input_w = state.input_w + loss_w
        u, i = _sine(supply, input_w, converter.current_a)
    elif lost_phase:
        output_w = max(state.input_w, 0.0)
        bus_v = math.sqrt(6) * supply.volts_v
        loss_w = drive.losses_w(converter, state.current_a, output_w, bus_v)
        bridge = two_phase_bridge.solve(
            converter, phasors(supply.components()), _impedances(supply), supply.frequency_hz, output_w, loss_w
        )
        u, i, dc_v = bridge.u_v, bridge.i_a, bridge.dc_bus_v
        input_w = output_w + loss_w
        loss_w = input_w - state.input_w
    else:
        input_side = drive.solve(converter, supply, state._replace(input_w=max(state.input_w, 0.0)))
        input_w, dc_v = input_side.input_w, input_side.dc_bus_v
        loss_w = input_w - state.input_w  # including the heat of the braking resistor
        u, i = phasors(input_side.bus), phasors(input_side.currents)
    return _train(motor, state, demand, supply, winding_degc, (u, i, input_w, loss_w, dc_v))


def coasting(
    motor: MagnetMotor, converter: DriveParameters, supply: GridSupply, speed_rad_s: float, winding_degc: float
) -> Train:  # fmt: skip
    """Return a train whose drive has tripped or not started: the rectifier takes the standby power, a turning shaft
    coasts.

    The inertia supplies the friction loss, so the motor takes no power.
    """
    u, i, input_w, dc_v = rectifier(converter, supply, 0.0)
    ratio = speed_rad_s * motor.pole_pairs / motor.omega_rated
    losses = TrainLosses(0.0, 0.0, motor.friction_w * ratio**2, 0.0)
    standstill = Output(0.0, 0.0, 0.0, 0.0, dc_v)
    return Train(
        u, i, supply.frequency_hz, input_w, 0.0, losses, input_w, 0.0, speed_rad_s, winding_degc, standstill
    )  # fmt: skip


def on_dc_bus(
    motor: MagnetMotor,
    converter: DriveParameters,
    supply: GridSupply,
    demand: LoadDemand,
    winding_degc: float,
    magnet_degc: float,
    dc_v: float,
    offset_rad: float = 0.0,
) -> Train:
    """Solve an inverter on a shared DC bus; input_w is the power from the bus, negative when it feeds back."""
    state = magnet.solve(motor, demand.speed_rad_s, demand.torque_nm, winding_degc, magnet_degc, offset_rad)
    loss_w = drive.loss_terms(converter).inverter_w(state.current_a, state.input_w, dc_v)
    loss_w += drive.electronics_w(converter)
    return _train(
        motor, state, demand, supply, winding_degc, (_NOTHING, _NOTHING, state.input_w + loss_w, loss_w, dc_v)
    )


def rectifier(converter: DriveParameters, supply: GridSupply, dc_w: float) -> tuple[Phasors, Phasors, float, float]:
    """Return voltages, currents, input power (W) and DC bus voltage (V) of a rectifier. It cannot feed back."""
    input_side = drive.rectify(converter, supply, dc_w)
    return phasors(input_side.bus), phasors(input_side.currents), input_side.input_w, input_side.dc_bus_v


def together(parts: Iterable[tuple[Phasors, Phasors]]) -> tuple[Phasors, Phasors]:
    """Return the values of a meter of several feeders: the sum of the currents, and the voltages of the first.

    Without cables the voltages of the feeders differ only by the distortion that each feeder causes.
    """
    voltages, currents = zip(*parts, strict=True)
    return voltages[0], sum(currents[1:], currents[0])


def _train(
    motor: MagnetMotor, state: MagnetState, demand: LoadDemand, supply: GridSupply, winding_degc: float,
    input_side: tuple[Phasors, Phasors, float, float, float],
) -> Train:  # fmt: skip
    u, i, input_w, loss_w, dc_v = input_side
    sign = math.copysign(1.0, demand.speed_rad_s)
    torque_pct = 100 * demand.torque_nm / motor.torque_rated_nm
    return Train(
        u, i, supply.frequency_hz, input_w, state.input_w, state.losses, loss_w, state.shaft_w, demand.speed_rad_s,
        winding_degc, Output(sign * state.frequency_hz, state.volts_v, state.current_a, torque_pct, dc_v),
    )  # fmt: skip


def _impedances(supply: GridSupply) -> Vectors:
    return np.array([supply.impedance_ohm(order) for order in range(ORDERS)])


def _sine(supply: GridSupply, input_w: float, rated_a: float) -> tuple[Phasors, Phasors]:
    """Return voltages and currents of an active front end at unity power factor that takes input_w, harmonics
    included.
    """
    u = supply.components()
    upper = [
        PhasorComponent(order, natural_sequence(order), complex(0.0, share * rated_a))
        for order, share in _FRONT_END.items()
    ]
    by_order = {item.order: item.value for item in u if item.order > 1}
    harmonic_w = sum(3 * (by_order.get(item.order, 0j) * item.value.conjugate()).real for item in upper)
    fundamental = PhasorComponent(1, 1, complex((input_w - harmonic_w) / 3 / supply.volts_v))
    return phasors(u), phasors([fundamental, *upper])
