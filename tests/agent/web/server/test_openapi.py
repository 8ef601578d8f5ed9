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


@pytest.mark.parametrize("path", ["/plant", "/plant/month", "/motors", "/alarms", "/motors/pump-1/condition"])
def test_an_answer_has_the_form_of_its_schema(page: Page, path: str) -> None:
    from jsonschema import Draft202012Validator

    document = page.json(f"{BASE}/openapi.json")
    operation = document["paths"][path.replace("pump-1", "{id}")]["get"]
    answer = operation["responses"]["200"]["content"]["application/json"]["schema"]
    schema = {"$ref": answer["$ref"], "components": document["components"]}
    Draft202012Validator(schema).validate(page.json(f"{BASE}{path}"))
    with pytest.raises(Exception, match=r"is not|is a required"):
        Draft202012Validator(schema).validate({"t": 1, "month": 1, "motors": 1})


def test_it_says_that_only_decisions_about_alarms_can_be_entered(page: Page) -> None:
    document = page.json(f"{BASE}/openapi.json")
    others = {path: set(methods) for path, methods in document["paths"].items() if set(methods) != {"get"}}
    assert others == {"/alarms/actions": {"post"}}
