"""The map of the documentation, and Markdown that code hosts and the site read in the same way."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import markdown
import pytest
from markdown_it import MarkdownIt
from mkdocs.config import load_config

from docs.generate.site_hooks import DOCS, ROOT, for_python_markdown, navigation
from tests.architecture.test_links import PAGES, anchors

MAP_WORDS_MAX = 450
ROW = re.compile(r"^\| \[(\d+)\]\(([^)]+)\) \| (.+?) \| (.+?) \|$", re.MULTILINE)
ELEMENTS = {"a", "code", "em", "h1", "h2", "h3", "h4", "img", "li", "ol", "strong", "table", "td", "th", "ul"}


def files(entries: Iterable[object]) -> Iterator[str]:
    for entry in entries:
        value = next(iter(entry.values())) if isinstance(entry, dict) else entry
        if isinstance(value, str):
            yield value
        else:
            yield from files(value)


def test_each_page_is_once_in_the_navigation() -> None:
    """The navigation is docs/README.md and the indexes that it links to: a new page needs a line there."""
    pages = [page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md")]
    pages += [f"repository/{page.name}" for page in ROOT.glob("*.md")]
    assert sorted(files(navigation())) == sorted(pages)


def test_the_map_stays_short() -> None:
    assert len((DOCS / "README.md").read_text(encoding="utf-8").split()) <= MAP_WORDS_MAX


def test_each_decision_is_in_the_index() -> None:
    """With its number, one sentence, and its state."""
    folder = DOCS / "decisions"
    rows = ROW.findall((folder / "README.md").read_text(encoding="utf-8"))
    assert [file for _, file, _, _ in rows] == sorted(page.name for page in folder.glob("[0-9]*.md"))
    for number, file, sentence, _state in rows:
        title = (folder / file).read_text(encoding="utf-8").partition("\n")[0]
        assert file.startswith(f"{int(number):04}-")
        assert title.startswith(f"# {number}. ")
        assert re.fullmatch(r"[A-Z`].*[^.]\.", sentence), sentence
        assert not re.search(r"\. [A-Z]", sentence), sentence


@cache
def site_markdown() -> markdown.Markdown:
    config = load_config(str(ROOT / "mkdocs.yml"))
    return markdown.Markdown(extensions=config.markdown_extensions, extension_configs=config.mdx_configs)


class Structure(HTMLParser):
    """counts: how often each element occurs, a code block as one. ids: of the headings."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.counts, self.ids, self._code = Counter[str](), set[str](), False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if re.fullmatch("h[1-6]", tag):
            self.ids.add(str(given.get("id")))
        if tag == "pre":
            self._code = True
        elif self._code or tag not in ELEMENTS or given.get("class") == "headerlink":
            return
        self.counts[tag] += 1

    def handle_endtag(self, tag: str) -> None:
        if tag == "pre":
            self._code = False


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_site_reads_a_page_as_code_hosts_do(page: Path) -> None:
    """As CommonMark with tables, with the same anchors. Of several equal headings only the first has the same one."""
    text = page.read_text(encoding="utf-8")
    ours = Structure(site_markdown().reset().convert(for_python_markdown(text)))
    theirs = Structure(MarkdownIt("commonmark").enable("table").render(text))
    assert ours.counts == theirs.counts
    assert {re.sub(r"-\d+$", "", name) for name in anchors(page)} <= {re.sub(r"-\d+$", "", name) for name in ours.ids}
