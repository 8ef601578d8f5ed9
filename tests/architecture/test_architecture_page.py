"""ARCHITECTURE.md: its packages are those of the project, and each file and name that it mentions exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.architecture import architecture_page
from tests.architecture.imports import PACKAGES, ROOT

WORDS_MAX = 1300  # one page
SECTIONS = ("The path of a sample", "Where to change")
NOT_CODE = {"locale"}  # folders of `agent` without code
# File name or path: with a slash, or with an ending.
FILE = re.compile(r"[\w<>*./-]*(?:/[\w<>*.-]*|\.(?:py|js|csv|toml|html|sql|md))")
NAME = re.compile(r"[A-Z]\w+")

DIAGRAM = """## Packages
```
tools/   shared (imports nothing)
app/     the product (imports tools)

    page     views: list | detail

    store    rows, and
             their files (imports only base and tools)
    mail     letters (imports also tools)

    base     names
```
## Next
"""


def folders(place: Path) -> set[str]:
    return {path.name for path in place.iterdir() if path.is_dir() and path.name not in {"__pycache__", *NOT_CODE}}


def files_named(spans: list[str]) -> tuple[list[Path], list[str]]:
    """The files that code spans name, and the spans that name none or more than one.

    A name without a folder is below the folder of the last path before it.
    """
    found: list[Path] = []
    wrong: list[str] = []
    folder = ROOT
    for span in spans:
        if not FILE.fullmatch(span):
            continue
        pattern = re.sub(r"<\w+>", "*", span).rstrip("/")
        places = sorted(ROOT.glob(pattern))
        if places:
            folder = places[0] if places[0].is_dir() and "*" not in pattern else (ROOT / pattern).parent
        else:
            places = sorted(folder.rglob(pattern)) if "*" not in str(folder) else []
            if len(places) != 1:
                wrong.append(span)
        found += places
    return found, wrong


def test_the_diagram_is_read() -> None:
    """Groups, rules that continue on a second line, and lists."""
    found = architecture_page.packages(DIAGRAM)
    assert [(one.name, one.group, one.only, one.also, one.parts) for one in found.values()] == [
        ("tools", -1, set(), set(), set()),
        ("app", -1, {"tools"}, set(), set()),
        ("page", 1, None, set(), {"list", "detail"}),
        ("store", 2, {"base", "tools"}, set(), set()),
        ("mail", 2, None, {"tools"}, set()),
        ("base", 3, None, set(), set()),
    ]


def test_each_package_is_in_the_diagram() -> None:
    shown = architecture_page.packages()
    assert {name for name, package in shown.items() if package.group < 0} == set(PACKAGES)
    assert {name for name, package in shown.items() if package.group >= 0} == folders(ROOT / "agent")


def test_the_parts_of_a_package_are_its_folders() -> None:
    """A package with two folders or more lists them."""
    for name, package in architecture_page.packages().items():
        if package.group >= 0:
            inner = folders(ROOT / "agent" / name)
            assert package.parts == (inner if len(inner) > 1 else set()), name


@pytest.mark.parametrize("title", SECTIONS)
def test_each_file_of_the_page_exists(title: str) -> None:
    rows = list(architecture_page.code_spans(title))
    assert len(rows) > 5
    for row, spans in rows:
        wrong = files_named(spans)[1]
        assert not wrong, f"no file, or several: {', '.join(wrong)}, in: {row}"


def test_each_name_of_the_table_is_in_a_file_of_its_row() -> None:
    """Classes and constants in "Where to change"."""
    checked = 0
    for row, spans in architecture_page.code_spans("Where to change"):
        files = [file for file in files_named(spans)[0] if file.is_file()]
        for name in (span for span in spans if NAME.fullmatch(span)):
            checked += 1
            texts = [file.read_text(encoding="utf-8") for file in files]
            assert any(re.search(rf"^(?:class )?{name}\b", text, re.MULTILINE) for text in texts), f"{name} in: {row}"
    assert checked >= 5


def test_a_missing_file_is_found() -> None:
    """A path, a name below a folder, and a name that several folders have."""
    assert files_named(["agent/core/metrics.py", "metrics.py"])[1] == []
    assert files_named(["agent/core/NO_SUCH.py"])[1] == ["agent/core/NO_SUCH.py"]
    assert files_named(["agent/core/metrics.py", "no_such.py"])[1] == ["no_such.py"]
    assert files_named(["agent/web", "app.py"])[1] == ["app.py"]


def test_it_is_one_page() -> None:
    assert len((ROOT / architecture_page.PAGE).read_text(encoding="utf-8").split()) <= WORDS_MAX
