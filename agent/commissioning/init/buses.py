"""Questions on the buses, and the devices on each: found by a scan, or entered by hand."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from msgspec import Struct

from agent.commissioning.discovery.scan_result import ScanResult, parse_expected
from agent.commissioning.init import reasons as codes
from agent.commissioning.init.answers import Answers, Key, value_of, with_value
from agent.commissioning.init.question import UNSET, YES_NO, Choice, OpenQuestion, ScanStep, checked
from agent.config import keys
from agent.config import reasons as config_codes
from agent.config.meter_line_check import WIRINGS
from drivers.dlt645_frames import ADDRESS_DIGITS, address_text
from drivers.profiles import load_profile
from drivers.reasons import InvalidValue, Reason
from drivers.serial_sniffer import SerialSetting

UNUSED, OTHER = "unused", "other"
RTU_DATA_BITS = 8
_PROFILE = keys.METER["profile"].convert
_PORT_NAME = re.compile(r"(tty[A-Z]+|COM)\d+")  # as people say it, without /dev/; no name of a host


class SerialPort(Struct, frozen=True):
    """name: stable name. device: its device file. description: of the adapter."""

    name: str
    device: str
    description: str = ""


def bus_steps(
    answers: Answers, ports: Sequence[SerialPort], has_port: Callable[[str], bool]
) -> Iterator[OpenQuestion | ScanStep]:
    """The open steps of all buses. has_port: whether this computer has a serial port of this name."""
    listed = [codes.PORT(n=n, name=port.name, description=port.description) for n, port in enumerate(ports, 1)]
    notes = (codes.PORTS_FOUND(), *listed) if listed else (codes.PORTS_NOT_FOUND(),)

    def convert(typed: str) -> tuple[str, str]:
        return _port(typed, ports, has_port)

    for bus, table in answers.get("bus", {}).items():
        if _state(answers, bus, "unreachable"):
            yield _other_port(bus, table, convert, notes)
            continue
        yield from _port_steps(answers, bus, table)
        yield from _device_steps(answers, bus)
    if not value_of(answers, ("init", "complete")):
        first = not answers.get("bus")
        yield OpenQuestion(
            ("bus",), codes.ASK_PORT() if first else codes.ASK_NEXT_PORT(), convert,
            default=UNSET if first else "", assumed=UNSET if first else "", notes=notes if first else (),
            effect=_with_bus, missing=config_codes.BUS_MISSING(), empty=None if first else codes.NO_OTHER_BUS(),
        )  # fmt: skip


def with_scan(answers: Answers, bus: str, result: ScanResult) -> Answers:
    """The answers with the result of a scan. A device that reports a model of the library needs no question."""
    state: Key = ("init", "bus", bus)
    if result.setting is not None:
        answers = with_value(answers, ("bus", bus, "line"), str(result.setting))
    if result.target.dlt645:
        answers = with_value(answers, ("bus", bus, "framing"), "dlt645")
    if result.target.listens:
        answers = with_value(answers, ("bus", bus, "mode"), "listen")
        answers = with_value(answers, ("bus", bus, "poll_interval"), f"{result.target.period_s:g}s")
    answers = with_value(answers, (*state, "interrupted"), None)
    answers = with_value(answers, (*state, "found"), [found.unit for found in result.found])
    for found in result.found:
        known = found.identified
        if known and known.power_w is not None:
            answers = with_value(answers, (*state, "power_w", str(found.unit)), round(known.power_w))
        models = [match.profile.id for match in known.matches] if known else []
        if known and known.conclusive and known.matches[0].named:
            answers = _with_device(answers, bus, found.unit, models[0])
        else:
            answers = with_value(answers, (*state, "models", str(found.unit)), models)
    return answers


def with_scan_due(answers: Answers, bus: str, why: str = "") -> Answers:
    """The answers without a scan of this bus, which is offered again. why: interrupted, unreachable, or empty."""
    state: Key = ("init", "bus", bus)
    for key in ("scan", "interrupted"):
        answers = with_value(answers, (*state, key), None)
    return with_value(answers, (*state, why), True) if why else answers


def units_on(answers: Answers, bus: str) -> dict[int, str]:
    """Unit identifier → name of the meter or drive that is configured on a bus."""
    return {
        int(table.get("unit_id", 0)): name
        for kind in ("meter", "drive")
        for name, table in answers.get(kind, {}).items()
        if table.get("bus") == bus
    }


def _other_port(
    bus: str, table: dict[str, Any], convert: Callable[[str], tuple[str, str]], notes: tuple[Reason, ...]
) -> OpenQuestion:
    """The question after a scan that could not open the port or connection; Enter tries the same again."""
    old = "serial" if "serial" in table else "tcp"

    def effect(answers: Answers, value: Any) -> Answers:
        key, where = value if isinstance(value, tuple) else (old, value)
        answers = with_value(with_value(answers, ("bus", bus, old), None), ("bus", bus, key), where)
        return with_value(answers, ("init", "bus", bus, "unreachable"), None)

    default = table.get(old, UNSET)
    return OpenQuestion(("bus", bus, old), codes.ASK_PORT(), convert, default=default, notes=notes, effect=effect)


def _port(typed: str, ports: Sequence[SerialPort], has_port: Callable[[str], bool]) -> tuple[str, str]:
    """The key and value of a bus: serial or tcp."""
    if typed.isdecimal():
        if not 0 < int(typed) <= len(ports):
            raise InvalidValue(codes.CHOICE_EXPECTED, last=len(ports))
        return "serial", ports[int(typed) - 1].name
    if _PORT_NAME.fullmatch(typed):
        typed = f"/dev/{typed}"
    for port in ports:
        if typed in (port.name, port.device):
            return "serial", port.name
    if typed.startswith(("/", ".")):
        if not has_port(typed):
            raise InvalidValue(codes.PORT_UNKNOWN)
        return "serial", typed
    keys.BUS["tcp"].convert(typed)
    return "tcp", typed


def _with_bus(answers: Answers, port: Any) -> Answers:
    if not port:
        return with_value(answers, ("init", "complete"), True)
    key, where = port
    base = "line" if key == "serial" else "gateway"
    taken = answers.get("bus", {})
    name = next(name for n in range(1, len(taken) + 2) if (name := base if n == 1 else f"{base}-{n}") not in taken)
    return with_value(answers, ("bus", name, key), where)


def _port_steps(answers: Answers, bus: str, table: dict[str, Any]) -> Iterator[OpenQuestion]:
    if "tcp" in table and "framing" not in table:
        yield OpenQuestion(
            ("bus", bus, "framing"), codes.ASK_FRAMING(target=str(table["tcp"])),
            choices=(Choice("tcp", codes.FRAMING_TCP()), Choice("rtu", codes.FRAMING_RTU())),
            default="tcp", assumed="tcp",
        )  # fmt: skip
    if "line" not in table and "serial" in table:
        yield OpenQuestion(
            ("bus", bus, "line"), codes.ASK_LINE(bus=bus), checked(_line), default="", empty=codes.LINE_UNKNOWN()
        )
    elif not table.get("line") and not _is_found_by_scan(answers, bus, table):
        yield OpenQuestion(("bus", bus, "line"), codes.ASK_LINE(bus=bus), checked(_line))


def _is_found_by_scan(answers: Answers, bus: str, table: dict[str, Any]) -> bool:
    """Whether there are no line settings, or the scan finds them."""
    if "serial" not in table:
        return table.get("framing") != "rtu"
    scan = _state(answers, bus, "scan")
    return scan is True or (scan is None and not units_on(answers, bus))


def _line(typed: str) -> None:
    if keys.BUS["line"].convert(typed)[1] != RTU_DATA_BITS:
        raise InvalidValue(config_codes.LINE_SETTINGS_EXPECTED)


def setting_of(answers: Answers, bus: str) -> SerialSetting | None:
    """The line settings of a bus; None: not known, or none."""
    line = value_of(answers, ("bus", bus, "line"))
    return SerialSetting(*keys.BUS["line"].convert(line)) if line else None


def _state(answers: Answers, bus: str, key: str) -> Any:
    return value_of(answers, ("init", "bus", bus, key))


def _device_steps(answers: Answers, bus: str) -> Iterator[OpenQuestion | ScanStep]:
    state: Key = ("init", "bus", bus)
    found, units = _state(answers, bus, "found"), units_on(answers, bus)
    if _state(answers, bus, "complete") or (units and value_of(answers, state) is None):
        yield from _model_steps(answers, bus, found or [], units)
        return
    scan = _state(answers, bus, "scan")
    if scan is None:
        notes = (codes.SCAN_INTERRUPTED(bus=bus),) if _state(answers, bus, "interrupted") else ()
        yield OpenQuestion(
            (*state, "scan"), codes.ASK_SCAN(bus=bus), choices=YES_NO, notes=(*notes, codes.WATCHDOG_WARNING()),
            missing=codes.DEVICES_MISSING(bus=bus),
        )  # fmt: skip
    elif not scan:
        yield OpenQuestion(
            (*state, "device"), codes.ASK_DEVICE(bus=bus), lambda typed: _device(typed, bus, units),
            default=None if units else UNSET, effect=lambda before, value: _with_typed_device(before, bus, value),
            empty=codes.NO_OTHER_DEVICE(),
        )  # fmt: skip
    elif _state(answers, bus, "fc03") is None:
        yield OpenQuestion((*state, "fc03"), codes.ASK_FC03(), choices=YES_NO, notes=(codes.FC03_WARNING(),))
    elif _state(answers, bus, "expect") is None:
        yield OpenQuestion(
            (*state, "expect"), codes.ASK_EXPECT(bus=bus), checked(parse_expected), default="", empty=codes.NOT_KNOWN()
        )
    elif found is None:
        yield ScanStep((*state, "found"), bus)
    else:
        expect = _state(answers, bus, "expect")
        silent = parse_expected(str(expect)).missing(set(found)) if expect else None
        yield OpenQuestion(
            (*state, "complete"), codes.ASK_DEVICES_COMPLETE(n=len(found), bus=bus), choices=YES_NO,
            notes=(silent,) if silent else (), effect=lambda before, value: _with_complete(before, bus, value),
        )  # fmt: skip


def _model_steps(answers: Answers, bus: str, found: Sequence[int], units: dict[int, str]) -> Iterator[OpenQuestion]:
    unused = _state(answers, bus, "unused") or []
    for unit in found:
        if unit in units or unit in unused:
            continue
        models = value_of(answers, ("init", "bus", bus, "models", str(unit))) or []
        key: Key = ("init", "bus", bus, "models", str(unit))

        def effect(before: Answers, value: str, unit: int = unit) -> Answers:
            return _with_model(before, bus, unit, value)

        if models:
            choices = (*map(Choice, models), Choice(OTHER, codes.MODEL_OTHER()), Choice(UNUSED, codes.UNUSED()))
            yield OpenQuestion((*key, "choice"), codes.ASK_MODEL(unit_id=unit, bus=bus), choices=choices, effect=effect)
        else:
            yield OpenQuestion((*key, "choice"), codes.ASK_UNKNOWN_MODEL(unit_id=unit, bus=bus), _model, effect=effect)


def _model(typed: str) -> str:
    return UNUSED if typed.casefold() == UNUSED else str(_PROFILE(typed))


def _with_model(answers: Answers, bus: str, unit: int, value: str) -> Answers:
    if value == UNUSED:
        unused = [*(_state(answers, bus, "unused") or []), unit]
        return with_value(answers, ("init", "bus", bus, "unused"), unused)
    if value == OTHER:
        return with_value(answers, ("init", "bus", bus, "models", str(unit)), [])
    return _with_device(answers, bus, unit, value)


def _with_device(answers: Answers, bus: str, unit: int, model: str) -> Answers:
    kind = "drive" if load_profile(model).kind == "vfd" else "meter"
    taken = {name for table in ("meter", "drive", "motor") for name in answers.get(table, {})}
    name = f"{kind}-{unit}" if f"{kind}-{unit}" not in taken else f"{bus}-{kind}-{unit}"
    known: list[tuple[str, Any]] = [("bus", bus), ("unit_id", unit), ("profile", model)]
    if load_profile(model).dialect == "dlt645":
        wiring = next((wiring for wiring, profile in WIRINGS.items() if profile == model), "3P4W")
        known[1:2] = [("unit_id", address_text(unit)), ("wiring", wiring), ("ratio_applied_by", "agent")]
    for key, value in known:
        answers = with_value(answers, (kind, name, key), value)
    return answers


def _device(typed: str, bus: str, units: dict[int, str]) -> tuple[int, str]:
    unit, _, model = typed.partition(" ")
    if not (unit.isdecimal() and model.strip()):
        raise InvalidValue(codes.DEVICE_EXPECTED)
    if int(unit) in units:
        raise InvalidValue(codes.UNIT_USED, unit_id=int(unit), bus=bus, other=units[int(unit)])
    of_meter = len(unit) == ADDRESS_DIGITS
    return keys.METER["unit_id"].convert(unit if of_meter else int(unit)), _PROFILE(model.strip())


def _with_typed_device(answers: Answers, bus: str, value: tuple[int, str] | None) -> Answers:
    if value is None:
        return with_value(answers, ("init", "bus", bus, "complete"), True)
    return _with_device(answers, bus, *value)


def _with_complete(answers: Answers, bus: str, complete: bool) -> Answers:
    """no: the scan is repeated, and its result discarded."""
    if complete:
        return with_value(answers, ("init", "bus", bus, "complete"), True)
    for kind in ("meter", "drive"):
        for name, table in answers.get(kind, {}).items():
            if table.get("bus") == bus:
                answers = with_value(answers, (kind, name), None)
    for key in ("found", "models", "power_w", "scan"):
        answers = with_value(answers, ("init", "bus", bus, key), None)
    return answers
