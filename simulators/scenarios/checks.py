"""Consistency checks of a scenario's records. Each error is one line: key, problem, correction."""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Iterable

from drivers.errors import ProfileError
from drivers.profiles import load_profile
from simulators.devices.troubles import Trouble
from simulators.meters.wiring import wiring_of
from simulators.plant.faults import DIP_KINDS
from simulators.scenarios.feeders import feeder_of
from simulators.scenarios.life import turns_of
from simulators.scenarios.machines import LINE_START, library, line_motors
from simulators.scenarios.records import DeviceRecord, DipRecord, LineRecord, ScenarioRecord, SignalRecord, TrainRecord

KINDS = ("direct", "driven", "dc-bus")
PROFILED = ("flow", "conveyor")
DEFECTS = {  # by kind of train
    "demagnetising": ("driven", "dc-bus"), "broken-bar": ("direct",), "bearing": ("direct",),
    "eccentricity": ("direct",),
}  # fmt: skip
# below the second value a motor direct on line may stall, which the steady tier cannot solve
DIP_LEAST, DIP_LEAST_DIRECT = 0.05, 0.75


def check(found: ScenarioRecord) -> None:
    """Raise ValueError at the first inconsistency."""
    for name, value in (("step_s", found.step_s), ("every_s", found.every_s), ("hours", found.hours)):
        if not 0 < value < 1e5:
            raise ValueError(f"{name}: must be positive, got {value:g}")
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]*", found.name):
        raise ValueError(f"name: only lower-case letters, digits and hyphens are allowed, got {found.name!r}")
    for what, items in (("line", found.line), ("train", found.train), ("meter", found.meter)):
        _once(what, [item.name for item in items])
    for line in found.line:
        _line(line)
    lines = {item.name for item in found.line}
    for train in found.train:
        _train(train, lines, found.rectifier_kw)
    for meter in found.meter:
        _shared(meter, found, lines)
    for number, trouble in enumerate(found.trouble):
        try:
            Trouble(trouble.kind, 3600 * trouble.from_h, 3600 * trouble.to_h, trouble.code)
        except ValueError as error:
            raise ValueError(f"trouble.{number}: {error}") from None
    if sum(train.waveform for train in found.train) > 1:
        raise ValueError("train: only one train can have waveform = true")
    for number, dip in enumerate(found.dip):
        _dip(dip, f"dip.{number}", found)
    if found.site.timezone not in zoneinfo.available_timezones():
        raise ValueError(
            f'site.timezone: unknown time zone {found.site.timezone!r}; expected for example "Asia/Shanghai"'
        )
    if found.life is not None:
        _life(found)
    _once("signal", [item.name for item in found.signal])
    for signal in found.signal:
        _signal(signal, found, lines)


def _shared(meter: DeviceRecord, found: ScenarioRecord, lines: set[str]) -> None:
    """Check a meter of several trains.

    It measures the voltages of one place, so the trains must not have different cables.
    """
    where = f"meter.{meter.name}"
    _device(meter, where, lines)
    trains = {train.name: train for train in found.train}
    for name in meter.of:
        if name not in trains:
            raise ValueError(f"{where}.of: there is no train {name!r}")
    if not meter.of:
        raise ValueError(f"{where}.of: is missing; list the trains that the meter measures")
    behind = [trains[name] for name in meter.of]
    cabled = next((train.name for train in behind if train.cable), None)
    if cabled and sum(train.count for train in behind) > 1:
        raise ValueError(f"{where}.of: {cabled} has a cable; give it a separate meter")


def _signal(signal: SignalRecord, found: ScenarioRecord, lines: set[str]) -> None:
    where = f"signal.{signal.name}"
    flows = [train.name for train in found.train if train.load.kind in PROFILED and train.count == 1]
    if signal.of not in flows:
        raise ValueError(f"{where}.of: must be one train with a flow: {', '.join(flows) or 'there is none'}")
    if signal.line not in lines:
        raise ValueError(f"{where}.line: there is no line {signal.line!r}; known: {', '.join(sorted(lines))}")
    if not 1 <= signal.unit <= 247:
        raise ValueError(f"{where}.unit: must be a number from 1 to 247, got {signal.unit}")
    if not (signal.full > 0 and 0 <= signal.accuracy <= 5):
        raise ValueError(f"{where}: full must be positive, accuracy 0 to 5 percent")


def _life(found: ScenarioRecord) -> None:
    """Check the further requirements of a retrofit."""
    assert found.life is not None
    train = found.train[0] if len(found.train) == 1 else None
    if train is None or train.kind != "driven" or train.count != 1:
        raise ValueError("life: requires exactly one train, of kind 'driven'")
    if train.load.kind not in PROFILED:
        raise ValueError(f"train.{train.name}.load.kind: a life requires a flow or a conveyor, got {train.load.kind!r}")
    if not train.replaces:
        raise ValueError(f"train.{train.name}.replaces: is missing; a life begins with the replaced motor")
    if train.meter is None or train.waveform or found.dip:
        raise ValueError(f"train.{train.name}: a life requires a meter there and allows no waveform and no dip")
    turns_of(found.life, found.site.timezone)


