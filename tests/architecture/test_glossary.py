"""docs/reference/glossary.md is complete: each row has all columns, each term occurs once, each name exists in the
product.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

import pytest

from tests.architecture.source_texts import PRODUCT, ROOT

HEAD = ["term", "definition", "source", "name in magwatt", "中文"]
SUBJECTS = 8
TERMS_MIN = 100


def rows() -> Iterator[list[str]]:
    """The cells of each row of each table, without heads."""
    for line in (ROOT / "docs" / "reference" / "glossary.md").read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split(" | ")]
        if line.startswith("| ") and cells != HEAD:
            yield cells


@cache
def product_words() -> frozenset[str]:
    """Every word of the product's sources, and the names of its metrics, commands and options."""
    from agent.cli import main
    from agent.core.metrics import DERIVED, HEALTH, by_name

    files = [file for package in PRODUCT for file in (ROOT / package).rglob("*") if file.suffix in {".py", ".toml"}]
    words = {word for file in files for word in re.findall(r"[A-Za-z_][\w*]*", file.read_text(encoding="utf-8"))}
    words |= {row.name for row in (*DERIVED, *HEALTH)} | set(by_name("telemetry")) | set(main.commands)
    return frozenset(words)


def missing_parts(name: str) -> list[str]:
    """Parts of a name that the product does not have. `NAME` varies, a path must be a file, `_u` is an uncertainty."""
    if name.startswith("docs/"):
        return [] if (ROOT / name).is_file() else [name]
    if name.startswith("--"):
        options = {text for package in PRODUCT for text in _options(package)}
        return [] if name in options else [name]
    parts = re.findall(r"[A-Za-z_][\w*]*", name)
    known = product_words() | {"NAME", "magwatt"}
    return [part for part in parts if part not in known and part.removesuffix("_u") not in known]


@cache
def _options(package: str) -> frozenset[str]:
    texts = (file.read_text(encoding="utf-8") for file in (ROOT / package).rglob("*.py"))
    return frozenset(found for text in texts for found in re.findall(r"--[a-z][a-z0-9-]+", text))


def test_every_row_is_complete() -> None:
    found = list(rows())
    assert len(found) >= TERMS_MIN
    for row in found:
        assert len(row) == len(HEAD), row
        term, definition, _, names, chinese = row
        assert all(row), row
        assert re.fullmatch(r"(?!.*\. ).+\.", definition), f"{term}: one sentence"
        assert re.fullmatch(r"–|(`[^`]+` ?)+", names), f"{term}: {names}"
        assert term.startswith("Modbus ") or re.search("[\u4e00-\u9fff]", chinese), term


def test_one_table_per_subject() -> None:
    page = (ROOT / "docs" / "reference" / "glossary.md").read_text(encoding="utf-8")
    assert page.count("| " + " | ".join(HEAD) + " |") == page.count("\n## ") == SUBJECTS


@pytest.mark.parametrize("column", [0, 4], ids=["term", "Chinese"])
def test_a_term_occurs_once(column: int) -> None:
    """One meaning has one term in each language."""
    terms = [row[column].casefold() for row in rows()]
    assert not {term for term in terms if terms.count(term) > 1}


def test_every_name_exists() -> None:
    missing = {
        f"{row[0]}: {name}" for row in rows() for name in re.findall(r"`([^`]+)`", row[3]) if missing_parts(name)
    }
    assert not missing, sorted(missing)
