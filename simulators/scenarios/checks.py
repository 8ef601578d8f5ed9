"""Consistency checks of a scenario's records."""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Iterable

from drivers.file_reasons import KEY_MISSING
from drivers.profiles import load_profile
from simulators import reasons as codes
from simulators.devices.device_faults import DeviceFault
from simulators.meters.wiring import wiring_of
from simulators.plant.faults import DIP_KINDS
from simulators.reasons import errors_within, require, wrong
from simulators.scenarios.fault_targets import UNBALANCE, fault_targets
from simulators.scenarios.machines import LINE_START, library, line_motors
from simulators.scenarios.motor_faults import MotorFault
from simulators.scenarios.records import (
    DeviceRecord,
    DipRecord,
    LineRecord,
    MotorFaultRecord,
    ScenarioRecord,
    SignalRecord,
    TrainRecord,
)
from simulators.scenarios.retrofit_timeline import times_of

_NAME = re.compile(r"[a-z0-9][a-z0-9-]*")
ACCURACY_PCT_MIN, ACCURACY_PCT_MAX = 0.05, 5.0
KINDS = ("direct", "driven", "dc-bus")
PROFILED = ("flow", "conveyor")
SHOWN = ("flow", "winding-temperature", "bearing-temperature", "ambient-temperature")  # by a transmitter
APPLICATIONS = ("pump", "fan", "hoist", "conveyor", "mixer", "centrifuge", "compressor", "other")
UNBALANCE_MAX = 0.1
DEFECTS = {  # by kind of train
    "demagnetising": ("driven", "dc-bus"), "broken-bar": ("direct",), "bearing": ("direct",),
    "eccentricity": ("direct",),
}  # fmt: skip
# below the second value a motor direct on line may stall, which the steady-state model cannot solve
DIP_LEAST, DIP_LEAST_DIRECT = 0.05, 0.75


