"""Messages of one kind as a table: one row for each message, one column for each metric.

Methods, flags and reasons of a message are its JSON texts in the columns m, f and r. They repeat from row to row, so
that they cost almost nothing, and the columns of a table do not depend on which value had a flag.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

import msgspec
import pyarrow as pa
from msgspec import Struct

from agent.core.metrics import by_name
from drivers.vocabulary import metric_name, vocabulary

EXACT = ("savings", "event", "health")  # kinds whose numbers are sums, counts and times: 32 bits are not enough
ROUNDED = ("measured", "estimate", "window")  # of other kinds: published with at most seven significant digits
TEXT = pa.dictionary(pa.int32(), pa.string())
SERIES = pa.list_(pa.float32())
_NUMBERS = {int, float, bool}
FRAME = ("t", "id", "asset", "q")
JSON_TEXTS = ("m", "f", "r")


class RowMessage(Struct):
    """A message of the spool or of a broker.

    v: metric → value; an uncertainty is the metric <name>_u. m, f, r: JSON objects.
    topic: only in files of the sink. asset: name of the motor or meter; None: the gateway. Set by the reader.
    """

    s: str
    t: int
    id: str
    q: str
    v: dict[str, Any]
    m: msgspec.Raw = msgspec.Raw()  # empty: the message has none
    f: msgspec.Raw = msgspec.Raw()
    r: msgspec.Raw = msgspec.Raw()
    topic: str = ""
    asset: str | None = None


def table_of(kind: str, rows: Sequence[RowMessage]) -> pa.Table:
    """The messages in their order. A metric that no message names has no column."""
    columns: dict[str, pa.Array] = {
        "t": pa.array([row.t for row in rows], pa.timestamp("ms", tz="UTC")),
        "id": pa.array([row.id for row in rows], pa.string()),
        "asset": pa.array([row.asset for row in rows], pa.string()).dictionary_encode(),
        "q": pa.array([row.q for row in rows], pa.string()).dictionary_encode(),
    }
    names = sorted(set().union(*(row.v for row in rows)))
    by_row = [list(map(row.v.get, names)) for row in rows]  # row by row, while its values are in the processor's cache
    for name, values in zip(names, zip(*by_row, strict=True), strict=True):
        columns[name] = _column(kind, name, values)
    for name in JSON_TEXTS:
        texts = [bytes(getattr(row, name)) or None for row in rows]
        if any(texts):
            columns[name] = pa.array(texts, pa.binary()).cast(pa.string()).dictionary_encode()
    return pa.table(columns)


def united(tables: Iterable[pa.Table]) -> pa.Table:
    """Tables of one kind below each other; a column has the wider of its types."""
    found = list(tables)
    types: dict[str, pa.DataType] = {}
    for table in found:
        for column in table.schema:
            types[column.name] = _wider(types.get(column.name, column.type), column.type)
    schema = pa.schema(sorted(types.items(), key=lambda item: _place(item[0])))
    return pa.concat_tables([_with_schema(table, schema) for table in found]).unify_dictionaries()


@cache
def number_type(kind: str, metric: str) -> pa.DataType:
    """The type of a number by the table of metrics.

    float32 where the published digits fit into it, int64 for counters in whole Wh or seconds, otherwise float64.
    """
    row = by_name(kind).get(metric)
    if row is None:
        base = by_name(kind).get(metric.removesuffix("_u")) if metric.endswith("_u") else None
        return pa.float32() if base else pa.float64()
    if row.kind == "counter":
        return pa.int64() if row.unit == "Wh" or metric.endswith("_s") or kind == "health" else pa.float64()
    return pa.float32() if row.kind in ROUNDED and kind not in EXACT and metric not in _words() else pa.float64()


@cache
def _words() -> frozenset[str]:
    """Metrics that are bits, codes, numbers of a device or settings: up to 32 bits, all of them significant."""
    return frozenset(metric_name(item.name, item.unit) for item in vocabulary().values()
                     if item.kind not in ("gauge", "counter"))  # fmt: skip


def _column(kind: str, name: str, values: Sequence[Any]) -> pa.Array:
    types = set(map(type, values)) - {type(None)}
    try:
        if types <= _NUMBERS:
            return _numbers(number_type(kind, name), values, types)
        if types == {list}:
            return pa.array(values, SERIES)
    except (pa.ArrowException, OverflowError):
        pass  # a message of another program: its value is stored as text
    texts = [value if value is None or isinstance(value, str) else msgspec.json.encode(value).decode()
             for value in values]  # fmt: skip
    return pa.array(texts, pa.string()).dictionary_encode()


def _numbers(wanted: pa.DataType, values: Sequence[Any], types: set[type]) -> pa.Array:
    if pa.types.is_int64(wanted) and float in types:
        wanted = pa.float64()
    try:
        return pa.array(values, wanted)
    except pa.ArrowException:  # an integer that 24 bits cannot represent
        return pa.array([None if value is None else float(value) for value in values], pa.float64())


def _wider(one: pa.DataType, other: pa.DataType) -> pa.DataType:
    if one == other:
        return one
    both = (one, other)
    for winner in (TEXT, SERIES):
        if winner in both:
            return winner
    return pa.float64()


def _place(column: str) -> tuple[int, str]:
    """Where a column is: the frame, the metrics by name, the JSON texts."""
    if column in FRAME:
        return FRAME.index(column), ""
    return len(FRAME) + (column in JSON_TEXTS), column


def _with_schema(table: pa.Table, schema: pa.Schema) -> pa.Table:
    return pa.table([_as(table, column, table.num_rows) for column in schema], schema=schema)


def _as(table: pa.Table, column: pa.Field, rows: int) -> Any:
    if column.name not in table.column_names:
        return pa.nulls(rows, column.type)
    found = table.column(column.name)
    if found.type == column.type:
        return found
    if column.type == TEXT:
        return pa.chunked_array([found.cast(pa.string()).combine_chunks().dictionary_encode()])
    return found.cast(column.type) if column.type != SERIES else pa.nulls(rows, SERIES)
