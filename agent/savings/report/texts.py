"""The report's words in English and Chinese. The English phrase is the key; the TOML files hold the others."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from agent.savings.carbon import Coal, Factor

NAME = "\x00"  # around a signal's name within a sentence: whoever calls one "shift" does not mean our word
LANGUAGES = {"en": "English", "zh": "中文"}


class Words:
    """Texts of one language, called with the English phrase."""

    def __init__(self, lang: str) -> None:
        self.lang = lang

    def __call__(self, phrase: str) -> str:
        found = _texts("chinese")["words"].get(phrase) if self.lang == "zh" else None
        return str(found or _texts("english")["words"].get(phrase, phrase))

    def aside(self, text: str) -> str:
        """In brackets, behind a word."""
        return self(" (P)").replace("P", text)

    def said(self, text: str) -> str:
        """A sentence that was made elsewhere with numbers in it; as it is where nobody translated it."""
        text = re.sub(r"\bsignal_\w+", lambda found: f"{NAME}{self.signal(found[0])}{NAME}", text)
        text = re.sub(r"\b\d+\.\d{3,}\b", lambda found: f"{float(found[0]):.4g}", text)
        if self.lang == "zh":
            for pattern, chinese in _sentences():
                if found := pattern.fullmatch(text):
                    return self._filled(chinese, found.groups()).replace(NAME, "")
        return text.replace(NAME, "")

    def _filled(self, sentence: str, pieces: Sequence[str | None]) -> str:
        for number, piece in enumerate(pieces, 1):
            sentence = sentence.replace(f"\\{number}", self._piece(piece or ""))
        return sentence

    def _piece(self, text: str) -> str:
        """A word or a sentence within a sentence."""
        return str(_texts("chinese")["words"].get(text) or self.said(text))

    def signal(self, name: str) -> str:
        """`signal_descaler_1_flow_m3_h` → "descaler 1 flow m3/h"."""
        short = name.removeprefix("signal_")
        for end, unit in (
            (("_m3_h"), " m³/h"),
            ("_t_h", " t/h"),
            ("_pct", " %"),
            ("_t", " t"),
            ("_rpm", " rpm"),
            ("_bar", " bar"),
        ):
            if short.endswith(end):
                return short.removesuffix(end).replace("_", " ") + unit
        return short.replace("_", " ")

    def factor(self, factor: Factor) -> str:
        where = " ".join(part for part in (factor.scope, self._place(factor.region)) if part)
        year = f" {factor.year}" if factor.year else ""
        source = self._source(factor.source, factor.status)
        return self(", ").join((f"{factor.kg_per_kwh:g} kg/kWh", f"{where}{year}", source))

    def coal(self, figure: Coal) -> str:
        year = f" {figure.year}" if figure.year else ""
        return self(", ").join((f"{figure.kgce_per_kwh:g} kgce/kWh{year}", self._source(figure.source, figure.status)))

    def _place(self, region: str) -> str:
        """Of a region with both names, 华北 North, that of the page."""
        own, _, english = region.partition(" ")
        if not english or own.isascii():
            return self(region)
        return own if self.lang == "zh" else english

    def _source(self, source: str, status: str) -> str:
        return self(source) + (" [M]" if status == "memory" else "")


@cache
def _texts(name: str) -> dict[str, Any]:
    return tomllib.loads((files("agent.savings.report") / f"{name}.toml").read_text(encoding="utf-8"))


@cache
def _sentences() -> list[tuple[re.Pattern[str], str]]:
    return [(re.compile(row["en"], re.DOTALL), row["zh"]) for row in _texts("chinese")["sentence"]]
