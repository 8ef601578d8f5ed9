"""Hooks of mkdocs for the site of the documentation (mkdocs.yml): navigation and links that leave docs/.

The navigation is docs/README.md: each of its headings is a section with the pages that are linked below it. An index,
such as decisions/README.md, is a section inside it with the pages that the index links to. A page that is linked twice
appears at its first place.

What a page links to outside docs/ is in the folder `repository` of the site: pages as pages, other files as copies. A
folder without README.md becomes a list of its files.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from os.path import relpath
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files, InclusionLevel
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
LINK = re.compile(r"(?<=\]\()(?![a-z]+:)([^)\s#]+)")
_TITLED = re.compile(r"(?<!!)\[([^]]*)\]\((?![a-z]+:)([^)\s#]+\.md)")
_FENCED = re.compile(r"^((`{3,}).*?^\2`*)$", re.MULTILINE | re.DOTALL)
_START = r"(?=[-*+] |1[.)] |\|.*\|\n\|[-:| ]+\|$)"  # of a list or table
_TEXT_BEFORE = re.compile(rf"^(?![-*+] |[|#>\n]|\d+[.)] | {{2}})(.+\n){_START}", re.MULTILINE)
_CHINESE_LINES = re.compile("(?<=[一-鿿、。，；：？！）”])\n(?=[一-鿿（“])")
_TERM = re.compile("(?<![一-鿿])[一-鿿]{2,3}(?![一-鿿])")  # words that the search would divide, such as 节电量


def navigation(start: Path = DOCS / "README.md") -> list[Any]:
    """The `nav` of mkdocs, made of the headings and links of the map."""
    seen = {start}
    _, *sections = re.split(r"^## +", start.read_text(encoding="utf-8"), flags=re.MULTILINE)
    found: list[Any] = [{"Map": place(start)}]
    for section in sections:
        entries = list(_entries(section, start.parent, seen))
        if entries:
            found.append({section.partition("\n")[0].strip(): entries})
    return found


def _entries(text: str, folder: Path, seen: set[Path]) -> Iterator[Any]:
    for title, link in _TITLED.findall(text):
        target = (folder / link).resolve()
        if target in seen:
            continue
        seen.add(target)
        if target.name == "README.md" and target.parent not in (ROOT, DOCS):
            below = _entries(target.read_text(encoding="utf-8"), target.parent, seen)
            yield {title: [place(target), *(next(iter(entry.values())) for entry in below)]}
        else:
            yield {title: place(target)}


def place(target: Path) -> str:
    """The path of a file or folder of the repository in the sources of the site."""
    if target.is_dir():
        target /= "README.md" if (target / "README.md").exists() else "index.md"
    return (
        target.relative_to(DOCS).as_posix()
        if target.is_relative_to(DOCS)
        else f"repository/{target.relative_to(ROOT).as_posix()}"
    )


def origin(place: str) -> Path:
    """The inverse of `place` for files."""
    return ROOT / place.removeprefix("repository/") if place.startswith("repository/") else DOCS / place


def targets(page: Path) -> Iterator[Path]:
    """The existing files and folders that a page links to."""
    for link in LINK.findall(page.read_text(encoding="utf-8")):
        target = (page.parent / link).resolve()
        if target.exists() and target.is_relative_to(ROOT):
            yield target


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    import jieba  # here, because its import warns, and tests of the navigation do not need it

    jieba.setLogLevel(logging.WARNING)
    for term in _TERM.findall((DOCS / "reference" / "glossary.md").read_text(encoding="utf-8")):
        jieba.add_word(term)
    config.nav = navigation()
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    waiting = [*ROOT.glob("*.md"), *(origin(page.src_uri) for page in files.documentation_pages())]
    done = set[Path]()
    while waiting:
        file = waiting.pop()
        if file in done or place(file) == "README.md":
            continue
        done.add(file)
        if file.is_dir():
            inside = sorted(one for one in file.rglob("*") if one.is_file() and "__pycache__" not in one.parts)
            waiting += inside
            if not (file / "README.md").exists():
                names = (one.relative_to(file).as_posix() for one in inside)
                listed = "\n".join([f"# {file.name}\n", *(f"- [{name}]({name})" for name in names)])
                files.append(File.generated(config, place(file), content=listed, inclusion=InclusionLevel.NOT_IN_NAV))
            continue
        if files.get_file_from_path(place(file)) is None:
            files.append(File.generated(config, place(file), abs_src_path=str(file)))
        if file.suffix == ".md":
            waiting += targets(file)
    return files


def for_python_markdown(text: str) -> str:
    """The same page for Python-Markdown, which needs an empty line before each list or table, and four spaces before an
    inner list. Code hosts, which read CommonMark, do not. Chinese lines are joined without a space."""
    parts = _FENCED.split(text)  # text, code, its mark, text, code, …
    for number in range(0, len(parts), 3):
        part = _TEXT_BEFORE.sub(r"\1\n", re.sub(rf"\A\n{_START}", "\n\n", parts[number], flags=re.MULTILINE))
        parts[number] = _CHINESE_LINES.sub("", re.sub(r"^ {2,3}(?=[-*+] )", "    ", part, flags=re.MULTILINE))
    return "".join(part for number, part in enumerate(parts) if number % 3 < 2)


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    markdown = for_python_markdown(markdown)
    source = origin(page.file.src_uri)
    if not source.exists():
        return markdown

    def on_the_site(link: re.Match[str]) -> str:
        target = (source.parent / link[0]).resolve()
        known = target.exists() and target.is_relative_to(ROOT)
        return relpath(place(target), Path(page.file.src_uri).parent) if known else link[0]

    return LINK.sub(on_the_site, markdown)


def on_post_page(output: str, page: Page, config: MkDocsConfig) -> str:
    """The language of the page, for screen readers and the choice of Chinese letters."""
    chinese = page.file.src_uri.startswith("zh/") or page.file.src_uri.endswith("zh-CN.md")
    return output.replace('<html lang="en"', '<html lang="zh"', 1) if chinese else output
