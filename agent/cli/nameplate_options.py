"""Options of `simulate --device` that describe the motor of the virtual devices and the transformers of a meter."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from agent.cli.options import POSITIVE, check_usage
from agent.core.text import N_, _

if TYPE_CHECKING:
    from simulators.scenarios.bench_motor import BenchMotor

_NUMBERS = {
    "kw": ("KW", N_("With --device: rated power of the motor; the device and the configuration fit it.")),
    "rpm": ("RPM", N_("With --kw: rated speed. [default: from --kind and --pole-pairs]")),
    "volts": ("V", N_("With --kw: rated voltage. [default: 400]")),
    "amps": ("A", N_("With --kw: rated current. [default: from a usual efficiency and power factor]")),
    "cos_phi": ("COS", N_("With --kw: rated power factor. [default: a usual one]")),
    "hz": ("HZ", N_("With --kw: rated frequency. [default: from speed and pole pairs]")),
}
_NAMES = (*_NUMBERS, "pole_pairs", "kind", "ct", "vt", "ratio_applied_by")


def nameplate_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options; the command receives their values as the dictionary `plate`, None for those not given."""

    @functools.wraps(command)
    def collected(*arguments: Any, **values: Any) -> Any:
        plate = {name: values.pop(name) for name in _NAMES}
        return command(*arguments, plate=plate, **values)

    options = [
        click.option(f"--{name.replace('_', '-')}", name, type=POSITIVE, metavar=metavar, help=text)
        for name, (metavar, text) in _NUMBERS.items()
    ]
    options += [
        click.option("--pole-pairs", type=click.IntRange(1, 60), metavar="N",
                     help=N_("With --kw: number of pole pairs. [default: from speed and frequency]")),
        click.option("--kind", type=click.Choice(["induction", "pm"]),
                     help=N_("With --kw: kind of motor. [default: induction if the speed has a usual slip]")),
        click.option("--ct", metavar="200/5",
                     help=N_("With --kw: current transformers of a meter. [default: those that fit the current]")),
        click.option("--vt", metavar="10000/100", help=N_("With --kw: voltage transformers of a meter.")),
        click.option("--ratio-applied-by", type=click.Choice(["meter", "agent"]),
                     help=N_("With --kw: whether the meter displays primary values. [default: meter]")),
    ]  # fmt: skip
    for option in reversed(options):
        collected = option(collected)
    return collected


def bench_motor_of(plate: dict[str, Any]) -> BenchMotor | None:
    """The motor of the options; None without --kw. Exits if other options are given without it.

    Raises InvalidValue if the values contradict each other.
    """
    stated = {name for name, value in plate.items() if value is not None}
    names = ", ".join(f"--{name.replace('_', '-')}" for name in _NAMES if name in stated)
    check_usage((bool(stated) and plate["kw"] is None, _("--kw: missing; {options} describe a motor", options=names)))
    if not stated:
        return None
    from simulators.devices.nameplate import Nameplate, machine_of
    from simulators.devices.ratios import Ratios, parse_ratio, usual_ct
    from simulators.scenarios.bench_motor import BenchMotor

    values = {name: plate[name] for name in (*_NUMBERS, "pole_pairs", "kind")}
    machine = machine_of(Nameplate(**values))
    ct = parse_ratio(plate["ct"]) if plate["ct"] else usual_ct(machine.amps)
    vt = parse_ratio(plate["vt"]) if plate["vt"] else None
    return BenchMotor(machine, Ratios(ct, vt, plate["ratio_applied_by"] != "agent"))
