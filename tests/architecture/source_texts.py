"""Find the texts of the source tree that are meant for people: docstrings, messages, documentation, catalogues."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PRODUCT = ("agent", "drivers", "dsp", "simulators")

_MARKERS = {"_", "N_", "gettext", "ngettext", "pgettext", "npgettext", "lazy_gettext"}  # every argument is a message
_HELP_KEYWORDS = {"help", "short_help", "epilog", "metavar", "prompt"}
_LOG_METHODS = {"debug", "info", "warning", "error", "exception", "critical"}
_PRINTERS = {"echo", "secho", "print", "fail", "confirm", "prompt"}
_SQL = re.compile(
    r"^\s*(select\b.*\bfrom\b|select (count|max|min|sum|total|coalesce|exists|1|\?)|insert (or \w+ )?into\b|"
    r"replace into\b|delete from\b|update \w+ set\b|"
    r"create (unique |temp |temporary |virtual )?(table|index|trigger|view)\b|"
    r"drop (table|index|trigger|view)\b|alter table\b|pragma \w+|with (recursive )?\w+ ?(\(.*?\))? ?as \(|attach |"
    r"(from|join) \w+ (where|join|order|group|\w+ where)\b|"
    r"(where|and|or|on) [\w.]+ ?(=|<|>|in \(|is (not )?null|between)|"
    r"order by\b|group by\b|on conflict\b|values \(|begin (immediate|exclusive)|select \w+(, ?\w+)+$)"
    r"|\b(integer|text|real|blob) (not null|primary key)\b|\border by \w+( desc)?( limit|$)",
    re.IGNORECASE | re.DOTALL,
)
_SENTENCE_START = re.compile(r"^\s*(update|select|delete|insert|order|from) (the|a|an|which|what|its|each)\b", re.I)


@dataclass(frozen=True, slots=True)
class Text:
    """One text and its place.

    file: the file that contains it.
    line: line of its first character, counted from 1.
    kind: "docstring", "message" or "page".
    text: the text itself. An expression inside an f-string is replaced by "{}".
    multiline: True when a line break of the text is a line break of the file.
    """

    file: Path
    line: int
    kind: str
    text: str
    multiline: bool = False

    def line_at(self, position: int) -> int:
        """The file's line that contains the character at this position."""
        return self.line + (self.text.count("\n", 0, position) if self.multiline else 0)


def is_prose(text: str) -> bool:
    """Whether a string constant reads like a sentence: two spaces or more, two words or more, no SQL."""
    if text.count(" ") < 2 or len(re.findall(r"[A-Za-z]{2,}", text)) < 2:
        return False
    return not is_sql(text)


def is_sql(text: str) -> bool:
    return bool(_SQL.search(text)) and not _SENTENCE_START.search(text)


