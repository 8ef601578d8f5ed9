"""The table of faults: one row for each code that a detector may answer, with its title and what to do.

The names are those of the contract of `magwatt replay --condition`; docs/condition.md is generated from this table.
"""

from __future__ import annotations

from msgspec import Struct

from drivers.reasons import N_


class Fault(Struct, frozen=True):
    """One row.

    code: stable name in output, topics and alarms.
    title: what is wrong, as a heading.
    advice: what to do, in steps.
    """

    code: str
    title: str
    advice: tuple[str, ...] = ()


_LOCK_OUT = N_(
    "Lock out, measure all three phases against each other and against earth, short-circuit and earth where the rules "
    "ask for it."
)
FAULTS: dict[str, Fault] = {
    fault.code: fault
    for fault in (
        Fault(
            "live_terminals",
            N_("terminals are live or may be live"),
            (N_("A magnet motor that turns generates voltage at its terminals, also without a supply."), _LOCK_OUT),
        ),
        Fault(
            "demagnetization",
            N_("magnets have lost flux"),
            (
                N_("Compare the EMF while coasting with the value when new."),
                N_("Look for overcurrent, over-temperature or a wrong setting of the drive in the past."),
            ),
        ),
        Fault(
            "rotor_asymmetry",
            N_("rotor asymmetry: a weak magnet, or eccentricity"),
            (N_("Measure the vibration at once and twice the speed; inspect the rotor at the next stop."),),
        ),
        Fault("eccentricity", N_("eccentricity of the air gap"), (N_("Check bearings, soft foot and coupling."),)),
        Fault(
            "turn_fault",
            N_("short circuit between turns of the winding"),
            (
                N_("Do not restart repeatedly: a short circuit between turns destroys a winding within minutes."),
                N_("Compare the resistance of the phases when cold; surge test."),
            ),
        ),
        Fault(
            "winding_asymmetry",
            N_("the phases of the winding differ"),
            (N_("Compare the resistance of the phases when cold, and check the terminals."),),
        ),
        Fault(
            "contact_resistance",
            N_("contact resistance in one phase"),
            (N_("Check terminals, contactor and cable of this phase for heat and tighten them when locked out."),),
        ),
        Fault(
            "loss_of_synchronism",
            N_("more current than this torque needs: encoder offset or loss of synchronism"),
            (N_("Check encoder and coupling, and repeat the identification run of the drive."),),
        ),
        Fault(
            "broken_rotor_bar",
            N_("broken rotor bar"),
            (
                N_("Confirm at 60 % load or more."),
                N_("Avoid repeated starts, and plan an inspection of bars and end rings."),
            ),
        ),
        Fault(
            "rotor_or_load",
            N_("broken rotor bar or oscillating load"),
            (N_("Repeat at another load: the frequency of a rotor fault changes with the slip."),),
        ),
        Fault(
            "load_oscillation",
            N_("the load oscillates"),
            (N_("Look for belts, gears and reciprocating machines at this frequency."),),
        ),
        Fault("load_unsteady", N_("the load is unsteady"), (N_("Check suction side and process."),)),
        Fault(
            "once_per_turn",
            N_("a torque once per turn: imbalance, misalignment, coupling or eccentricity"),
            (N_("Measure the vibration at once and twice the speed; check balance, alignment and coupling."),),
        ),
        Fault(
            "phase_loss",
            N_("a phase is lost"),
            (N_("Stop the motor, lock out, and check fuses, contactor and terminals."),),
        ),
        Fault(
            "supply_unbalance",
            N_("the supply voltage is unbalanced"),
            (N_("Check the distribution of single-phase loads and the transformer's fuses."),),
        ),
        Fault(
            "current_unbalance",
            N_("the currents are unbalanced at a balanced voltage"),
            (N_("Check terminals, fuses and contactor of the phase with the smallest current."),),
        ),
        Fault("supply_dip", N_("dip of the supply voltage")),
        Fault("supply_interharmonic", N_("interharmonics in the supply voltage")),
        Fault(
            "diode_open",
            N_("a diode of the rectifier is open"),
            (N_("Have the input bridge and its fuses checked; the capacitors are loaded more until then."),),
        ),
        Fault(
            "dc_link_capacitor",
            N_("the DC link capacitors have aged"),
            (N_("Plan their replacement; read the hours of operation of the drive."),),
        ),
        Fault(
            "dry_run",
            N_("the pump runs dry"),
            (N_("Stop the pump and check level, suction valve and strainer: seals fail within minutes."),),
        ),
        Fault("underload", N_("less load than learned"), (N_("Check coupling, belt and process."),)),
        Fault("low_flow", N_("low flow, or a closed valve"), (N_("Check the valves on the discharge side."),)),
        Fault(
            "cavitation",
            N_("cavitation is possible"),
            (N_("Check suction pressure, strainer and level; listen at the pump."),),
        ),
        Fault("belt_slip", N_("belt slip is possible"), (N_("Check the tension of the belt when locked out."),)),
        Fault(
            "clogged_filter",
            N_("the load falls at equal speed: a clogged filter or duct"),
            (N_("Check filter, damper and impeller."),),
        ),
        Fault("stall", N_("the rotor is blocked"), (N_("Stop the drive, lock out, and free the machine."),)),
        Fault(
            "overload",
            N_("thermal overload"),
            (N_("Reduce the load or the number of starts before the protection trips."),),
        ),
        Fault(
            "over_temperature",
            N_("the winding is too hot"),
            (N_("Reduce the load; check fan, filter and ambient temperature."),),
        ),
        Fault(
            "cooling_reduced",
            N_("the cooling is reduced: hotter than losses and ambient temperature explain"),
            (N_("Check fan, fan cover, filter and coolant."),),
        ),
        Fault("ambient_high", N_("the ambient temperature is high")),
        Fault(
            "bearing",
            N_("a bearing may be damaged"),
            (N_("Measure the vibration envelope; check grease and shaft currents."),),
        ),
        Fault(
            "bearing_temperature",
            N_("a bearing is hotter than explained"),
            (N_("Check grease and vibration; new grease raises the temperature for some hours."),),
        ),
        Fault("sensor_fault", N_("a sensor returns impossible values"), (N_("Check the sensor and its cable."),)),
        Fault("starting", N_("the motor starts")),
        Fault("holding", N_("the motor holds a load at standstill")),
    )
}

# Codes without which a machine may not be called healthy
REQUIRED_CAGE = ("broken_rotor_bar", "phase_loss", "supply_unbalance")
REQUIRED_MAGNET = ("demagnetization", "phase_loss")
REQUIRED_RECTIFIER = ("diode_open", "phase_loss")
REQUIRED_ROWS = ("phase_loss", "stall", "over_temperature")
REQUIRED_ROWS_PUMP_FAN = (*REQUIRED_ROWS, "dry_run")


def required_for_rows(application: str | None) -> tuple[str, ...]:
    """The codes that rows must have been able to show."""
    return REQUIRED_ROWS_PUMP_FAN if application in ("pump", "fan") else REQUIRED_ROWS
