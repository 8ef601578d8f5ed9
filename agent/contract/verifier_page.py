"""The offline verifier as one HTML file, put together from the modules below agent/contract/verifier.

The file needs no other file: its Content-Security-Policy allows only the script and the style in it, by
their hashes, and no request. It depends on the sources only, so that it is the same on each computer.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from posixpath import dirname, join, normpath

from agent.contract.month_notes import ACCEPTABLE
from agent.contract.month_reasons import EXCLUSIONS
from agent.core.text import Catalogue
from drivers.reasons import Code

FOLDER = Path(__file__).parent / "verifier"
FIRST = "view/page.js"
DEVICES = ("meter", "ct", "vt")  # words within reasons
EVENTS = ("bypass", "maintenance", "out_of_range", "load_shift", "data_gap", "meter_replaced", "ct_wiring", "ct_ratio",
          "clock_step")  # fmt: skip
_IMPORT = re.compile(r'^import\s+(?:\{([^}]*)\}|\*\s+as\s+(\w+))\s+from\s+"([^"]+)";\n', re.MULTILINE)
_RENAMED = re.compile(r"(\w+) as (\w+)")
_LIST = re.compile(r"^export \{([^}]*)\};\n", re.MULTILINE)
_DECLARED = re.compile(r"^export\s+((?:async\s+)?function\*?|class|const)\s+(\w+)", re.MULTILINE)
_REST = re.compile(r'^(?:export\b|import\b.*").*', re.MULTILINE)  # a library quotes otherwise in its examples
_END = re.compile(r"</script|<!--", re.IGNORECASE)


def verifier_html() -> str:
    """The file. Raises ValueError for a module that does not fit into one script."""
    script = "\n".join(("(() => {", '"use strict";', _reasons(), *_modules(), "})();\n"))
    if _END.search(script):
        raise ValueError("the script contains the end of a script")
    style = (FOLDER / "style.css").read_text(encoding="utf-8")
    version = hashlib.sha256((script + style).encode()).hexdigest()[:16]
    parts = {
        "policy": f"default-src 'none'; script-src '{_source(script)}'; style-src '{_source(style)}'; "
                  "base-uri 'none'; form-action 'none'",
        "version": version, "style": style, "script": script, "licences": _licences(),
    }  # fmt: skip
    page = (FOLDER / "page.html").read_text(encoding="utf-8")
    return re.sub(r"\{\{(\w+)\}\}", lambda found: parts[found[1]], page)


def _source(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _licences() -> str:
    """The licences of the bundled libraries, as a comment of HTML."""
    found = [path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("vendor/*/LICENSE"))]
    return "\n".join(found).replace("--", "- -")


def _reasons() -> str:
    """The reasons of a month, which the gateway states as codes, and words within them: English and Chinese text."""
    languages = Catalogue("en"), Catalogue("zh_CN")

    def both(text: str) -> list[str]:
        return [language.translate(text) for language in languages]

    codes = [*_codes_of("agent.savings.reasons"), *ACCEPTABLE]
    codes += [code for code in _codes_of("agent.contract.reasons") if "motor" in code.fields]
    found = {str.__str__(code): both(code.text) for code in codes}
    words = {word: both(word) for word in (*DEVICES, *EVENTS, *EXCLUSIONS)}
    return f"const REASONS = {_js(found)};\nconst WORDS = {_js(words)};"


def _codes_of(module: str) -> Iterator[Code]:
    return (code for code in vars(import_module(module)).values() if isinstance(code, Code))


def _js(value: Mapping[str, object]) -> str:
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return text.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029").replace("</", "<\\/")


def _modules() -> Iterator[str]:
    """Each module as a function, whose scope is separate, after those that it imports."""
    names = dict.fromkeys(_in_order(FIRST, ()))
    variables = {name: f"m{number}" for number, name in enumerate(names)}
    return (_scoped(name, variables) for name in names)


def _in_order(name: str, outer: tuple[str, ...]) -> Iterator[str]:
    if name in outer:
        raise ValueError(f"{name} imports itself through {outer}")
    for *_, path in _IMPORT.findall(_text(name)):
        yield from _in_order(_resolved(name, path), (*outer, name))
    yield name


def _text(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


def _resolved(name: str, path: str) -> str:
    return normpath(join(dirname(name), path))


def _scoped(name: str, variables: Mapping[str, str]) -> str:
    text, imports = _text(name), list[str]()
    for braces, whole, path in _IMPORT.findall(text):
        listed = _RENAMED.sub(r"\1: \2", " ".join(braces.split()))
        imports.append(f"const {whole or f'{{{listed}}}'} = {variables[_resolved(name, path)]};\n")
    exported = [item.strip() for found in _LIST.findall(text) for item in found.split(",") if item.strip()]
    exported += [found[1] for found in _DECLARED.findall(text)]
    body = _DECLARED.sub(r"\1 \2", _LIST.sub("", _IMPORT.sub("", text)))
    if rest := _REST.findall(body) or [item for item in exported if not item.isidentifier()]:
        raise ValueError(f"{name}: {rest[0]}")
    made = f"return {{{', '.join(exported)}}};\n"
    return f"// {name}\nconst {variables[name]} = (() => {{\n{''.join(imports)}{body}{made}}})();\n"
