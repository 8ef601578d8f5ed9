"""A digital calibration certificate as keys of the configuration of a meter, and what an engineer must check."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from datetime import date

from msgspec import Struct

from agent.commissioning.calibration import reasons as codes
from agent.commissioning.calibration.dcc import DigitalCertificate
from agent.commissioning.calibration.error_tables import ANGLE, ERROR_TYPE, RELATIVE, ResultErrors
from agent.config.certificates import CERTIFICATE_KEYS
from agent.config.model import Meter
from drivers.reasons import InvalidValue, Reason
from dsp.efficiency_meter import METER_CLASSES, meter_limit

LIMITS_PCT, LIMITS_MIN = (0.01, 3.0), (0.5, 120.0)  # of the configuration
CLASS_KEYS = {"meter": "class", "ct": "ct_class", "vt": "vt_class"}


class CertificateProposal(Struct, frozen=True):
    """Lines for [meter.NAME], and findings.

    lines: key = value, in TOML.
    used: the results whose errors make the limit.
    findings: what an engineer must check or decide.
    notes: information.
    """

    lines: tuple[str, ...]
    used: tuple[ResultErrors, ...]
    findings: tuple[Reason, ...]
    notes: tuple[Reason, ...] = ()


def propose(
    found: DigitalCertificate, device: str, today: date, *, meter: Meter | None = None, valid_until: date | None = None,
    chosen: Sequence[int] = (),
) -> CertificateProposal:  # fmt: skip
    """The lines for a certificate of a device.

    device: meter | ct | vt.
    meter: the configured one, with which the serial number and the class are compared; None: not compared.
    valid_until: replaces what the certificate states.
    chosen: numbers of the results whose errors count; empty: the only one.
    Raises InvalidValue for a number that the certificate does not have.
    """
    until, findings, notes = valid_until or found.valid_until, list[Reason](), list[Reason]()
    serial = _serial_number(found) if device == "meter" else None
    findings += _validity(found, until, today)
    if device == "meter":
        findings += _identity(found, meter)
    elif len(found.serial_numbers) > 1:
        notes.append(codes.ITEMS_OF_TRANSFORMERS(n=len(found.serial_numbers)))
    used, problem = _results(found, device, chosen)
    limit, wide = _limit(used, device)
    findings += [reason for reason in (problem, wide) if reason is not None]
    if device == "meter" and meter is not None and limit is not None:
        findings += _beyond_class(used, meter.accuracy_class)
    lines = [*([f"{CLASS_KEYS[device]} = {_text(limit)}"] if limit else []),
             f"{CERTIFICATE_KEYS[device]} = {_table(found, until, serial)}"]  # fmt: skip
    return CertificateProposal(tuple(lines), tuple(used), tuple(findings), tuple(notes))


def _serial_number(found: DigitalCertificate) -> str | None:
    """The only serial number of the only item."""
    numbers = found.serial_numbers[0] if len(found.serial_numbers) == 1 else ()
    return numbers[0] if len(numbers) == 1 else None


def _validity(found: DigitalCertificate, until: date | None, today: date) -> Iterator[Reason]:
    if until is None:
        yield codes.VALIDITY_MISSING()
    elif until < found.issued:
        yield codes.VALIDITY_BEFORE_ISSUE(until=str(until), issued=str(found.issued))
    elif until < today:
        yield codes.EXPIRED(until=str(until), today=str(today))


def _identity(found: DigitalCertificate, meter: Meter | None) -> Iterator[Reason]:
    stated = tuple(number for numbers in found.serial_numbers for number in numbers)
    if not stated:
        yield codes.SERIAL_NUMBER_MISSING()
    elif meter is not None and meter.serial_number is None:
        yield codes.SERIAL_NUMBER_NOT_CONFIGURED(meter=meter.name, stated=stated)
    elif meter is not None and meter.serial_number not in stated:
        yield codes.OTHER_SERIAL_NUMBER(meter=meter.name, stated=stated, configured=meter.serial_number)


def _results(
    found: DigitalCertificate, device: str, chosen: Sequence[int]
) -> tuple[list[ResultErrors], Reason | None]:  # fmt: skip
    """The results that count, and why there are none."""
    results, numbers = found.results, {result.number: result for result in found.results}
    for number in chosen:
        if number not in numbers:
            raise InvalidValue(codes.RESULT_UNKNOWN, number=number, n=max(numbers, default=0))
    if device == "meter" and len(found.serial_numbers) > 1:
        return [], codes.SEVERAL_ITEMS(n=len(found.serial_numbers))
    if not results:
        return [], codes.NO_ERRORS(type=ERROR_TYPE)
    if not chosen and len(results) > 1:
        named = tuple(codes.RESULT_NAMED(number=result.number, name=result.name) for result in results)
        return [], codes.SEVERAL_RESULTS(n=len(results), results=named)
    used = [numbers[number] for number in sorted(set(chosen))] or list(results)
    kinds = (RELATIVE,) if device == "meter" else (RELATIVE, ANGLE)
    for result in used:
        if result.unusable is not None:
            return [], codes.RESULT_UNUSABLE(number=result.number, name=result.name, cause=result.unusable)
    for kind in kinds:
        if all(result.limit(kind) is None for result in used):
            missing = codes.KIND_MISSING(kind=kind)
            return [], codes.RESULT_UNUSABLE(number=used[0].number, name=used[0].name, cause=missing)
    return used, None


def _limit(used: Sequence[ResultErrors], device: str) -> tuple[str | None, Reason | None]:
    """The limit as the configuration states it, rounded up; the reason if it is outside its range."""
    if not used:
        return None, None
    share_pct = max(LIMITS_PCT[0], _rounded_up(100 * _largest(used, RELATIVE), 3))
    if share_pct > LIMITS_PCT[1]:
        return None, codes.LIMIT_TOO_WIDE(limit_pct=share_pct)
    if device == "meter":
        return f"{share_pct:g} %", None
    minutes = max(LIMITS_MIN[0], _rounded_up(math.degrees(_largest(used, ANGLE)) * 60, 1))
    return (f"{share_pct:g} % {minutes:g}'", None) if minutes <= LIMITS_MIN[1] else (
        None, codes.LIMIT_TOO_WIDE(limit_pct=100 * math.radians(minutes / 60))
    )  # fmt: skip


def _largest(used: Sequence[ResultErrors], kind: str) -> float:
    return max(limit for result in used if (limit := result.limit(kind)) is not None)


def _rounded_up(value: float, digits: int) -> float:
    scale = 10.0**digits
    return math.ceil(value * scale - 1e-6) / scale  # 1e-6: 0.17 % is 170.00000000000003


def _beyond_class(used: Sequence[ResultErrors], accuracy_class: str) -> Iterator[Reason]:
    if accuracy_class not in METER_CLASSES:
        return
    limit, allowed = _largest(used, RELATIVE), meter_limit(accuracy_class, 1.0)
    if limit > allowed:
        yield codes.LIMIT_EXCEEDS_CLASS(limit_pct=100 * limit, class_pct=100 * allowed, accuracy_class=accuracy_class)


def _table(found: DigitalCertificate, until: date | None, serial: str | None) -> str:
    values = {
        "number": _text(found.number), "laboratory": _text(found.laboratory), "issued": str(found.issued),
        "valid_until": str(until) if until else None, "serial_number": _text(serial) if serial else None,
    }  # fmt: skip
    return f"{{ {', '.join(f'{key} = {value}' for key, value in values.items() if value)} }}"


def _text(value: str) -> str:
    """A basic string of TOML, which has the escapes of JSON."""
    return json.dumps(value, ensure_ascii=False)
