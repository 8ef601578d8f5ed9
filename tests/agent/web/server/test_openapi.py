"""The OpenAPI document is valid, names each path of the API, and describes the responses."""

from __future__ import annotations

import pytest
from openapi_spec_validator import validate
from support.page import Page

BASE = "/api/v1"


def test_the_document_is_valid_openapi(page: Page) -> None:
    document = page.json(f"{BASE}/openapi.json")
    assert document["openapi"].startswith("3.1")
    validate(document)


def test_it_names_each_path_of_the_api(page: Page) -> None:
    routes = {route.path_format for route in page.server.config.app.routes if route.path.startswith(BASE)}
    assert {BASE + path for path in page.json(f"{BASE}/openapi.json")["paths"]} == routes


@pytest.mark.parametrize("path", ["/plant", "/plant/month", "/motors"])
def test_an_answer_has_the_form_of_its_schema(page: Page, path: str) -> None:
    from jsonschema import Draft202012Validator

    document = page.json(f"{BASE}/openapi.json")
    answer = document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    schema = {"$ref": answer["$ref"], "components": document["components"]}
    Draft202012Validator(schema).validate(page.json(f"{BASE}{path}"))
    with pytest.raises(Exception, match="is not"):
        Draft202012Validator(schema).validate({"t": 1, "month": 1, "motors": 1})


def test_it_says_that_nothing_can_be_written(page: Page) -> None:
    document = page.json(f"{BASE}/openapi.json")
    assert all(set(methods) == {"get"} for methods in document["paths"].values())
