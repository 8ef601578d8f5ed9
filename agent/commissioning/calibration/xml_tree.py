"""Reads XML of unknown origin within limits: without document types, and therefore without entities of any kind."""

from __future__ import annotations

from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from agent.commissioning.calibration import reasons as codes
from drivers.reasons import InvalidValue

BYTES_MAX = 10_000_000  # certificates with a report in PDF have a few MB
ELEMENTS_MAX, LEVELS_MAX = 100_000, 64


def parse_xml(data: bytes) -> Element:
    """The root element; names are "{namespace}name". Raises InvalidValue."""
    parser, tree = expat.ParserCreate(namespace_separator="}"), _LimitedTree()
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _reject_doctype
    parser.StartElementHandler, parser.EndElementHandler = tree.start, tree.end
    parser.CharacterDataHandler = tree.data
    try:
        parser.Parse(data, True)
    except (expat.ExpatError, LookupError, ValueError) as error:  # LookupError: an unknown encoding
        if isinstance(error, InvalidValue):
            raise
        raise InvalidValue(codes.XML_INVALID, error=str(error)) from None
    return tree.close()


class _LimitedTree:
    """Builds the tree and counts its elements and levels."""

    def __init__(self) -> None:
        self._builder, self._elements, self._levels = TreeBuilder(), 0, 0
        self.data, self.close = self._builder.data, self._builder.close

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._elements += 1
        self._levels += 1
        if self._elements > ELEMENTS_MAX or self._levels > LEVELS_MAX:
            raise InvalidValue(codes.XML_TOO_COMPLEX, elements_max=ELEMENTS_MAX, levels_max=LEVELS_MAX)
        self._builder.start(_qualified(name), attributes)

    def end(self, name: str) -> None:
        self._levels -= 1
        self._builder.end(_qualified(name))


def _qualified(name: str) -> str:
    """expat: "namespace}name"."""
    return f"{{{name}" if "}" in name else name


def _reject_doctype(*_declaration: object) -> None:
    raise InvalidValue(codes.XML_DOCTYPE)
