"""Files of signed documents: the layout has no meaning, everything else is rejected with its cause."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.contract import document, signed, version, write_json

from agent.contract import reasons as codes
from agent.contract.documents import write_document
from agent.contract.plan_toml import read_toml_plan, toml_text
from agent.contract.plan_versions import read_plan
from drivers.file_reasons import FILE_MISSING, FILE_UNREADABLE
from drivers.reasons import Code, InvalidValue


def written(path: Path) -> dict[str, Any]:
    write_document(path, signed(document()).signed)
    body: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return body


def backwards(value: Any) -> Any:
    """The same with the keys of each object in the reverse order."""
    if isinstance(value, dict):
        return {key: backwards(value[key]) for key in reversed(value)}
    return [backwards(item) for item in value] if isinstance(value, list) else value


def test_a_file_with_another_layout_has_the_same_signatures(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    body = written(path)
    for text in (
        json.dumps(backwards(body)), json.dumps(body, indent=4, ensure_ascii=True).replace("\n", "\r\n"),
        "\ufeff" + json.dumps(body, ensure_ascii=False),
    ):  # fmt: skip
        path.write_bytes(text.encode())
        found = read_plan(path)
        assert found.not_in_force() is None
        assert found.signed.id == version(document()).signed.id


def rejected(path: Path) -> Code:
    with pytest.raises(InvalidValue) as caught:
        read_plan(path)
    return caught.value.reason.code


@pytest.mark.parametrize(
    ("edit", "code"),
    [
        (lambda body: body | {"s": "magwatt.signed/2"}, codes.DOCUMENT_NEWER),
        (lambda body: body | {"document": body["document"] | {"s": "magwatt.plan/2"}}, codes.DOCUMENT_NEWER),
        (lambda body: body | {"document": body["document"] | {"s": "magwatt.month/1"}}, codes.DOCUMENT_FORM_WRONG),
        (lambda body: body | {"s": "magwatt.signed/0"}, codes.DOCUMENT_FORM_WRONG),
        (lambda body: body["document"], codes.DOCUMENT_FORM_WRONG),
        (lambda body: body | {"more": 1}, codes.DOCUMENT_FORM_WRONG),
        (lambda body: body | {"signatures": {}}, codes.DOCUMENT_FORM_WRONG),
        (lambda body: [body], codes.DOCUMENT_FORM_WRONG),
        (
            lambda body: body | {"signatures": [body["signatures"][0] | {"s": "magwatt.signature/2", "note": ""}]},
            codes.DOCUMENT_NEWER,
        ),
        (lambda body: body | {"signatures": [{}]}, codes.DOCUMENT_NOT_JSON),
        (lambda body: body | {"signatures": [body["signatures"][0] | {"note": ""}]}, codes.DOCUMENT_NOT_JSON),
        (lambda body: body | {"signatures": [body["signatures"][0] | {"signed_ms": True}]}, codes.DOCUMENT_NOT_JSON),
        (lambda body: body | {"document": body["document"] | {"version": 1.0}}, codes.DOCUMENT_NOT_JSON),
    ],
)
def test_what_is_no_signed_plan_is_rejected(tmp_path: Path, edit: Any, code: Code) -> None:
    path = tmp_path / "plan.json"
    assert rejected(write_json(path, edit(written(path)))) == code


def test_a_key_that_is_there_twice_is_rejected(tmp_path: Path) -> None:
    """Readers differ in which of the two values they take."""
    path = tmp_path / "plan.json"
    text = json.dumps(written(path)).replace('"version": 1', '"version": 1, "version": 2')
    path.write_text(text, encoding="utf-8")
    assert rejected(path) == codes.DOCUMENT_NOT_JSON


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    assert rejected(tmp_path / "none.json") == FILE_MISSING
    assert rejected(tmp_path) == FILE_UNREADABLE
    (path := tmp_path / "plan.json").write_bytes(b"\xff{")
    assert rejected(path) == codes.DOCUMENT_NOT_JSON
    path.write_text("[" * 100_000, encoding="ascii")
    assert rejected(path) == codes.DOCUMENT_NOT_JSON
    path.write_bytes(b" " * 10_000_001)
    assert rejected(path) == codes.DOCUMENT_TOO_LARGE


def test_toml_and_json_are_the_same_document(tmp_path: Path) -> None:
    """The draft as TOML, with bare dates as people write them."""
    (path := tmp_path / "plan.toml").write_text(
        toml_text(document(), {}).replace('"2026-10-01"', "2026-10-01"), encoding="utf-8"
    )
    assert read_toml_plan(path).signed.id == version(document()).signed.id
