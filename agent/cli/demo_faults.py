"""The faults of `magwatt demo`: one for each way in which an alarm arrives."""

from __future__ import annotations

from typing import NamedTuple

from agent.core.text import N_, _

FAULT_S = 30.0  # after the start of the plant; the reference of the voltage has settled by then
LEARNED_S = 180.0  # the agent has learned the usual load: a minute of steady blocks, half a minute after the start


class DemoFault(NamedTuple):
    """A fault of the plant.

    title: what happens, as the beginning of a sentence.
    motor: empty: all motors.
    lasts_s: duration, seconds. None: the usual one of the fault, a moment.
    delay_s: after the start of the plant. None: FAULT_S.
    """

    title: str
    motor: str = ""
    lasts_s: float | None = 90.0
    delay_s: float | None = None

    @property
    def begins_s(self) -> float:
        return FAULT_S if self.delay_s is None else self.delay_s


DEMO_FAULTS = {
    "dip": DemoFault(N_("voltage dip"), lasts_s=None),
    "dry-run": DemoFault(N_("descaling pump 1 runs dry"), "descaling-1", delay_s=LEARNED_S),
    # descaling pump 1 has the waveform stream
    "phase-loss": DemoFault(N_("the drive of descaling pump 1 loses a phase of its supply"), "descaling-1"),
    "drive-silent": DemoFault(N_("the drive of the cooling tower fan does not respond"), "cooling-fan"),
}


def simulate_option(name: str) -> str:
    """The value of `--fault` of `magwatt simulate`."""
    fault = DEMO_FAULTS[name]
    until = "" if fault.lasts_s is None else f"-{fault.begins_s + fault.lasts_s:g}"
    return f"{name}@{fault.begins_s:g}{until}" + (f":{fault.motor}" if fault.motor else "")


def announcement(name: str) -> str:
    """One sentence: what happens and when."""
    fault = DEMO_FAULTS[name]
    if fault.lasts_s is None:
        return _(
            "{fault} {delay_s:.0f} s after the start; `--fault none` disables it",
            fault=_(fault.title),
            delay_s=fault.begins_s,
        )
    return _(
        "{fault} from {from_s:.0f} s to {to_s:.0f} s after the start; `--fault none` disables it",
        fault=_(fault.title),
        from_s=fault.begins_s,
        to_s=fault.begins_s + fault.lasts_s,
    )
