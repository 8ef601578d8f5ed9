"""The table of faults: one row for each code that a detector may return, with its title and what to do.

The names are those of the contract of `magwatt replay --condition`; docs/reference/fault-table.md is generated from
this table. Title and advice of those that need an action are those of their alarm.
"""

from __future__ import annotations

from msgspec import Struct

from agent.config.alarm_table_motor import FAULT_ROWS
from agent.core.text import N_, _


class Fault(Struct, frozen=True):
    """One row.

    code: stable name in output, topics and alarms.
    title: what is wrong, as a heading.
    advice: what to do, in steps.
    unless: what a clear verdict does not exclude.
    """

    code: str
    title: str
    advice: tuple[str, ...] = ()
    unless: str = ""


# These need no action and are no alarms
_NOTES = (
    Fault("supply_interharmonic", N_("interharmonics in the supply voltage")),
    Fault("ambient_high", N_("the ambient temperature is high")),
    Fault("starting", N_("the motor starts")),
    Fault("holding", N_("the motor holds a load at standstill")),
)
_UNLESS = {"broken_rotor_bar": N_("except two bars half a pole pitch apart, whose effects cancel")}
FAULTS: dict[str, Fault] = {
    **{row.code: Fault(row.code, row.title, row.advice, _UNLESS.get(row.code, "")) for row in FAULT_ROWS},
    **{note.code: note for note in _NOTES},
}


def clear_title(code: str) -> str:
    """Title of a fault that is clear, with what that does not exclude, in the language of the process."""
    fault = FAULTS[code]
    return _("{fault} ({unless})", fault=_(fault.title), unless=_(fault.unless)) if fault.unless else _(fault.title)


# Codes without which a machine may not be called healthy
REQUIRED_CAGE = ("broken_rotor_bar", "phase_loss", "supply_unbalance")
REQUIRED_MAGNET = ("demagnetization", "phase_loss")
REQUIRED_RECTIFIER = ("diode_open", "phase_loss")
REQUIRED_ROWS = ("phase_loss", "stall", "over_temperature")
REQUIRED_ROWS_PUMP_FAN = (*REQUIRED_ROWS, "dry_run")


def required_for_rows(application: str | None) -> tuple[str, ...]:
    """The codes that rows must have been able to show."""
    return REQUIRED_ROWS_PUMP_FAN if application in ("pump", "fan") else REQUIRED_ROWS
