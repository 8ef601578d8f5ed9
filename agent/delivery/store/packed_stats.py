"""The body of a row of 1 min or 15 min: 32-bit floats by columns, whose names are stored once, in a separate row.

A motor with a meter and a drive takes 0.4 kB; compressed JSON with all metrics took 2.4 kB and an overflow page. A
column is a metric, or `metric/min`, `/max` or `/u`. Columns without a value are left out: a bitmap states those that
follow.

    byte      content
    0         PACKED; the compressed JSON of earlier software begins with another byte
    1         k, number of pairs (n, flags)
    2 to 5    number of the layout: CRC-32 of its JSON
    6         bitmap of the columns, bit 0 of byte 0 first; as long as the layout requires
    then      n and flags of all metrics, 32 bits each; k - 1 times: n and flags of some metrics, and a bitmap of these
    then      the values
    last 4    CRC-32 of the bytes before
All numbers are little-endian.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

import msgspec

from agent.core.kept import MEAN, NOTHING, RANGE
from agent.core.metrics import kept
from agent.delivery.store.interval_stats import Stats

PACKED = 1
_HEAD, _PAIR, _FLOAT, _CHECKSUM = (struct.Struct(f"<{form}") for form in ("BBI", "II", "f", "I"))
_FLOAT_MAX, _COUNT_MAX = 3.4e38, 0xFFFF_FFFF
_PARTS = {RANGE: ("", "/min", "/max", "/u"), MEAN: ("", "/u"), NOTHING: ()}
_LAYOUTS = 256  # that are kept decoded
Place = tuple[int, int | None, int | None, int | None]  # columns of mean, minimum, maximum, u; None: there is none


class RowLayout:
    """The columns of rows. It never changes: rows name it by its content.

    number: CRC-32 of its body.
    width: bytes of a bitmap.
    places: metric → its columns.
    """

    def __init__(self, columns: Sequence[str]) -> None:
        self.columns = tuple(columns)
        self.body = msgspec.json.encode(self.columns)
        self.number = zlib.crc32(self.body)
        self.width = (len(self.columns) + 7) // 8
        at = {column: number for number, column in enumerate(self.columns)}
        self.places: dict[str, Place] = {
            name: (number, at.get(f"{name}/min"), at.get(f"{name}/max"), at.get(f"{name}/u"))
            for name, number in at.items()
            if "/" not in name
        }

    def widened(self, metrics: Iterable[str]) -> RowLayout:
        """This layout if it has a place for all these metrics that are kept; else a new one with further columns."""
        missing = [name + part for name in metrics if name not in self.places for part in _PARTS[kept(name)]]
        return RowLayout((*self.columns, *missing)) if missing else self


@lru_cache(_LAYOUTS)
def stored_layout(body: bytes) -> RowLayout:
    """The layout of a stored body. Raises msgspec.DecodeError."""
    return RowLayout(msgspec.json.decode(body, type=list[str]))


def pack(stats: Mapping[str, Stats], layout: RowLayout) -> bytes:
    """The body of a row. Values are rounded to 32-bit floats; metrics without a place are left out."""
    values: dict[int, float] = {}
    groups: dict[tuple[int, int], int] = {}  # n, flags → bitmap of the metrics
    for name, item in stats.items():
        if (place := layout.places.get(name)) is None:
            continue
        pair = min(item.n, _COUNT_MAX), item.flags
        groups[pair] = groups.get(pair, 0) | 1 << place[0]
        numbers = [None if value is None else _float32(value) for value in (item.mean, *item[2:4], item.u)]
        if numbers[1] == numbers[2]:
            numbers[1] = numbers[2] = None  # as the mean
        for column, value in zip(place, numbers, strict=True):
            if column is not None and value is not None:
                values[column] = value
    ordered = sorted(groups.items(), key=lambda group: -group[1].bit_count()) or [((0, 0), 0)]
    parts = [_HEAD.pack(PACKED, len(ordered), layout.number), _bitmap(sum(1 << at for at in values), layout)]
    for number, (pair, bitmap) in enumerate(ordered):
        parts += [_PAIR.pack(*pair)] if number == 0 else [_PAIR.pack(*pair), _bitmap(bitmap, layout)]
    parts.append(struct.pack(f"<{len(values)}f", *(values[column] for column in sorted(values))))
    body = b"".join(parts)
    return body + _CHECKSUM.pack(zlib.crc32(body))


def _float32(value: float) -> float:
    found: float = _FLOAT.unpack(_FLOAT.pack(min(max(value, -_FLOAT_MAX), _FLOAT_MAX)))[0]
    return found


def _bitmap(bits: int, layout: RowLayout) -> bytes:
    return bits.to_bytes(layout.width, "little")


def unpack(body: bytes, layouts: Mapping[int, RowLayout], metrics: Iterable[str] | None = None) -> dict[str, Stats]:
    """The statistics of these metrics, as far as the row has them; None: of all. Values are 32-bit floats.

    Empty if the bytes were changed, or the layout is not in `layouts`.
    """
    if len(body) < _HEAD.size + _CHECKSUM.size:
        return {}
    _, pairs, number = _HEAD.unpack_from(body)
    layout = layouts.get(number)
    if layout is None or _CHECKSUM.unpack_from(body, len(body) - 4)[0] != zlib.crc32(memoryview(body)[:-4]):
        return {}
    width, at = layout.width, _HEAD.size
    present = int.from_bytes(body[at : at + width], "little")
    of_all = _PAIR.unpack_from(body, at + width)
    at += width + _PAIR.size
    of_some = []
    for _ in range(pairs - 1):
        bitmap = int.from_bytes(body[at + _PAIR.size : at + _PAIR.size + width], "little")
        of_some.append((bitmap, _PAIR.unpack_from(body, at)))
        at += _PAIR.size + width

    def value(column: int | None) -> float | None:
        if column is None or not present >> column & 1:
            return None
        before = (present & (1 << column) - 1).bit_count()
        found: float = _FLOAT.unpack_from(body, at + _FLOAT.size * before)[0]
        return found

    found = {}
    for name in layout.places if metrics is None else metrics:
        place = layout.places.get(name)
        if place is None or (mean := value(place[0])) is None:
            continue
        n, flags = next((pair for bitmap, pair in of_some if bitmap >> place[0] & 1), of_all)
        low, high = value(place[1]), value(place[2])
        if low is None and place[1] is not None:  # minimum and maximum equal the mean
            low = high = mean
        found[name] = Stats(n, mean, low, high, flags, value(place[3]))
    return found
