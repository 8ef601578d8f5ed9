"""A digital calibration certificate (DCC) of PTB, schema version 3: number, laboratory, days, items, errors.

Source: https://ptb.de/dcc, schema 3.0 to 3.3. Its signature is not verified.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from xml.etree.ElementTree import Element

from msgspec import Struct

from agent.commissioning.calibration import reasons as codes
from agent.commissioning.calibration.error_tables import DCC, ResultErrors, errors_of
from agent.commissioning.calibration.xml_tree import BYTES_MAX, parse_xml
from agent.core.files import read_up_to
from drivers.reasons import InvalidValue

NAMESPACE = DCC.strip("{}")
VERSIONS = "3.x"
RECALIBRATION = "basic_recalibration"  # reference type of the statement with the day of the next calibration
TEXT_MAX = 200


class DigitalCertificate(Struct, frozen=True):
    """What is read of a certificate.

    number: its unique identifier. laboratory: its name.
    issued: day of issue; of an earlier schema, the last day of the calibration.
    valid_until: day of recalibration; None: not stated, as usual under ISO/IEC 17025.
    serial_numbers: of each item, by the manufacturer.
    results: those with measurement errors.
    """

    number: str
    laboratory: str
    issued: date
    valid_until: date | None
    serial_numbers: tuple[tuple[str, ...], ...]
    results: tuple[ResultErrors, ...]


def read_dcc(path: Path, language: str = "en") -> DigitalCertificate:
    """The certificate in a file. language: of names, if the certificate has them. Raises InvalidValue."""
    data = read_up_to(path, BYTES_MAX, codes.XML_TOO_LARGE)
    try:
        return certificate_of(parse_xml(data), language)
    except InvalidValue as error:
        raise InvalidValue(codes.DCC_UNUSABLE, path=str(path), cause=error.reason) from None


def certificate_of(root: Element, language: str = "en") -> DigitalCertificate:
    """As `read_dcc`, of the root element of its XML."""
    _check_form(root)
    core = _required(root, "administrativeData/coreData")
    issued = _day(core, "issueDate") or _day(core, "endPerformanceDate")
    if issued is None:
        raise InvalidValue(codes.DCC_WITHOUT, element="endPerformanceDate")
    laboratory = _required(root, "administrativeData/calibrationLaboratory/contact/name")
    results = root.iterfind(_path("measurementResults/measurementResult/results/result"))
    return DigitalCertificate(
        number=_required_text(core, "uniqueIdentifier"), laboratory=_name(laboratory, language), issued=issued,
        valid_until=_recalibration(root), serial_numbers=tuple(_serial_numbers(root)),
        results=tuple(errors_of((_name(result.find(_path("name")), language), result) for result in results)),
    )  # fmt: skip


def _check_form(root: Element) -> None:
    namespace, _, name = root.tag.lstrip("{").rpartition("}")
    if (namespace, name) != (NAMESPACE, "digitalCalibrationCertificate"):
        raise InvalidValue(codes.DCC_EXPECTED, name=_shown(root.tag), namespace=NAMESPACE)
    version = root.get("schemaVersion", "")
    if not re.fullmatch(r"3\.\d+\.\d+(-[\w.]+)?", version):
        raise InvalidValue(codes.DCC_VERSION_UNKNOWN, version=_shown(version), known=VERSIONS)


def _recalibration(root: Element) -> date | None:
    """The earliest day that a statement names for the next calibration."""
    statements = root.iterfind(_path("administrativeData/statements/statement"))
    days = [_day(item, "date") for item in statements if RECALIBRATION in item.get("refType", "").split()]
    return min((day for day in days if day is not None), default=None)


def _serial_numbers(root: Element) -> Iterator[tuple[str, ...]]:
    for item in root.iterfind(_path("administrativeData/items/item")):
        stated = item.iterfind(_path("identifications/identification"))
        yield tuple(
            _required_text(one, "value")
            for one in stated
            if one.findtext(_path("issuer"), "").strip() == "manufacturer"
        )


def _path(path: str) -> str:
    return "/".join(f"{DCC}{name}" for name in path.split("/"))


def _required(parent: Element, path: str) -> Element:
    if (found := parent.find(_path(path))) is None:
        raise InvalidValue(codes.DCC_WITHOUT, element=path)
    return found


def _required_text(parent: Element, name: str) -> str:
    if not (text := _shown(_required(parent, name).text or "")):
        raise InvalidValue(codes.DCC_WITHOUT, element=name)
    return text


def _day(parent: Element, name: str) -> date | None:
    """A date of XML Schema, whose time zone is left out."""
    if (found := parent.find(_path(name))) is None:
        return None
    text = _shown(found.text or "")
    try:
        return date.fromisoformat(re.sub(r"(Z|[+-]\d\d:\d\d)$", "", text))
    except ValueError:
        raise InvalidValue(codes.DCC_DATE, element=name, text=text) from None


def _name(parent: Element | None, language: str) -> str:
    """A text with languages: in the given one, else the first."""
    contents = [] if parent is None else parent.findall(_path("content"))
    wanted = [item for item in contents if item.get("lang") == language.partition("_")[0]]
    return next((text for item in (*wanted, *contents) if (text := _shown(item.text or ""))), "–")


def _shown(text: str) -> str:
    """One line without control characters, of limited length."""
    return "".join(letter for letter in " ".join(text.split())[:TEXT_MAX] if letter.isprintable())
