"""Lists as CSV: UTF-8 with a byte-order mark, so that spreadsheets read Chinese; one column for each number."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from agent.core.spreadsheet import cell_text
from agent.web.base.context import catalogue_of
from agent.web.base.values import Why
from drivers.reasons import Code

BOM = "\ufeff"
FORMAT_INVALID = Code("page_format_invalid", "`format` must be json or csv")
_NO_WHY = dict.fromkeys(Why.__struct_fields__)


def wants_csv(request: Request) -> bool:
    """Whether the request wants CSV. Raises HTTPException 400."""
    asked = request.query_params.get("format", "json")
    if asked not in ("json", "csv"):
        raise HTTPException(400, catalogue_of(request).reason(FORMAT_INVALID()))
    return asked == "csv"


def csv_response(rows: Iterable[Any], name: str) -> Response:
    """rows: structs or mappings; inner ones become columns such as power_w.v. name: of the file, ASCII."""
    flat = [dict(_flat(msgspec.to_builtins(row))) for row in rows]
    columns = list(dict.fromkeys(column for row in flat for column in row))
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows([_cell(row.get(column)) for column in columns] for row in flat)
    headers = {"content-disposition": f'attachment; filename="{name}.csv"', "cache-control": "private, no-cache"}
    return Response((BOM + text.getvalue()).encode(), headers=headers, media_type="text/csv")


def _flat(row: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """The columns do not depend on which values are known."""
    for key, value in row.items():
        value = _NO_WHY if key == "why" and value is None else value
        if isinstance(value, Mapping):
            yield from _flat(value, f"{before}{key}.")
        elif not isinstance(value, list):
            yield before + key, value


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    return cell_text(value) if isinstance(value, str) else value
