"""The confirmation sheet as HTML, with the templates and the style of the report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files

from markupsafe import Markup

from agent.contract.sheet.content import sheet_texts
from agent.contract.sheet.sheet import Sheet
from agent.core.local_time import zone_of
from agent.core.text import LANGUAGES, Catalogue
from agent.savings.report.html.templating import bilingual_page, environment, style_sheet

PACKAGE = "agent.contract.sheet"
SHEET_ALONE = "@page { margin: 10mm 13mm; }\n"  # so that one motor fits on one page


def sheet_page(sheet: Sheet, first: str = "en") -> str:
    """The sheet as a separate file, in all languages. first: the one that is shown when it is opened."""
    title = f"{sheet.plan.contract} {sheet.month.month}"
    return bilingual_page(title, sheet_articles(sheet), first, style_sheet() + sheet_style() + SHEET_ALONE)


def sheet_articles(sheet: Sheet) -> Mapping[str, Markup]:
    """Language → the sheet, for the end of a report."""
    template = environment(PACKAGE).get_template("sheet.html")
    catalogues = {language: Catalogue(language, zone_of(sheet.plan.timezone)) for language in LANGUAGES}
    return {
        language: Markup(template.render(_=_, lang=language.partition("_")[0], sheet=sheet_texts(sheet, _)))
        for language, _ in catalogues.items()
    }


def added_to_report(sheets: Sequence[Sheet]) -> tuple[Mapping[str, Markup], str]:
    """Language → the sheets for the end of a report, and their style sheet; without sheets both are empty."""
    if not sheets:
        return {}, ""
    articles = [sheet_articles(sheet) for sheet in sheets]
    return {language: Markup("").join(each[language] for each in articles) for language in LANGUAGES}, sheet_style()


@cache
def sheet_style() -> str:
    return (files(PACKAGE) / "sheet.css").read_text(encoding="utf-8")
