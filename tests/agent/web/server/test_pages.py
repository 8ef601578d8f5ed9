"""Each address responds: the page with the data of its start, static files, the API and its errors."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re

import pytest
from support.page import Page, running_page

from agent.core.text import Catalogue

START = re.compile(r'<script type="application/json" id="start">(.*?)</script>', re.DOTALL)


def start_of(html: str) -> dict[str, object]:
    found = START.search(html)
    assert found
    start: dict[str, object] = json.loads(found[1])
    return start


@pytest.mark.parametrize("path", ["/", "/m/pump-1", "/m/pump-1/pq", "/pq", "/savings/2026-10", "/alarms", "/health"])
def test_each_view_gets_the_page_with_the_plant_in_it(page: Page, path: str) -> None:
    answer = page.get(path)
    assert answer.status == 200
    plant = start_of(answer.text)["plant"]
    assert isinstance(plant, dict)
    assert [motor["id"] for motor in plant["motors"]] == ["pump-1", "pump-2"]
    assert plant["simulated"] is True


def test_an_unknown_address_is_a_page_for_people_and_a_problem_for_programs(page: Page) -> None:
    assert page.get("/nowhere").status == 404
    assert start_of(page.get("/nowhere").text)["language"] == "en"
    answer = page.get("/api/v1/nowhere")
    assert answer.headers["content-type"] == "application/problem+json"
    assert json.loads(answer.body).keys() == {"type", "title", "status"}


def test_the_language_is_that_of_the_query_the_cookie_or_the_browser(page: Page) -> None:
    def language(query: str = "", **headers: str) -> object:
        return start_of(page.get(f"/{query}", **headers).text)["language"]

    assert language() == "en"
    assert language(accept_language="fr, zh-CN;q=0.9") == "zh"
    assert language(accept_language="zh", cookie="lang=en") == "en"
    assert language("?lang=zh", cookie="lang=en") == "zh"
    assert '<html lang="zh-CN">' in page.get("/?lang=zh").text


def test_one_process_answers_in_both_languages(page: Page) -> None:
    ratings = [page.json(f"/api/v1/motors?lang={name}")["motors"][1]["rating"] for name in ("en", "zh")]
    assert ratings == [f"55 kW · {Catalogue(name)('magnet motor')}" for name in ("en", "zh_CN")]


def test_a_name_with_markup_stays_text() -> None:
    name = "</script><script>alert(1)</script><!--\u2028"
    with running_page() as page:
        page.motor("pump-1", name)
        page.telemetry("pump-1")
        html = page.get("/").text
        assert "alert(1)</script>" not in html
        assert html.count("<script") == 3  # import map, program, data
        plant = start_of(html)["plant"]
        assert isinstance(plant, dict)
        assert plant["motors"][0]["name"] == name


@pytest.mark.parametrize("path", ["/static/app.js", "/api/v1/openapi.json", "/i18n/zh.json"])
def test_what_has_not_changed_is_not_sent_again(page: Page, path: str) -> None:
    first = page.get(path)
    assert first.status == 200
    again = page.get(path, if_none_match=f'"another", {first.headers["etag"]}')
    assert (again.status, again.body) == (304, b"")
    assert page.get(path, if_none_match='"another"').body == first.body


def test_a_changed_plant_has_another_entity_tag(page: Page) -> None:
    before = page.get("/api/v1/plant").headers["etag"]
    page.telemetry("pump-1", {"active_power_w": 31000.0})
    assert page.get("/api/v1/plant", if_none_match=before).status == 200


def test_static_files_are_compressed(page: Page) -> None:
    plain, packed = page.get("/static/page.css"), page.get("/static/page.css", accept_encoding="br, gzip")
    assert packed.headers["content-encoding"] == "gzip"
    assert gzip.decompress(packed.body) == plain.body
    assert len(packed.body) < len(plain.body) / 2
    assert page.get("/static/app.js").headers["content-type"].startswith("text/javascript")


def test_the_first_load_fits_the_budget(page: Page) -> None:
    """All that the first view loads, compressed: at most 90 kB, of which the other views need their part."""
    html = page.get("/", accept_encoding="gzip")
    names = re.findall(r'(?:href|src)="(/static/[^"]+)"', gzip.decompress(html.body).decode())
    names += [f"/static/vendor/{name}.mjs" for name in ("preact", "preact-hooks", "htm")]
    assert "/static/page.css" in names
    assert len(set(names)) <= 6, "each is a round trip of a slow connection, six at a time"
    assert "/static/app.js" in names
    assert len(html.body) + sum(len(page.get(name, accept_encoding="gzip").body) for name in set(names)) <= 90_000


def test_lists_are_csv_that_spreadsheets_read(page: Page) -> None:
    answer = page.get("/api/v1/motors?format=csv")
    assert answer.body.startswith(b"\xef\xbb\xbf")
    head, *rows = answer.body.decode("utf-8-sig").splitlines()
    assert {"id", "power_w.v", "efficiency_pct.u"} <= set(head.split(","))
    assert [row.split(",")[0] for row in rows] == ["pump-1", "pump-2"]


def test_the_columns_of_csv_do_not_depend_on_what_is_known() -> None:
    with running_page() as page:
        page.motor("pump-1")
        without_values = page.get("/api/v1/motors?format=csv").text.splitlines()[0]
        page.telemetry("pump-1")
        columns = page.get("/api/v1/motors?format=csv").text.splitlines()[0]
        assert columns == without_values
        assert {"power_w.why.code", "saved_w.why.code"} <= set(columns.split(","))


def test_a_format_that_does_not_exist_is_refused(page: Page) -> None:
    for path in ("motors?format=xml", "events?format=CSV", "savings?format="):
        answer = page.get(f"/api/v1/{path}")
        assert (answer.status, answer.headers["content-type"]) == (400, "application/problem+json"), path
    assert page.get("/api/v1/motors?format=json").headers["content-type"] == "application/json"


@pytest.mark.parametrize("first", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"])
def test_a_cell_of_csv_is_never_a_formula(page: Page, first: str) -> None:
    """OWASP, CSV injection; Chinese and Japanese spreadsheets take the wide characters, too."""
    page.motor("pump-3", f'{first}HYPERLINK("http://evil.example")')
    rows = csv.DictReader(io.StringIO(page.get("/api/v1/motors?format=csv").body.decode("utf-8-sig"), newline=""))
    assert [row["name"][:2] for row in rows if row["id"] == "pump-3"] == [f"'{first}"]
    page.remove("pump-3")


def test_a_name_is_never_markup(page: Page) -> None:
    page.motor("pump-3", "</script><script>alert(1)</script>\u2028")
    assert page.get("/").text.count("<script>") == 0, "scripts of the page have a type or a source"
    assert "alert(1)" in page.json("/api/v1/plant")["motors"][-1]["name"]
    assert page.get("/api/v1/plant").headers["content-type"] == "application/json"
    page.remove("pump-3")


def test_head_answers_without_a_body(page: Page) -> None:
    for path in ("/", "/api/v1/plant", "/api/v1/stream"):
        answer = page.get(path, "HEAD")
        assert (answer.status, answer.body) == (200, b""), path
