"""A catalogue in which every English text is replaced: what fails with it reads a text that is meant for people."""

from __future__ import annotations

import re
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

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
            if entry.id:
                made.add(entry.id, pseudo(str(entry.id)))
        target = folder / language / "LC_MESSAGES" / "magwatt.mo"
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb") as out:
            write_mo(out, made)
    return folder
