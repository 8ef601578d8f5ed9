"""Check docstrings, messages and pages against the word list `tests/architecture/words.toml`.

Command line, from the root of the repository:

    python -m tests.architecture.wording                    # packages, docstrings of tests, pages, catalogues
    python -m tests.architecture.wording agent/store        # files and directories given as arguments
    python -m tests.architecture.wording --count            # figures per package instead of findings

Each finding is one line: `file:line: 'word': use …`. Exit code 0: no finding. 1: findings. 2: wrong usage or word list.
"""

from __future__ import annotations

import argparse
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

from tests.architecture.source_texts import PRODUCT, ROOT, Text, texts_of

WORDS = Path(__file__).with_name("words.toml")
PAGES = ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "docs")
EXCEPTIONS_MAX = 20
_CODE = re.compile(r"``[^`]+``|`[^`\n]+`|\]\([^)\s]+\)|https?://\S+")
_NOT_SOURCE = {"__pycache__", ".venv", ".git", "node_modules"}


class WordListError(Exception):
    """The word list cannot be used. The text names the entry and the problem."""


@dataclass(frozen=True, slots=True)
class Word:
    """One entry of the list.

    pattern: regular expression, compiled without regard to case.
    use: replacement that the finding recommends.
    """

    pattern: re.Pattern[str]
    use: str


@dataclass(frozen=True, slots=True)
class Exemption:
    """A use of a listed word that is accepted.

    where: path relative to the root, `*` matches any characters.
    word: the matched text, without regard to case.
    reason: why the word is the right one there.
    """

    where: str
    word: str
    reason: str


@dataclass(frozen=True, slots=True)
class Finding:
    """A listed word in a text.

    file, line: its place.
    kind: kind of the text, see `Text`.
    word: the matched text.
    use: the recommended replacement.
    """

    file: Path
    line: int
    kind: str
    word: str
    use: str

    def __str__(self) -> str:
        return f"{relative(self.file)}:{self.line}: '{self.word}': use {self.use}"


@dataclass(slots=True)
class WordList:
    """The words and exceptions of `tests/architecture/words.toml`.

    used: exceptions that have matched so far.
    """

    words: tuple[Word, ...]
    exceptions: tuple[Exemption, ...] = ()
    used: set[Exemption] = field(default_factory=set)

    def findings(self, text: Text) -> Iterator[Finding]:
        """Listed words in a text, in the order of their place. Inline code and link targets are not searched."""
        searched = _CODE.sub(lambda found: "\x00" * len(found[0]), text.text)
        found = [(match, word) for word in self.words for match in word.pattern.finditer(searched)]
        for match, word in sorted(found, key=lambda pair: pair[0].start()):
            hit = " ".join(match[0].split())
            if not self._accepted(text.file, hit):
                yield Finding(text.file, text.line_at(match.start()), text.kind, hit, word.use)

    def _accepted(self, file: Path, hit: str) -> bool:
        for row in self.exceptions:
            if row.word.casefold() == hit.casefold() and fnmatch(relative(file), row.where):
                self.used.add(row)
                return True
        return False


def read_words(file: Path = WORDS) -> WordList:
    """The word list of a file.

    Raises WordListError for a missing file, an unknown key, an invalid pattern, a missing reason, more than
    EXCEPTIONS_MAX exceptions, or a list without words.
    """
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise WordListError(f"{file}: {error}") from error
    if unknown := set(table) - {"word", "exception"}:
        raise WordListError(f"{file}: unknown tables {sorted(unknown)}")
    words = tuple(_word(file, number, row) for number, row in enumerate(table.get("word", []), 1))
    exceptions = tuple(_exemption(file, number, row) for number, row in enumerate(table.get("exception", []), 1))
    if not words:
        raise WordListError(f"{file}: the list has no word")
    if len(exceptions) > EXCEPTIONS_MAX:
        raise WordListError(f"{file}: {len(exceptions)} exceptions, at most {EXCEPTIONS_MAX} are allowed")
    return WordList(words, exceptions)


def _word(file: Path, number: int, row: dict[str, str]) -> Word:
    if set(row) != {"pattern", "use"} or not all(row.values()):
        raise WordListError(f"{file}: word {number}: expected `pattern` and `use`, got {sorted(row)}")
    try:
        return Word(_compiled(row["pattern"]), row["use"])
    except re.error as error:
        raise WordListError(f"{file}: word {number}: {row['pattern']}: {error}") from error


def _compiled(pattern: str) -> re.Pattern[str]:
    """A space matches any white space; in a look-behind, whose width is fixed, one character of it."""
    parts = re.split(r"(\(\?<[!=][^)]*\))", pattern)
    spaced = (part.replace(" ", r"\s" if part.startswith("(?<") else r"(?:\s+)") for part in parts)
    return re.compile("".join(spaced), re.IGNORECASE)


