"""The message catalogues: complete, with the fields of the source texts, and no stale entry."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po

from agent.core.text import SEPARATORS
from drivers.reasons import fields_of

ROOT = Path(__file__).parents[3]
LANGUAGES = ("en", "zh_CN")
KEYWORDS = ("-k", "N_", "-k", "Code:2")
TRANSLATED = re.compile(r"[\u3000-\u9fff]")
WORDS = re.compile(r"[A-Za-z]{2,}")
NO_WORDS = re.compile(r"\{[^{}]*\}|`[^`]*`|--[a-z-]+|\b[a-z]+\.[a-z_]+\b|\bkWh\b")


@cache
def catalogue(language: str) -> Catalog:
    with (ROOT / "agent" / "locale" / language / "LC_MESSAGES" / "magwatt.po").open("rb") as file:
        return read_po(file)


@cache
def texts(language: str) -> dict[str, str]:
    return {last(entry.id): last(entry.string) for entry in catalogue(language) if entry.id}


def last(text: str | Sequence[str]) -> str:
    """The text, or the last form of one that depends on a number."""
    return text if isinstance(text, str) else text[-1]


@cache
def extracted() -> frozenset[str]:
    """All texts for people in the source, as `make messages` finds them."""
    with tempfile.NamedTemporaryFile(suffix=".pot") as file:
        command = [sys.executable, "-m", "babel.messages.frontend", "-q", "extract", "-F", "pyproject.toml", *KEYWORDS,
                   "--no-location", "-o", file.name, "."]  # fmt: skip
        subprocess.run(command, cwd=ROOT, check=True)
        return frozenset(last(entry.id) for entry in read_po(file) if entry.id)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_of_the_source_has_an_entry(language: str) -> None:
    assert extracted()
    assert not sorted(extracted() - texts(language).keys()), "make messages"
    assert not sorted(texts(language).keys() - extracted()), "make messages"


def test_every_text_is_translated() -> None:
    missing = [source for source, text in texts("zh_CN").items() if not text]
    assert not missing
    assert not [entry.id for entry in catalogue("zh_CN") if entry.fuzzy and entry.id]


def test_translations_are_chinese() -> None:
    """Except for texts without words: fields, units, commands, options and keys."""
    odd = {
        source
        for source, text in texts("zh_CN").items()
        if WORDS.search(NO_WORDS.sub("", source)) and not TRANSLATED.search(text)
    }
    assert odd == NOT_TRANSLATED


# The same in Chinese although they have letters: abbreviations, formulas, a place in brackets.
NOT_TRANSLATED = {"fc", "THD-I", "P = Σ U · I · PF", "{target} at {line}", "{motor}: cos φ", "% of IL"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_translations_have_the_fields_of_the_source(language: str) -> None:
    """A choice between singular and plural may be left out, nothing else."""
    wrong = []
    for source, text in texts(language).items():
        if not text:
            continue
        expected, found = (fields_of(each.replace("!r}", "}")) for each in (source, text))  # !r: texts of click
        needed = {name: spec for name, spec in expected.items() if "|" not in spec}
        if not (needed.items() <= found.items() and found.keys() <= expected.keys()):
            wrong.append((source, text))
    assert not wrong


@cache
def product_calls() -> list[tuple[Path, ast.Call, bool]]:
    """(file, call, whether it is part of an f-string) of each call of `_`, `N_` and `Code` in the product."""
    return list(calls_of("_", "N_", "Code"))


def calls_of(*names: str) -> Iterator[tuple[Path, ast.Call, bool]]:
    for package in ("agent", "drivers", "simulators"):
        for file in sorted((ROOT / package).rglob("*.py")):
            tree = ast.parse(file.read_text(encoding="utf-8"))
            nested = {
                id(inner) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for inner in ast.walk(node)
            }
            for node in ast.walk(tree):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names:
                    yield file.relative_to(ROOT), node, id(node) in nested


def test_source_texts_are_literals() -> None:
    """Babel finds only literals outside of f-strings: a text that is put together would never be translated."""
    wrong = []
    for file, call, nested in product_calls():
        name = call.func.id  # type: ignore[attr-defined]
        number = 1 if name == "Code" else 0
        if len(call.args) <= number:
            continue
        argument = call.args[number]
        if isinstance(argument, ast.Name | ast.Attribute | ast.Subscript | ast.Call) and name == "_":
            continue  # a text of a table that N_ marks
        if isinstance(argument, ast.Constant) and argument.value in SEPARATORS:
            continue
        if nested or not (isinstance(argument, ast.Constant) and isinstance(argument.value, str)):
            wrong.append(f"{file}:{call.lineno}")
    assert not wrong


def test_each_code_is_declared_once() -> None:
    """Two modules that are never imported together may not declare the same name either."""
    places: dict[str, list[str]] = {}
    for file, call, _ in product_calls():
        if call.func.id == "Code" and call.args and isinstance(call.args[0], ast.Constant):  # type: ignore[attr-defined]
            places.setdefault(str(call.args[0].value), []).append(f"{file}:{call.lineno}")
    assert len(places) > 100
    assert not {name: found for name, found in places.items() if len(found) > 1}