def check(found: ScenarioRecord) -> None:
    """Raise InvalidValue at the first inconsistency."""
    for name, value in (("step_s", found.step_s), ("every_s", found.every_s), ("hours", found.hours)):
        require(0 < value < 1e5, name, codes.VALUE_NOT_POSITIVE, value=value)
    require(_NAME.fullmatch(found.name), "name", codes.NAME_CHARACTERS, value=found.name)
    for what, items in (("line", found.line), ("train", found.train), ("meter", found.meter)):
        _once(what, [item.name for item in items])
    for line in found.line:
        _line(line)
    lines = {item.name for item in found.line}
    for train in found.train:
        _train(train, lines, found.rectifier_kw)
    for meter in found.meter:
        _shared(meter, found, lines)
    for number, fault in enumerate(found.trouble):
        with errors_within(f"trouble.{number}"):
            DeviceFault(fault.kind, 3600 * fault.from_h, 3600 * fault.to_h, fault.code)
    require(sum(train.waveform for train in found.train) <= 1, "train", codes.ONE_WAVEFORM)
    for number, wrong_now in enumerate(found.fault):
        _fault(wrong_now, f"fault.{number}", found)
    for number, dip in enumerate(found.dip):
        _dip(dip, f"dip.{number}", found)
    require(
        found.site.timezone in zoneinfo.available_timezones(),
        "site.timezone",
        codes.SITE_TIME_ZONE,
        value=found.site.timezone,
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
        require(name in trains, f"{where}.of", codes.TRAIN_UNKNOWN, train=name)
    require(meter.of, f"{where}.of", codes.TRAINS_MISSING)
    measured = [trains[name] for name in meter.of]
    cabled = next((train.name for train in measured if train.cable), "")
    alone = sum(train.count for train in measured) == 1
    require(alone or not cabled, f"{where}.of", codes.TRAIN_WITH_CABLE, train=cabled)


def _signal(signal: SignalRecord, found: ScenarioRecord, lines: set[str]) -> None:
    where = f"signal.{signal.name}"
    _choice(signal.shows, SHOWN, f"{where}.shows")
    flow = signal.shows == "flow"
    if flow:
        flows = [train.name for train in found.train if train.load.kind in PROFILED and train.count == 1]
        require(flows, f"{where}.of", codes.FLOW_TRAIN_MISSING)
        require(signal.of in flows, f"{where}.of", codes.FLOW_TRAIN_EXPECTED, trains=tuple(flows))
    else:
        warm = [train.name for train in found.train if train.kind != "direct" and train.count == 1]
        require(signal.of in warm, f"{where}.of", codes.TRANSMITTER_OF_TEMPERATURE, trains=tuple(warm))
    require(signal.line in lines, f"{where}.line", codes.LINE_UNKNOWN, line=signal.line, known=tuple(sorted(lines)))
    require(1 <= signal.unit <= 247, f"{where}.unit", codes.VALUE_OUT_OF_RANGE, low=1, high=247, value=signal.unit)
    require((signal.full > 0) == flow and 0 <= signal.accuracy <= 5, where, codes.TRANSMITTER_VALUES)


def _life(found: ScenarioRecord) -> None:
    """Check the further requirements of a retrofit."""
    assert found.life is not None
    train = found.train[0] if len(found.train) == 1 else None
    if train is None or train.kind != "driven" or train.count != 1:
        raise wrong("life", codes.LIFE_TRAIN)
    require(train.load.kind in PROFILED, f"train.{train.name}.load.kind", codes.LIFE_LOAD, value=train.load.kind)
    require(train.replaces, f"train.{train.name}.replaces", codes.LIFE_REPLACED_MOTOR)
    metered = train.meter is not None and not train.waveform and not found.dip
    require(metered, f"train.{train.name}", codes.LIFE_METER)
    times_of(found.life, found.site.timezone)


def _once(what: str, names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        require(name not in seen, f"{what}.{name}", codes.NAME_TWICE)
        require(_NAME.fullmatch(name), f"{what}.name", codes.NAME_CHARACTERS, value=name)
        seen.add(name)


def _line(line: LineRecord) -> None:
    known = not line.serial or re.fullmatch(r"(9600|19200|38400|57600|115200) 8(N1|E1|O1|N2)", line.serial)
    require(known, f"line.{line.name}.serial", codes.SERIAL_SETTING, value=line.serial)
    require(not (line.serial and line.s7), f"line.{line.name}.s7", codes.PLC_ALONE)
    require(
        0 <= line.port <= 65535, f"line.{line.name}.port", codes.VALUE_OUT_OF_RANGE, low=0, high=65535, value=line.port
    )


def _train(train: TrainRecord, lines: set[str], rectifier_kw: float) -> None:
    where = f"train.{train.name}"
    _choice(train.kind, KINDS, f"{where}.kind")
    require(train.count >= 1, f"{where}.count", codes.VALUE_BELOW_MINIMUM, low=1, value=train.count)
    require(
        0 <= train.load.wander < 1 and train.load.wander_s > 0 and 0 <= train.load.hidden < 0.2,
        f"{where}.load",
        codes.LOAD_VARIATION,
    )
    if train.load.kind in PROFILED:
        _profile(train.load.profile, f"{where}.load.profile")
    if train.kind == "direct":
        require(train.load.kind in PROFILED, f"{where}.load.kind", codes.LOAD_OF_DIRECT_MOTOR, value=train.load.kind)
        require(train.meter is not None, f"{where}.meter", KEY_MISSING)
        require(train.drive is None, f"{where}.drive", codes.DRIVE_OF_DIRECT_MOTOR)
        _choice(train.motor.library, line_motors(), f"{where}.motor.library")
    else:
        require(train.drive is not None, f"{where}.drive", KEY_MISSING)
    if train.kind == "dc-bus":
        require(rectifier_kw > 0, "rectifier_kw", codes.RECTIFIER_MISSING)
        require(train.meter is None and not train.waveform, where, codes.TRAIN_ON_DC_BUS)
    if train.application:
        _choice(train.application, APPLICATIONS, f"{where}.application")
    if train.replaces:
        _choice(train.replaces, library(), f"{where}.replaces")
    if (defect := train.defect) is not None:
        place = f"{where}.defect"
        _choice(defect.kind, DEFECTS, f"{place}.kind")
        possible = train.kind in DEFECTS[defect.kind]
        require(possible, f"{place}.kind", codes.DEFECT_IMPOSSIBLE, defect=defect.kind, kind=train.kind)
        require(train.motor.library not in LINE_START, place, codes.DEFECT_OF_LINE_START)
        require(0 <= defect.from_h < defect.to_h and 0 <= defect.to < 1, place, codes.DEFECT_VALUES)
    with errors_within(where):
        fed = train.cable or train.auxiliary
        require(not fed or not (train.kind == "dc-bus" or train.waveform), "cable", codes.TRAIN_WITHOUT_FEEDER)
        train.feeder()
    for what, device in (("meter", train.meter), ("drive", train.drive)):
        if device is not None:
            _device(device, f"{where}.{what}", lines)


def _choice(value: str, allowed: Iterable[str], place: str) -> None:
    require(value in allowed, place, codes.SCENARIO_CHOICE, allowed=tuple(allowed), value=value)


def _profile(profile: list[list[float]], where: str) -> None:
    def fits(step: object) -> bool:
        numbers = isinstance(step, list) and len(step) == 2 and all(isinstance(x, int | float) for x in step)
        return numbers and step[0] > 0 and 0 <= step[1] <= 1.15  # type: ignore[index]

    require(profile and all(map(fits, profile)), where, codes.FLOW_PROFILE)


def _device(device: DeviceRecord, where: str, lines: set[str]) -> None:
    for line in [device.line] if isinstance(device.line, str) else device.line:
        require(line in lines, f"{where}.line", codes.LINE_UNKNOWN, line=str(line), known=tuple(sorted(lines)))
    require(1 <= device.unit <= 247, f"{where}.unit", codes.VALUE_OUT_OF_RANGE, low=1, high=247, value=device.unit)
    require(
        device.refresh_s > 0 and device.restart_s > 0 and device.kw >= 0 and device.ct >= 0, where, codes.DEVICE_VALUES
    )
    require(
        ACCURACY_PCT_MIN <= device.accuracy <= ACCURACY_PCT_MAX,
        f"{where}.accuracy",
        codes.ACCURACY_CLASS,
        low=ACCURACY_PCT_MIN,
        high=ACCURACY_PCT_MAX,
        value=device.accuracy,
    )
    with errors_within(f"{where}.profile"):
        load_profile(device.profile)
    with errors_within(f"{where}.wiring_fault"):
        wiring_of(device.wiring_fault)


def _fault(fault: MotorFaultRecord, where: str, found: ScenarioRecord) -> None:
    targets = fault_targets(found)
    if fault.kind == UNBALANCE:
        require(not fault.motor, f"{where}.motor", codes.FAULT_OF_SUPPLY, fault=fault.kind)
        require(0 <= fault.from_h < fault.to_h, f"{where}.to_h", codes.FAULT_TIMES, from_s=3600 * fault.from_h,
                to_s=3600 * fault.to_h)  # fmt: skip
        require(0 <= fault.size <= UNBALANCE_MAX, f"{where}.size", codes.FAULT_SIZE, fault=fault.kind,
                high=UNBALANCE_MAX)  # fmt: skip
        return
    with errors_within(where):
        MotorFault(fault.kind, 3600 * fault.from_h, 3600 * fault.to_h, fault.size or None)
    motors = targets.get(fault.kind, ())
    require(motors, f"{where}.kind", codes.FAULT_IMPOSSIBLE, fault=fault.kind)
    require(fault.motor in motors, f"{where}.motor", codes.FAULT_MOTOR, fault=fault.kind, motors=motors,
            value=fault.motor)  # fmt: skip


def _dip(dip: DipRecord, where: str, found: ScenarioRecord) -> None:
    least = DIP_LEAST_DIRECT if any(train.kind == "direct" for train in found.train) else DIP_LEAST
    require(least <= dip.residual < 1, f"{where}.residual", codes.DIP_RESIDUAL, low=least, value=dip.residual)
    _choice(dip.kind, DIP_KINDS, f"{where}.kind")
    require(dip.at_h >= 0 and dip.duration_s >= found.step_s, where, codes.DIP_TIMES, step_s=found.step_s)
