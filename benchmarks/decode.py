"""Time to decode one poll into 100 values with range checks, compared with decoding row by row."""

from __future__ import annotations

import struct
import timeit
from collections.abc import Callable

from msgspec.structs import replace

from drivers.profiles import Register, load_profile
from drivers.register_blocks import Block
from drivers.registers import BlockDecoder, decode
from drivers.vocabulary import vocabulary

ROUNDS, CALLS = 40, 300
SHAPES: tuple[tuple[str, str, int, Callable[[int], float]], ...] = (
    ("float32", "f32", 50, lambda k: 1.0),
    ("float32, half of them kW", "f32", 50, lambda k: 1000.0 if k % 2 else 1.0),
    ("16 bits, tenths", "u16", 100, lambda k: 0.1),
    ("16 bits", "u16", 100, lambda k: 1.0),
)


def blocks(kind: str, size: int, scale: Callable[[int], float]) -> list[tuple[Block, bytes]]:
    """Return 100 gauges in blocks of `size`, each with a plausible value."""
    base = load_profile("eastron/sdm630").registers[0]
    names = [name for name, quantity in vocabulary().items() if quantity.kind == "gauge"][:100]
    words, form = (2, ">f") if kind == "f32" else (1, ">H")
    found = []
    for start in range(0, 100, size):
        rows = tuple(
            replace(base, name=name, address=words * k, words=words, type=kind, scale=scale(k))
            for k, name in enumerate(names[start : start + size])
        )
        raws = [usual(row) / row.scale for row in rows]
        data = b"".join(struct.pack(form, raw if kind == "f32" else round(raw)) for raw in raws)
        found.append((Block(3, 0, words * size, rows), data))
    return found


def usual(row: Register) -> float:
    high = vocabulary()[row.name].high
    return 50.0 if row.name == "frequency" else 0.5 if high is not None and high <= 1 else 60.0


def main() -> None:
    for label, kind, size, scale in SHAPES:
        polled = [(BlockDecoder(block), block, data) for block, data in blocks(kind, size, scale)]
        assert not any(flags for decoder, _, data in polled for flags in (decoder.decode(data)[1],))

        def at_once(polled: list[tuple[BlockDecoder, Block, bytes]] = polled) -> None:
            for decoder, _, data in polled:
                decoder.decode(data)

        def row_by_row(polled: list[tuple[BlockDecoder, Block, bytes]] = polled) -> None:
            for _, block, data in polled:
                for row in block.registers:
                    decode(row, struct.unpack_from(f">{row.words}H", data, 2 * row.address))

        fast_us, slow_us = (
            min(timeit.repeat(call, number=number, repeat=ROUNDS)) / number * 1e6
            for call, number in ((at_once, CALLS), (row_by_row, 10))
        )
        times = f"{fast_us:5.1f} µs in {len(polled)} blocks, row by row {slow_us:5.0f} µs"
        print(f"decoding 100 quantities: {label:26} {times}")


if __name__ == "__main__":
    main()
