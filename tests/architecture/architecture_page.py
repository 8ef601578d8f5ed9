"""ARCHITECTURE.md as data: the packages and their groups, and the files that its sections name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tests.architecture.imports import ROOT

PAGE = "ARCHITECTURE.md"
_PACKAGE = re.compile(r"^(?P<indent> {4})?(?P<name>[a-z_]+)(?P<slash>/?) +(?P<text>\S.*)$")
_IMPORTS = re.compile(r"\(imports (only |also )?([a-z_, ]+)\)")
_LIST = re.compile(r"\w+(?: \| \w+)+")
_CODE = re.compile(r"`([^`\n]+)`")


@dataclass
class Package:
    """One package of the diagram.

    group: number of its group, from the top; packages of a group do not import each other. Packages of the project
        itself, such as drivers, have group -1.
    only: the packages that it may import, itself not counted; None: those of lower groups.
    also: further packages that it may import.
    parts: the packages inside it, if the diagram lists them.
    """

    name: str
    group: int
    only: set[str] | None
    also: set[str]
    parts: set[str]


def section(title: str, page: str = "") -> str:
    """The text below a heading of the second level. page: instead of ARCHITECTURE.md."""
    text = page or (ROOT / PAGE).read_text(encoding="utf-8")
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found, f"{PAGE} has no section {title}"
    return found[1]


def packages(page: str = "") -> dict[str, Package]:
    """The packages of the diagram, from the top; a line that is indented further continues the one above it."""
    block = section("Packages", page).split("```")[1].strip("\n")
    found: dict[str, Package] = {}
    group = 0
    texts: list[tuple[str, int, str]] = []
    for line in block.splitlines():
        if not line:
            group += 1
        elif match := _PACKAGE.match(line):
            texts.append((match["name"], -1 if match["slash"] else group, match["text"]))
        else:
            name, place, text = texts.pop()
            texts.append((name, place, f"{text} {line.strip()}"))
    for name, place, text in texts:
        assert name not in found, f"{PAGE} shows {name} twice"
        rule = _IMPORTS.search(text)
        named = set(re.split(r", | and ", rule[2])) - {"nothing"} if rule else set()
        kind = (rule[1] or "only ").strip() if rule else ""
        lists = _LIST.search(text)
        found[name] = Package(
            name, place, named if kind == "only" else None, named if kind == "also" else set(),
            set(lists[0].split(" | ")) if lists else set(),
        )  # fmt: skip
    return found


def code_spans(title: str) -> Iterator[tuple[str, list[str]]]:
    """Each paragraph or row of a section that contains code, with its code."""
    for paragraph in re.split(r"\n(?=\||\n| *- | *\d\. )", section(title)):
        if spans := _CODE.findall(paragraph):
            yield paragraph.strip(), spans
