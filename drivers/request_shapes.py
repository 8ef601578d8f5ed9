"""Requests of different shapes that read the same block, so that their responses cannot be confused. Pure functions."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from drivers.framing import Request, Response


def free_shape(
    request: Request, begin: int, edges: Sequence[int], taken: Collection[int], *, overread: bool, divide: bool
) -> Request | None:
    """A request for registers from offset `begin` on with a number of registers not in `taken`; None: there is none.

    In this order: the rest of the block; with registers after it; with registers before it; its first half.
    edges: as in ModbusLink.read_block. overread: whether registers around the block may be read. divide: whether it may
    be read in parts.
    """
    unit, function, address, registers = request
    ranges = [(begin, registers)]
    if taken:
        if overread:
            ranges += [(begin, edge) for edge in edges if edge > registers]
            ranges += [(edge, registers) for edge in reversed(edges) if edge < 0 == begin]
        if divide:
            cuts = [(begin, edge) for edge in edges if begin < edge < registers]
            middle = begin + registers
            ranges += sorted(cuts, key=lambda cut: (registers - cut[1] in taken, abs(2 * cut[1] - middle)))
    for first, end in ranges:
        if end - first not in taken:
            return Request(unit, function, address + first, end - first)
    return None


def extended(data: bytes, request: Request, response: Response) -> bytes:
    """`data`, the first registers of a block, with those of a response that continue it."""
    skip = 2 * (request.address - response.request.address) + len(data)
    if skip < 0 or response.request.function != request.function:
        return data  # it does not continue `data`
    return data + response.data[skip : skip + 2 * request.registers - len(data)]
