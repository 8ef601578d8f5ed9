"""No decision reads a text for people: the suite passes when every English text is replaced."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from agent.core.text import LOCALE_VARIABLE, Catalogue

LOCALE = Path(__file__).parents[2] / "agent" / "locale"
_KEPT = re.compile(
    r"(\{[^{}]*\}|<[^<>]*>|`[^`]*`|%\([a-z_]+\)s"  # fields, tags, code
    r"|(?<![\w-])--?[a-z][\w-]*"  # options
    r"|\b(?:[kM]?Wh?|NMBE|RMSE|VIF)\b"  # units and symbols
    r"|[\w/-]*[\d/=](?:[\w/:=.-]*\w)?|\w+(?:[._]\w+)+)"  # numbers, paths, NAME=VALUE, file names, keys
)
_LETTERS = str.maketrans("aceghiklmnorstuwyzACDEGHIKLNORSTUWYZ", "áčéğĥíķļḿñóřšťúŵýžÁČĎÉĞĤÍĶĻÑÓŘŠŤÚŴÝŽ")


def pseudo(text: str) -> str:
    """The text in brackets with accents; fields, tags and identifiers stay."""
    pieces = _KEPT.split(text)
    return "⟦" + "".join(piece if k % 2 else piece.translate(_LETTERS) for k, piece in enumerate(pieces)) + "⟧"


def write(folder: Path) -> Path:
    """Writes catalogues of both languages into a folder for MAGWATT_LOCALE, and returns it."""
    for language in ("en", "zh_CN"):
        with (LOCALE / language / "LC_MESSAGES" / "magwatt.po").open("rb") as file:
            source = read_po(file)
        made = Catalog(language)
        for entry in source:
            if isinstance(entry.id, tuple):  # singular and plural
                made.add(entry.id, tuple(map(pseudo, entry.id)))
            elif entry.id:
                made.add(entry.id, pseudo(str(entry.id)))
        target = folder / language / "LC_MESSAGES" / "magwatt.mo"
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb") as out:
            write_mo(out, made)
    return folder


ROOT = Path(__file__).parents[2]
FIELD = re.compile(r"\{[^{}]*\}|%\(\w+\)\w")


@pytest.mark.soak
def test_the_suite_passes_with_every_english_text_replaced(tmp_path: Path) -> None:
    """Excludes only the tests marked `text`, which check a wording."""
    environment = {**os.environ, LOCALE_VARIABLE: str(write(tmp_path))}
    marked = "not soak and not alone and not browser and not text"
    command = [sys.executable, "-m", "pytest", "-q", "-n", "4", "-m", marked, "tests"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-10_000:]
    assert " passed" in done.stdout.splitlines()[-1]


@pytest.mark.parametrize(
    ("text", "replaced"),
    [
        (
            "run `magwatt doctor` for {name}: {n:d} {n:row|rows}",
            "⟦řúñ `magwatt doctor` fóř {name}: {n:d} {n:row|rows}⟧",
        ),
        ("use --state-dir (or -u) for a copy", "⟦úšé --state-dir (óř -u) fóř á čópý⟧"),
        ("re-read {energy_wh:kwh} kWh at 10:00", "⟦řé-řéád {energy_wh:kwh} kWh áť 10:00⟧"),
        ("set unit_id in /etc/magwatt/plant.toml.", "⟦šéť unit_id íñ /etc/magwatt/plant.toml.⟧"),
        ("write NAME=COLUMN:UNIT", "⟦ŵříťé NAME=COLUMN:UNIT⟧"),
        ("NOT INTACT", "⟦ÑÓŤ ÍÑŤÁČŤ⟧"),
        ("; ", "⟦; ⟧"),
    ],
)
def test_words_are_replaced_and_fields_and_identifiers_stay(text: str, replaced: str) -> None:
    assert pseudo(text) == replaced


def test_each_text_of_both_catalogues_is_replaced_and_keeps_its_fields(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(LOCALE_VARIABLE, str(write(tmp_path)))
    with (LOCALE / "en" / "LC_MESSAGES" / "magwatt.po").open("rb") as file:
        texts = [entry.id if isinstance(entry.id, str) else entry.id[0] for entry in read_po(file) if entry.id]
    assert len(texts) > 1000
    for language in ("en", "zh_CN"):
        catalogue = Catalogue(language)
        for text in texts:
            translated = catalogue.translate(text)
            assert translated == pseudo(text) != text
            assert FIELD.findall(translated) == FIELD.findall(text)


def test_few_tests_check_a_wording() -> None:
    """The mark `text` exempts a test from this check; at most 3 % of the test functions have it."""
    count, marked = 0, 0
    for file in (ROOT / "tests").rglob("test_*.py"):
        source = file.read_text(encoding="utf-8")
        functions = len(re.findall(r"^(?:async )?def test_", source, re.MULTILINE))
        complete = re.search(r"^pytestmark = .*\bmark\.text\b", source, re.MULTILINE)
        count += functions
        marked += functions if complete else len(re.findall(r"^@pytest\.mark\.text$", source, re.MULTILINE))
    assert 0 < marked <= 0.03 * count, f"{marked} of {count}"
