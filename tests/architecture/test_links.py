"""Links to the pages of the documentation, from pages and from the code: each file and each heading exists."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from urllib.parse import unquote

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"\]\(([^)\s]+)\)")
NAMED = re.compile(r"\bdocs/[\w/.-]+\.md(?:#[\w-]+)?")
SOURCES = ("agent", "benchmarks", "deploy", "docs/generate", "drivers", "dsp", "examples", "simulators", "tests")
SUFFIXES = {".conf", ".csv", ".html", ".js", ".mjs", ".py", ".service", ".sh", ".sql", ".toml"}


def without_code(text: str) -> str:
    text = re.sub(r"^(```+).*?^\1$", "", text, flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"`[^`\n]*`", "", re.sub(r"^( {4}|\t).*$", "", text, flags=re.MULTILINE))


@cache
def anchors(page: Path) -> frozenset[str]:
    """Of the headings, as code hosts make them: small letters, no punctuation, `-` for a space, numbers for repeats."""
    found: dict[str, int] = {}
    text = re.sub(r"^(```+).*?^\1$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    names = set(re.findall(r'<a (?:id|name)="([^"]+)"', text))
    for heading in re.findall(r"^#+ +(.*?)#*$", text, re.MULTILINE):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading.strip()).lower()
        name = re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
        names.add(f"{name}-{found[name]}" if name in found else name)
        found[name] = found.get(name, 0) + 1
    return frozenset(names)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_each_link_leads_somewhere(page: Path) -> None:
    broken = []
    for link in LINK.findall(without_code(page.read_text(encoding="utf-8"))):
        if re.match(r"[a-z]+:", link):
            continue
        file, _, anchor = unquote(link).partition("#")
        target = (page.parent / file).resolve() if file else page
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("folder", SOURCES)
def test_each_page_that_the_code_names_exists(folder: str) -> None:
    """Pages in messages and comments, as seen from the root: docs/reference/mqtt.md#events."""
    files = [file for file in (ROOT / folder).rglob("*") if file.suffix in SUFFIXES]
    assert files
    broken = []
    for file in files:
        for named in NAMED.findall(file.read_text(encoding="utf-8")):
            page, _, anchor = named.partition("#")
            if not (ROOT / page).exists() or (anchor and anchor not in anchors(ROOT / page)):
                broken.append(f"{file.relative_to(ROOT)}: {named}")
    assert broken == []
