"""Rows of the alarm table: faults of motors and drives that detectors find (FAULT_ROWS), and those a device reports."""

from __future__ import annotations

from agent.config.alarm_definition import AlarmDefinition
from drivers.reasons import N_

_LOCK_OUT = N_(
    "Lock out, measure all three phases against each other and against earth, short-circuit and earth where the rules "
    "ask for it."
)
_LATER = N_("The fault grows; an unplanned stop and a more expensive repair follow.")
_LOSSES = N_("More losses and heat; the winding ages faster.")
_SEALS = N_("Seals and bearings of the pump fail within minutes.")
_PROCESS = N_("The process gets less than planned, and the cause grows.")
_HOUR_MIN, _DAY_MIN = 60.0, 1440.0

# Persistence of slow faults: findings of rows come within the hour, but weather, process and magnet temperature change
_SLOW_S, _SLOW_LOAD_S = 6 * 3600.0, 24 * 3600.0

# Consequences of a wrong or missing phase at the same motor
_ASYMMETRIES = frozenset((
    "supply_unbalance", "current_unbalance", "contact_resistance", "winding_asymmetry", "turn_fault", "overload",
))  # fmt: skip
_LOAD = frozenset(("dry_run", "underload", "low_flow", "cavitation", "belt_slip", "clogged_filter", "load_unsteady",
                   "load_oscillation"))  # fmt: skip
_SILENT = frozenset(("no_reply", "no_value", "polls_failing", "topics_silent", "sensor_fault", "contradiction"))