def _once(what: str, names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise ValueError(f"{what}.{name}: the name is used twice")
        if not re.fullmatch(r"[a-z0-9][a-z0-9-]*", name):
            raise ValueError(f"{what}.{name}: only lower-case letters, digits and hyphens are allowed in a name")
        seen.add(name)


def _line(line: LineRecord) -> None:
    if line.serial and not re.fullmatch(r"(9600|19200|38400|57600|115200) 8(N1|E1|O1|N2)", line.serial):
        raise ValueError(f'line.{line.name}.serial: unknown setting {line.serial!r}; expected for example "19200 8N1"')
    if not 0 <= line.port <= 65535:
        raise ValueError(f"line.{line.name}.port: must be a number from 0 to 65535, got {line.port}")


def _train(train: TrainRecord, lines: set[str], rectifier_kw: float) -> None:
    where = f"train.{train.name}"
    if train.kind not in KINDS:
        raise ValueError(f"{where}.kind: must be one of {', '.join(KINDS)}, got {train.kind!r}")
    if train.count < 1:
        raise ValueError(f"{where}.count: must be at least 1, got {train.count}")
    if not (0 <= train.load.wander < 1 and train.load.wander_s > 0 and 0 <= train.load.hidden < 0.2):
        raise ValueError(
            f"{where}.load: wander must be from 0 to below 1, wander_s positive, hidden from 0 to below 0.2"
        )
    if train.load.kind in PROFILED:
        _profile(train.load.profile, f"{where}.load.profile")
    if train.kind == "direct":
        if train.load.kind not in PROFILED:
            raise ValueError(
                f"{where}.load.kind: a motor direct on line must drive a flow or a conveyor, got {train.load.kind!r}"
            )
        if train.meter is None:
            raise ValueError(f"{where}.meter: is missing")
        if train.drive is not None:
            raise ValueError(f"{where}.drive: a motor direct on line must have none")
        if train.motor.library not in line_motors():
            raise ValueError(f"{where}.motor.library: must be one of {', '.join(line_motors())}")
    elif train.drive is None:
        raise ValueError(f"{where}.drive: is missing")
    if train.kind == "dc-bus":
        if not rectifier_kw > 0:
            raise ValueError("rectifier_kw: is missing; trains on a DC bus require a rectifier")
        if train.meter is not None or train.waveform:
            raise ValueError(
                f"{where}: a train on a DC bus cannot have its own meter or waveform; measure the rectifier"
            )
    if train.replaces and train.replaces not in library():
        raise ValueError(f"{where}.replaces: must be one of {', '.join(library())}")
    if train.defect is not None:
        if train.defect.kind not in DEFECTS:
            raise ValueError(f"{where}.defect.kind: must be one of {', '.join(DEFECTS)}, got {train.defect.kind!r}")
        if train.kind not in DEFECTS[train.defect.kind]:
            raise ValueError(
                f"{where}.defect.kind: {train.defect.kind} is not possible on a train of kind {train.kind}"
            )
        if train.motor.library in LINE_START:
            raise ValueError(f"{where}.defect: not supported for a line-start motor")
        if not (0 <= train.defect.from_h < train.defect.to_h and 0 <= train.defect.to < 1):
            raise ValueError(f"{where}.defect: from_h must be before to_h, and `to` from 0 to below 1")
    try:
        _feeder(train)
    except ValueError as error:
        raise ValueError(f"{where}.{error}") from None
    for what, device in (("meter", train.meter), ("drive", train.drive)):
        if device is not None:
            _device(device, f"{where}.{what}", lines)


def _feeder(train: TrainRecord) -> None:
    if (train.cable or train.auxiliary) and (train.kind == "dc-bus" or train.waveform):
        raise ValueError("cable: a train on a DC bus, or one with a waveform, cannot have a cable or auxiliaries")
    feeder_of(train)


def _profile(profile: list[list[float]], where: str) -> None:
    def fits(step: object) -> bool:
        numbers = isinstance(step, list) and len(step) == 2 and all(isinstance(x, int | float) for x in step)
        return numbers and step[0] > 0 and 0 <= step[1] <= 1.15  # type: ignore[index]

    if not profile or not all(map(fits, profile)):
        raise ValueError(
            f"{where}: must be pairs of hours and share of the full flow, for example [[6, 0.95], [18, 0.7]]"
        )


def _device(device: DeviceRecord, where: str, lines: set[str]) -> None:
    for line in [device.line] if isinstance(device.line, str) else device.line:
        if line not in lines:
            raise ValueError(f"{where}.line: there is no line {line!r}; known: {', '.join(sorted(lines))}")
    if not 1 <= device.unit <= 247:
        raise ValueError(f"{where}.unit: must be a number from 1 to 247, got {device.unit}")
    if not (device.refresh_s > 0 and device.restart_s > 0 and device.kw >= 0 and device.ct >= 0):
        raise ValueError(f"{where}: refresh_s and restart_s must be positive, kw and ct not negative")
    if not 0.05 <= device.accuracy <= 5:
        raise ValueError(f"{where}.accuracy: must be a class in percent from 0.05 to 5, got {device.accuracy:g}")
    try:
        load_profile(device.profile)
    except ProfileError as error:
        raise ValueError(f"{where}.profile: {error}") from None
    try:
        wiring_of(device.wiring_fault)
    except ValueError as error:
        raise ValueError(f"{where}.wiring_fault: {error}") from None


def _dip(dip: DipRecord, where: str, found: ScenarioRecord) -> None:
    least = DIP_LEAST_DIRECT if any(train.kind == "direct" for train in found.train) else DIP_LEAST
    if not least <= dip.residual < 1:
        raise ValueError(f"{where}.residual: must be from {least:g} to below 1 here, got {dip.residual:g}")
    if dip.kind not in DIP_KINDS:
        raise ValueError(f"{where}.kind: must be one of {', '.join(DIP_KINDS)}, got {dip.kind!r}")
    if dip.at_h < 0 or dip.duration_s < found.step_s:
        raise ValueError(f"{where}: at_h must not be negative, and duration_s at least step_s ({found.step_s:g} s)")
