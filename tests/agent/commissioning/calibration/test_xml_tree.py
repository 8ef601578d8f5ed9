"""XML of unknown origin is read within limits, and never expands an entity."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.commissioning.calibration import reasons as codes
from agent.commissioning.calibration.dcc import read_dcc
from agent.commissioning.calibration.xml_tree import BYTES_MAX, parse_xml
from drivers.file_reasons import FILE_MISSING, FILE_UNREADABLE
from drivers.reasons import Code, InvalidValue

_ENTITIES = "".join(f'<!ENTITY x{n} "{f"&x{n - 1};" * 10}">' for n in range(1, 10))
BOMB = f'<!DOCTYPE a [<!ENTITY x0 "ha">{_ENTITIES}]><a>&x9;</a>'  # 10⁹ times "ha"
OUTSIDE = '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]><a>&x;</a>'


def test_names_have_their_namespace() -> None:
    root = parse_xml(b'<a xmlns="urn:x" xmlns:b="urn:y" b:k="v"><b:c>1<d/>2</b:c></a>')
    assert [item.tag for item in root.iter()] == ["{urn:x}a", "{urn:y}c", "{urn:x}d"]
    assert root[0].text == "1"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (BOMB, codes.XML_DOCTYPE), (OUTSIDE, codes.XML_DOCTYPE), ("<!DOCTYPE a><a/>", codes.XML_DOCTYPE),
        ("<a>" * 100, codes.XML_TOO_COMPLEX), ("<a>" + "<b/>" * 100_000 + "</a>", codes.XML_TOO_COMPLEX),
        ("", codes.XML_INVALID), ("<a>", codes.XML_INVALID), ("<a/><b/>", codes.XML_INVALID),
        ("<x:a/>", codes.XML_INVALID), ("<a>&x;</a>", codes.XML_INVALID), ("%PDF-1.7", codes.XML_INVALID),
        ('<?xml version="1.0" encoding="klingon"?><a/>', codes.XML_INVALID), ("<a>\x00</a>", codes.XML_INVALID),
    ],
)  # fmt: skip
def test_what_is_no_plain_xml_is_rejected(data: str, code: Code) -> None:
    with pytest.raises(InvalidValue) as error:
        parse_xml(data.encode())
    assert error.value.reason.code == code


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    huge = tmp_path / "huge.xml"
    with huge.open("wb") as file:
        file.truncate(BYTES_MAX + 1)  # sparse
    for path, code in ((huge, codes.XML_TOO_LARGE), (tmp_path, FILE_UNREADABLE), (tmp_path / "none", FILE_MISSING)):
        with pytest.raises(InvalidValue) as error:
            read_dcc(path)
        assert error.value.reason.code == code