FAULT_ROWS = (
    AlarmDefinition(
        code="live_terminals", title=N_("terminals are live or may be live"), priority="safety", respond_min=0,
        consequence=N_("Electric shock when working at the terminals."),
        advice=(N_("A magnet motor that turns generates voltage at its terminals, also without a supply."), _LOCK_OUT),
        off_delay_s=5, latching=True, suppresses=frozenset(("no_reply", "no_value")),
    ),
    AlarmDefinition(
        code="phase_loss", title=N_("a phase is lost"), priority="high", respond_min=5,
        consequence=N_("The other two phases overheat the winding within minutes."),
        advice=(N_("Stop the motor, lock out, and check fuses, contactor and terminals."),),
        off_delay_s=5, latching=True, suppresses=_ASYMMETRIES | {"wiring", "contradiction", "drive_fault"},
    ),
    AlarmDefinition(
        code="stall", title=N_("the rotor is blocked"), priority="high", respond_min=1,
        consequence=N_("The winding overheats within a minute; the protection trips."),
        advice=(N_("Stop the drive, lock out, and free the machine."),),
        on_delay_s=2, off_delay_s=5, suppresses=frozenset(("overload", "loss_of_synchronism", *_LOAD)),
    ),
    AlarmDefinition(
        code="turn_fault", title=N_("short circuit between turns of the winding"), priority="high", respond_min=5,
        consequence=N_("A short circuit between turns destroys the winding within seconds to minutes."),
        advice=(
            N_("Do not restart repeatedly: a short circuit between turns destroys a winding within minutes."),
            N_("Compare the resistance of the phases when cold; surge test."),
        ),
        latching=True, suppresses=frozenset(("winding_asymmetry", "current_unbalance")),
    ),
    AlarmDefinition(
        code="over_temperature", title=N_("the winding is too hot"), priority="high", respond_min=20,
        consequence=N_("10 K above the limit of its class halve the life of the insulation; the protection trips."),
        advice=(N_("Reduce the load; check fan, filter and ambient temperature."),),
        on_delay_s=60, off_delay_s=60, unit="degC", deadband=3, latching=True,
        suppresses=frozenset(("cooling_reduced",)),
    ),
    AlarmDefinition(
        code="dry_run", title=N_("the pump runs dry"), priority="high", respond_min=3, consequence=_SEALS,
        advice=(N_("Stop the pump and check level, suction valve and strainer: seals fail within minutes."),),
        on_delay_s=2, off_delay_s=15, blocked_off=True, blocked_start_s=15,
        suppresses=frozenset(("underload", "low_flow", "cavitation")),
    ),
    AlarmDefinition(
        code="loss_of_synchronism",
        title=N_("more current than this torque needs: encoder offset or loss of synchronism"),
        priority="medium", priority_alarm="high", respond_min=30,
        consequence=N_("Current and heat rise; the drive trips or the magnets lose flux."),
        advice=(N_("Check encoder and coupling, and repeat the identification run of the drive."),),
        on_delay_s=5, off_delay_s=60, blocked_off=True,
    ),
    AlarmDefinition(
        code="overload", title=N_("thermal overload"), priority="medium", priority_alarm="high", respond_min=10,
        consequence=N_("The protection trips, and the process stops."),
        advice=(N_("Reduce the load or the number of starts before the protection trips."),),
        on_delay_s=15, off_delay_s=60,
    ),
    AlarmDefinition(
        code="demagnetization", title=N_("magnets have lost flux"), priority="low", priority_alarm="medium",
        respond_min=7 * _DAY_MIN,
        consequence=N_("More current for the same torque, more losses; the magnets get hotter and lose more flux."),
        advice=(
            N_("Compare the EMF while coasting with the value when new."),
            N_("Look for overcurrent, over-temperature or a wrong setting of the drive in the past."),
        ),
        on_delay_s=_SLOW_S, off_delay_s=_HOUR_MIN * 60,
    ),
    AlarmDefinition(
        code="rotor_asymmetry", title=N_("rotor asymmetry: a weak magnet, or eccentricity"), priority="low",
        priority_alarm="medium", respond_min=7 * _DAY_MIN, consequence=_LATER,
        advice=(N_("Measure the vibration at one and two times the speed; inspect the rotor at the next stop."),),
    ),
    AlarmDefinition(
        code="eccentricity", title=N_("eccentricity of the air gap"), priority="low", priority_alarm="medium",
        respond_min=7 * _DAY_MIN, consequence=N_("Bearings wear faster; in the end the rotor touches the stator."),
        advice=(N_("Check bearings, soft foot and coupling."),),
    ),
    AlarmDefinition(
        code="winding_asymmetry", title=N_("the phases of the winding differ"), priority="low", priority_alarm="medium",
        respond_min=_DAY_MIN, consequence=_LATER,
        advice=(N_("Compare the resistance of the phases when cold, and check the terminals."),),
        suppresses=frozenset(("current_unbalance",)),
    ),
    AlarmDefinition(
        code="contact_resistance", title=N_("contact resistance in one phase"), priority="low", priority_alarm="medium",
        respond_min=_DAY_MIN, consequence=N_("The contact overheats and burns; a phase is lost."),
        advice=(N_("Check terminals, contactor and cable of this phase for heat and tighten them when locked out."),),
        suppresses=frozenset(("current_unbalance",)),
    ),
    AlarmDefinition(
        code="broken_rotor_bar", title=N_("broken rotor bar"), priority="low", priority_alarm="medium",
        respond_min=7 * _DAY_MIN, consequence=N_("Neighbouring bars break next; parts can destroy the winding."),
        advice=(
            N_("Confirm at 60 % load or more."),
            N_("Avoid repeated starts, and plan an inspection of bars and end rings."),
        ),
        suppresses=frozenset(("rotor_or_load",)),
    ),
    AlarmDefinition(
        code="rotor_or_load", title=N_("broken rotor bar or oscillating load"), priority="low",
        respond_min=7 * _DAY_MIN, consequence=_LATER,
        advice=(N_("Repeat at another load: the frequency of a rotor fault changes with the slip."),),
    ),
    AlarmDefinition(
        code="once_per_turn", title=N_("a torque once per turn: imbalance, misalignment, coupling or eccentricity"),
        priority="low", respond_min=7 * _DAY_MIN, consequence=N_("Bearings and coupling wear faster."),
        advice=(N_("Measure the vibration at one and two times the speed; check balance, alignment and coupling."),),
        blocked_off=True,
    ),
    AlarmDefinition(
        code="load_oscillation", title=N_("the load oscillates"), priority="low", respond_min=_DAY_MIN,
        consequence=N_("Belt, gear and coupling wear faster."),
        advice=(N_("Look for belts, gears and reciprocating machines at this frequency."),), blocked_off=True,
    ),
    AlarmDefinition(
        code="load_unsteady", title=N_("the load is unsteady"), priority="low", respond_min=_DAY_MIN,
        consequence=_PROCESS, advice=(N_("Check suction side and process."),), on_delay_s=15, off_delay_s=60,
        blocked_off=True, blocked_start_s=60,
    ),
    AlarmDefinition(
        code="current_unbalance", title=N_("the currents are unbalanced at a balanced voltage"), priority="low",
        priority_alarm="medium", respond_min=_HOUR_MIN, consequence=_LOSSES,
        advice=(N_("Check terminals, fuses and contactor of the phase with the smallest current."),),
        on_delay_s=30, off_delay_s=60, blocked_off=True,
    ),
    AlarmDefinition(
        code="diode_open", title=N_("a diode of the rectifier is open"), priority="medium", respond_min=_DAY_MIN,
        consequence=N_("The capacitors are overloaded; the drive fails."),
        advice=(N_("Have the input bridge and its fuses checked; the capacitors are loaded more until then."),),
        on_delay_s=2, off_delay_s=60, suppresses=frozenset(("current_unbalance", "dc_link_capacitor")),
    ),
    AlarmDefinition(
        code="dc_link_capacitor", title=N_("the DC link capacitors have aged"), priority="low", priority_alarm="medium",
        respond_min=30 * _DAY_MIN, consequence=N_("The drive trips at dips of the supply, and fails in the end."),
        advice=(N_("Plan their replacement; read the hours of operation of the drive."),),
    ),
    AlarmDefinition(
        code="underload", title=N_("less load than learned"), priority="low", respond_min=_HOUR_MIN,
        consequence=_PROCESS, advice=(N_("Check coupling, belt and process."),), on_delay_s=15, off_delay_s=15,
        blocked_off=True, blocked_start_s=15, suppresses=frozenset(("belt_slip", "low_flow")),
    ),
    AlarmDefinition(
        code="low_flow", title=N_("low flow, or a closed valve"), priority="low", respond_min=_HOUR_MIN,
        consequence=N_("The pump heats its medium; seals and bearings wear."),
        advice=(N_("Check the valves on the discharge side."),), on_delay_s=15, off_delay_s=15, blocked_off=True,
        blocked_start_s=15,
    ),
    AlarmDefinition(
        code="cavitation", title=N_("cavitation is possible"), priority="low", respond_min=_HOUR_MIN,
        consequence=N_("The impeller erodes."),
        advice=(N_("Check suction pressure, strainer and level; listen at the pump."),), on_delay_s=15, off_delay_s=60,
        blocked_off=True, blocked_start_s=60,
    ),
    AlarmDefinition(
        code="belt_slip", title=N_("belt slip is possible"), priority="low", respond_min=_DAY_MIN,
        consequence=N_("The belt wears and breaks."), advice=(N_("Check the tension of the belt when locked out."),),
        on_delay_s=15, off_delay_s=60, blocked_off=True, blocked_start_s=60,
    ),
    AlarmDefinition(
        code="clogged_filter", title=N_("the load falls at equal speed: a clogged filter or duct"), priority="low",
        respond_min=7 * _DAY_MIN, consequence=_PROCESS, advice=(N_("Check filter, damper and impeller."),),
        on_delay_s=_SLOW_LOAD_S, off_delay_s=_HOUR_MIN * 60,  # a fan that is off does not restart the delay
    ),
    AlarmDefinition(
        code="cooling_reduced", title=N_("the cooling is reduced: hotter than losses and ambient temperature explain"),
        priority="medium", respond_min=_HOUR_MIN, consequence=N_("The winding becomes too hot at full load."),
        advice=(N_("Check fan, fan cover, filter and coolant."),), on_delay_s=60, off_delay_s=300,
    ),
    AlarmDefinition(
        code="bearing", title=N_("a bearing may be damaged"), priority="low", priority_alarm="medium",
        respond_min=7 * _DAY_MIN, consequence=N_("The bearing seizes, and the rotor may touch the stator."),
        advice=(N_("Measure the vibration envelope; check grease and shaft currents."),),
    ),
    AlarmDefinition(
        code="bearing_temperature", title=N_("a bearing is hotter than explained"), priority="medium",
        priority_alarm="high", respond_min=_HOUR_MIN,
        consequence=N_("The grease fails, and the bearing seizes."),
        advice=(N_("Check grease and vibration; new grease raises the temperature for some hours."),),
        on_delay_s=60, off_delay_s=300,
    ),
    AlarmDefinition(
        code="sensor_fault", title=N_("a sensor returns impossible values"), priority="low", respond_min=_DAY_MIN,
        consequence=N_("What this sensor measures is not supervised."), advice=(N_("Check the sensor and its cable."),),
        on_delay_s=60, off_delay_s=60,
    ),
    AlarmDefinition(
        code="supply_dip", title=N_("dip of the supply voltage"), priority="medium", respond_min=10, scope="plant",
        note_counts=True, off_delay_s=5,
        consequence=N_("Motors that have stopped or run slower stay so; the process is disturbed."),
        advice=(N_("Check that all motors run again, and restart those that do not when it is permitted."),),
        suppresses=frozenset((
            *_ASYMMETRIES, *_LOAD, *_SILENT, "phase_loss", "stall", "loss_of_synchronism", "live_terminals",
            "diode_open", "drive_fault", "bus_failure",
        )),
    ),
    AlarmDefinition(
        code="supply_unbalance", title=N_("the supply voltage is unbalanced"), priority="medium",
        respond_min=_HOUR_MIN, scope="plant", consequence=_LOSSES, unit="%",
        advice=(N_("Check the distribution of single-phase loads and the transformer's fuses."),),
        on_delay_s=60, off_delay_s=60, deadband=0.2, suppresses=frozenset(("current_unbalance",)),
    ),
)  # fmt: skip
MOTOR_ROWS = (
    *FAULT_ROWS,
    AlarmDefinition(
        code="drive_fault", title=N_("the drive has tripped"), priority="high", respond_min=5,
        consequence=N_("The motor is stopped, and the process with it."),
        advice=(
            N_("Read the fault at the drive, and remove its cause before a restart."),
            N_("Terminals of a magnet motor that turns stay live."),
        ),
        on_delay_s=2, off_delay_s=5, suppresses=frozenset(("stall", *_LOAD)),
    ),
)  # fmt: skip
