"""Pages in all languages from Jinja2 templates: one HTML file, no script, nothing loaded, printable."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from agent.core.text import LANGUAGES, language_of

REPORT = "agent.savings.report"


def bilingual_page(title: str, articles: Mapping[str, Markup], first: str, style: str) -> str:
    """A page that shows one article at a time.

    articles: language, one of `LANGUAGES` → its article.
    first: the language that is shown when it is opened, a name that `language_of` knows.
    """
    names = {language: language.partition("_")[0] for language in articles}
    shown = [
        {"name": names[language], "code": language.replace("_", "-"), "title": LANGUAGES[language], "html": html}
        for language, html in articles.items()
    ]
    return (
        environment(REPORT)
        .get_template("page.html")
        .render(title=title, articles=shown, first=names[language_of(first) or "en"], style=Markup(style))
    )


@cache
def style_sheet(package: str = REPORT, name: str = "report.css") -> str:
    """A style sheet of a package; by default that of the report."""
    return (files(package) / name).read_text(encoding="utf-8")


def standalone_svg(svg: str, added_style: str = "") -> str:
    """A chart of a page as a separate file, which contains its colours. added_style: of the page."""
    sheet = style_sheet()
    colours = sheet[: sheet.index("* {")]
    rules = "\n".join(line for line in (sheet + added_style).splitlines() if line.startswith("svg"))
    style = f"<style>{colours}svg {{ font-family: system-ui, sans-serif; }}\n{rules}</style>"
    named = svg.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
    return named.replace("<title>", f"{style}<title>", 1)


@cache
def environment(package: str) -> Environment:
    """The templates of a package."""
    found = Environment(
        loader=PackageLoader(package), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, keep_trailing_newline=True,
    )  # fmt: skip
    found.filters |= {"dates": _dates, "light_signs": _light_signs}
    return found


def _dates(text: str) -> Markup:
    """A text in which a line never breaks within a date."""
    return Markup(re.sub(r"\d{4}-\d\d-\d\d", r'<span class="date">\g<0></span>', str(escape(text))))


def _light_signs(text: str) -> Markup:
    """A text whose ± is lighter than the numbers."""
    return escape(text).replace("±", Markup("<i>±</i>"))
