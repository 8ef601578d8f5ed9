"""Calibration certificates (检定证书) of meters and transformers: what the configuration states, and the days that none
covers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from operator import itemgetter
from typing import Any

from msgspec import Struct

from agent.config import reasons as codes
from agent.config import schema
from agent.config.schema import ConfigReport, KeySpec
from agent.core.text import N_
from drivers.reasons import Reason

# Device → key of [meter.NAME]
CERTIFICATE_KEYS = {"meter": "certificate", "ct": "ct_certificate", "vt": "vt_certificate"}
TITLES = {
    "meter": N_("calibration certificate"),
    "ct": N_("calibration certificate of the current transformers"),
    "vt": N_("calibration certificate of the voltage transformers"),
}
REMINDER_D = 60  # before the end: a laboratory needs weeks
_OF_TRANSFORMERS = {
    "number": KeySpec(schema.text),
    "laboratory": KeySpec(schema.text),
    "issued": KeySpec(schema.day),
    "valid_until": KeySpec(schema.day),
}
CERTIFICATE = {**_OF_TRANSFORMERS, "serial_number": KeySpec(schema.text, None)}


class Certificate(Struct, frozen=True):
    """A certificate of a meter or of its transformers.

    device: meter | ct | vt.
    number, laboratory: as printed; laboratory "": not stated.
    issued, valid_until: first and last day of its validity; None: not stated.
    serial_number: of the meter for which it was issued; None: not stated.
    """

    device: str
    number: str
    laboratory: str = ""
    issued: date | None = None
    valid_until: date | None = None
    serial_number: str | None = None


class Lapse(Struct, frozen=True):
    """Days that no certificate of a device covers, although there was one.

    device: meter | ct | vt.
    number: of the certificate that has expired.
    valid_until: the last day that it covers.
    renewed: the first day that the next one covers; None: there is none.
    """

    device: str
    number: str
    valid_until: date
    renewed: date | None = None


def read_certificates(values: dict[str, Any], where: str, report: ConfigReport) -> tuple[Certificate, ...]:
    """The certificates of a meter, whose keys are removed from its values. where: key of its table."""
    found: list[Certificate] = []
    for device, key in CERTIFICATE_KEYS.items():
        if (raw := values.pop(key)) is None:
            continue
        if device != "meter" and values[device] is None:
            report.problem(f"{where}.{key}", codes.CALIBRATION_WITHOUT_TRANSFORMERS(ratio=device))
        found += _of_device(device, raw, f"{where}.{key}", report)
    newest = newest_of(found, "meter")
    if newest and newest.serial_number and values["serial_number"] not in (None, newest.serial_number):
        reason = codes.CALIBRATION_OF_OTHER_METER(stated=newest.serial_number, configured=values["serial_number"])
        report.finding(f"{where}.certificate", reason)
    return tuple(found)


def newest_of(certificates: Iterable[Certificate], device: str) -> Certificate | None:
    """The certificate of a device that was issued last; None: there is none."""
    of_device = [item for item in certificates if item.device == device]
    return max(of_device, key=lambda item: item.issued or date.min, default=None)


def lapses(certificates: Iterable[Certificate]) -> Iterator[Lapse]:
    """The days without a valid certificate, of each device in the order of time; the last one has not ended.

    Days before the first certificate and certificates without dates cause no lapse.
    """
    ends: dict[str, tuple[str, date]] = {}  # of each device: the certificate that is valid longest, and its last day
    dated = ((item.issued, item.valid_until, item) for item in certificates if item.issued and item.valid_until)
    for issued, valid_until, item in sorted(dated, key=itemgetter(0)):
        number, end = ends.get(item.device, ("", date.max))
        if number and (issued - end).days > 1:
            yield Lapse(item.device, number, end, issued)
        if not number or valid_until > end:
            ends[item.device] = item.number, valid_until
    for device, (number, end) in ends.items():
        yield Lapse(device, number, end)


def expired(certificates: Iterable[Certificate], today: date) -> Iterator[tuple[str, Reason]]:
    """Key and reason of each certificate that has expired and was not renewed, or that begins in the future."""
    certificates = tuple(certificates)
    for lapse in lapses(certificates):
        if lapse.valid_until < today and (lapse.renewed is None or today < lapse.renewed):
            yield (
                CERTIFICATE_KEYS[lapse.device],
                codes.CALIBRATION_ENDED(number=lapse.number, until=str(lapse.valid_until)),
            )
    for item in certificates:
        if item.issued is not None and item.issued > today:
            yield CERTIFICATE_KEYS[item.device], codes.CALIBRATION_AHEAD(number=item.number, issued=str(item.issued))


def expiring(certificates: Iterable[Certificate], today: date) -> Iterator[tuple[str, Reason]]:
    """Key and reason of each certificate that expires within REMINDER_D days."""
    for lapse in lapses(certificates):
        days = (lapse.valid_until - today).days
        if lapse.renewed is None and 0 <= days <= REMINDER_D:
            reason = codes.CALIBRATION_ENDS(number=lapse.number, until=str(lapse.valid_until), days=days)
            yield CERTIFICATE_KEYS[lapse.device], reason


def described(item: Certificate) -> Reason:
    """A certificate as one line."""
    if item.valid_until is None:
        return codes.CERTIFICATE_UNDATED(number=item.number)
    return codes.CERTIFICATE_LINE(
        number=item.number, laboratory=item.laboratory, issued=str(item.issued), until=str(item.valid_until)
    )


def _of_device(device: str, raw: Any, where: str, report: ConfigReport) -> list[Certificate]:
    """raw: a table, a list of tables in any order, or (as before, of a meter) the number as a text."""
    if isinstance(raw, str) and device == "meter":
        return _undated(raw, where, report)
    tables: Mapping[str, Any] = {where: raw}
    if isinstance(raw, list) and raw:
        tables = {f"{where} {n}": table for n, table in enumerate(raw, 1)}
    if not all(isinstance(table, dict) for table in tables.values()):
        report.problem(where, codes.CALIBRATION_TABLE_EXPECTED(), raw)
        return []
    allowed = CERTIFICATE if device == "meter" else _OF_TRANSFORMERS
    found = []
    for place, table in tables.items():
        if (values := schema.read_table(table, allowed, place, report)) is None:
            continue
        issued, valid_until = values["issued"], values["valid_until"]
        if valid_until < issued:
            report.problem(f"{place}.valid_until", codes.CALIBRATION_DAYS(issued=str(issued)), valid_until)
        else:
            found.append(Certificate(device, **values))
    return found


def _undated(raw: str, where: str, report: ConfigReport) -> list[Certificate]:
    """The number and date as a text, the form of earlier versions."""
    try:
        number = schema.text(raw)
    except ValueError as error:
        report.problem(where, schema.reason_of_error(error), raw)
        return []
    report.note(where, codes.CALIBRATION_UNDATED())
    return [Certificate("meter", number)]