def _exemption(file: Path, number: int, row: dict[str, str]) -> Exemption:
    if set(row) != {"where", "word", "reason"} or not all(row.values()):
        raise WordListError(f"{file}: exception {number}: expected `where`, `word` and `reason`, got {sorted(row)}")
    return Exemption(**row)


def relative(file: Path) -> str:
    """The path relative to the root of the repository, or as given when it is elsewhere."""
    resolved = file.resolve()
    return resolved.relative_to(ROOT).as_posix() if resolved.is_relative_to(ROOT) else file.as_posix()


def files_of(paths: Sequence[Path]) -> list[Path]:
    """The .py, .md and .po files of paths. Raises FileNotFoundError for a path that does not exist or has none."""
    found: list[Path] = []
    for path in paths:
        if path.is_file():
            found.append(path)
            continue
        inside = [
            file
            for file in sorted(path.rglob("*"))
            if file.suffix in {".py", ".md", ".po"} and not _NOT_SOURCE & set(file.parts)
        ]
        if not inside:
            raise FileNotFoundError(f"{path}: no such file, or no .py, .md or .po file in it")
        found += inside
    return found


def default_paths() -> list[Path]:
    """Packages, tests and pages. A missing one is an error of `files_of`."""
    return [ROOT / name for name in (*PRODUCT, "tests", *PAGES)]


def texts(paths: Sequence[Path]) -> Iterator[Text]:
    """All texts of paths. Of files in tests/ only docstrings, because tests quote the words they look for."""
    for file in files_of(paths):
        yield from texts_of(file, docstrings_only=relative(file).startswith("tests/"))


def check(paths: Sequence[Path], words: WordList) -> list[Finding]:
    """All findings in paths."""
    return [finding for text in texts(paths) for finding in words.findings(text)]


def count_table(all_texts: Iterable[Text], words: WordList) -> str:
    """Figures per package: docstrings and messages that were checked, and how many of them have a finding."""
    counts: dict[str, dict[str, list[int]]] = {}
    for text in all_texts:
        head, slash, _ = relative(text.file).partition("/")
        package = head if slash and head != "docs" else "pages"
        row = counts.setdefault(package, {"docstring": [0, 0], "message": [0, 0], "page": [0, 0]})
        hits = sum(1 for _ in words.findings(text))
        row[text.kind][0] += 1
        row[text.kind][1] += hits if text.kind == "page" else hits > 0
    lines = ["package        docstrings   with a hit     messages   with a hit   hits in pages"]
    total = [0, 0, 0, 0, 0]
    for package, row in counts.items():
        figures = [*row["docstring"], *row["message"], row["page"][1]]
        total = [a + b for a, b in zip(total, figures, strict=True)]
        lines.append(_row(package, figures))
    return "\n".join([*lines, _row("total", total)])


def _row(name: str, figures: Sequence[int]) -> str:
    docstrings, bad_docstrings, messages, bad_messages, pages = figures
    return (
        f"{name:<12} {docstrings:>12} {bad_docstrings:>6} {_share(bad_docstrings, docstrings):>5}"
        f" {messages:>12} {bad_messages:>6} {_share(bad_messages, messages):>5} {pages:>15}"
    )


def _share(part: int, count: int) -> str:
    return f"{100 * part / count:.0f} %" if count else "–"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.architecture.wording", description="Check the word list.")
    parser.add_argument("paths", nargs="*", type=Path, help="files and directories; default: the complete tree")
    parser.add_argument("--count", action="store_true", help="print figures per package instead of findings")
    parser.add_argument(
        "--words", type=Path, default=WORDS, help="the word list; default: tests/architecture/words.toml"
    )
    options = parser.parse_args(arguments)
    try:
        words = read_words(options.words)
        if options.count:
            print(count_table(texts(options.paths or default_paths()), words))
            return 0
        found = check(options.paths or default_paths(), words)
    except (WordListError, FileNotFoundError, SyntaxError) as error:
        print(error, file=sys.stderr)
        return 2
    for finding in found:
        print(finding)
    unused = [row for row in words.exceptions if row not in words.used] if not options.paths else []
    for row in unused:
        print(f"{relative(options.words)}: exception '{row.word}' in {row.where}: it matches nothing; delete it")
    if found or unused:
        print(f"{len(found)} findings in {len({row.file for row in found})} files", file=sys.stderr)
    return 1 if found or unused else 0


if __name__ == "__main__":
    sys.exit(main())