def string_of(node: ast.AST) -> str | None:
    """The text of a string constant or an f-string, expressions as "{}"; None for every other node."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
    return None


def python_texts(file: Path, *, docstrings_only: bool = False) -> Iterator[Text]:
    """Docstrings and messages of a Python file, in the order of the syntax tree.

    A message is a string of any length that is an argument of a gettext function, a help text, a log call, a print
    call or an exception, and every other string that `is_prose`.
    """
    tree = ast.parse(file.read_text(encoding="utf-8"))
    docstrings = _docstrings(tree)
    for docstring in docstrings:
        yield _text(file, docstring, "docstring")
    if docstrings_only:
        return
    marked = _marked(tree)
    skipped = {id(node) for node in docstrings}
    for node in _strings(tree, skipped):
        text = string_of(node) or ""
        if is_prose(text) or (id(node) in marked and re.search("[A-Za-z]{2,}", text) and not is_sql(text)):
            yield _text(file, node, "message")


def _text(file: Path, node: ast.AST, kind: str) -> Text:
    text = string_of(node) or ""
    first, last = getattr(node, "lineno", 1), getattr(node, "end_lineno", 1)
    return Text(file, first, kind, text, multiline=0 < text.count("\n") <= last - first)


def _docstrings(tree: ast.Module) -> list[ast.Constant]:
    found: list[ast.Constant] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and node.body:
            match node.body[0]:
                case ast.Expr(value=ast.Constant(value=str()) as text):
                    found.append(text)
    return found


def _strings(node: ast.AST, skipped: set[int]) -> Iterator[ast.AST]:
    """String constants and f-strings, without the parts of an f-string."""
    for child in ast.iter_child_nodes(node):
        if id(child) in skipped:
            continue
        if string_of(child) is not None:
            yield child
        if isinstance(child, ast.JoinedStr):
            for part in child.values:
                if not isinstance(part, ast.Constant):
                    yield from _strings(part.value if isinstance(part, ast.FormattedValue) else part, skipped)
        else:
            yield from _strings(child, skipped)


def _marked(tree: ast.Module) -> set[int]:
    """Identities of strings that are shown to people because of the call they are in."""
    found: set[int] = set()

    def mark(node: ast.AST | None) -> None:
        for inner in ast.walk(node) if node is not None else ():
            if string_of(inner) is not None:
                found.add(id(inner))

    for node in ast.walk(tree):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            for argument in node.exc.args:
                if string_of(argument) is not None:
                    mark(argument)
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name in _MARKERS:
            for argument in node.args:
                mark(argument)
        elif name in _PRINTERS or (name in _LOG_METHODS and isinstance(node.func, ast.Attribute)):
            for argument in node.args[:1]:
                if string_of(argument) is not None:
                    mark(argument)
        for keyword in node.keywords:
            if keyword.arg in _HELP_KEYWORDS:
                mark(keyword.value)
    return found


def page_texts(file: Path) -> Iterator[Text]:
    """A Markdown page as one text; code blocks are blanked, so that lines keep their numbers."""
    fence = ""
    lines: list[str] = []
    for line in file.read_text(encoding="utf-8").splitlines():
        opened = re.match(r" {0,3}(`{3,}|~{3,})", line)
        if fence:
            if opened and opened[1].startswith(fence):
                fence = ""
            lines.append("")
        elif opened:
            fence = opened[1]
            lines.append("")
        elif line.startswith("    ") and (not lines or not lines[-1].strip() or lines[-1] == "\u00a0"):
            lines.append("\u00a0")  # an indented block continues until a line that is not indented
        else:
            lines.append(line)
    yield Text(file, 1, "page", "\n".join(lines), multiline=True)


def catalogue_texts(file: Path) -> Iterator[Text]:
    """English texts of a gettext catalogue: every msgid, and every msgstr where the catalogue is English."""
    english = "Language: en" in file.read_text(encoding="utf-8")
    keyword, first, parts = "", 0, list[str]()
    for number, line in enumerate([*file.read_text(encoding="utf-8").splitlines(), ""], 1):
        entry = re.match(r'(?:(msgid|msgid_plural|msgstr(?:\[\d\])?|msgctxt)\s+)?"(.*)"\s*$', line)
        if keyword and (entry is None or entry[1]):
            if parts and any(parts) and first and (keyword.startswith("msgid") or (english and first > 2)):
                text = "".join(parts)
                if not text.startswith("Project-Id-Version"):
                    yield Text(file, first, "message", text)
            keyword, parts = "", []
        if entry is not None:
            if entry[1]:
                keyword, first = entry[1], number
            parts.append(entry[2].replace(r"\n", "\n").replace(r"\"", '"'))


def texts_of(file: Path, *, docstrings_only: bool = False) -> Iterator[Text]:
    """All texts of one file by its kind: .py, .md or .po."""
    if file.suffix == ".py":
        yield from python_texts(file, docstrings_only=docstrings_only)
    elif file.suffix == ".md":
        yield from page_texts(file)
    elif file.suffix == ".po":
        yield from catalogue_texts(file)
