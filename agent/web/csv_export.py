"""Lists as CSV: UTF-8 with a byte-order mark, so that spreadsheets read Chinese; one column for each number."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from agent.core.spreadsheet import cell_text

BOM = "\ufeff"


def wants_csv(request: Request) -> bool:
    return request.query_params.get("format") == "csv"


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
    for key, value in row.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{before}{key}.")
        elif not isinstance(value, list):
            yield before + key, value


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    return cell_text(value) if isinstance(value, str) else value
