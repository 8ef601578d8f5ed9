"""The registers of a profile in a response to another master. Pure functions."""

from __future__ import annotations

from collections.abc import Iterable

from drivers.dlt645_registers import block_registers, value_registers
from drivers.framing import Request
from drivers.profiles import Profile, Register
from drivers.profiles.dlt645_register import READ_DATA, identifier_of, value_bytes

_BLOCK = 0xFF00  # DI1 of a block of DL/T 645


def heard_request(profile: Profile, request: Request) -> Request | None:
    """The request in the addresses of the profile; None if the profile has no such registers.

    Of DL/T 645: `request.address` is a data identifier; the result has the address and number of registers.
    """
    if request.function != READ_DATA or profile.dialect != "dlt645":
        return request
    identifier = request.address
    for row in profile.registers:
        own = identifier_of(row)
        if own == identifier:
            return Request(request.unit, READ_DATA, row.address, row.words)
        if own | _BLOCK == identifier:
            rows = [other for other in profile.registers if identifier_of(other) | _BLOCK == identifier]
            begin = min(other.address for other in rows)
            return Request(request.unit, READ_DATA, begin, max(other.address + other.words for other in rows) - begin)
    return None


def register_bytes(profile: Profile, request: Request, data: bytes) -> bytes:
    """The register bytes of `request`, in the addresses of the profile, in the data of its response."""
    if request.function != READ_DATA or profile.dialect != "dlt645":
        return data
    row = next(row for row in profile.registers if row.address == request.address)
    n_bytes, words = value_bytes(row), row.words
    if request.registers == words and len(data) == n_bytes:
        return value_registers(data, words)
    return b"" if len(data) % n_bytes else block_registers(data, identifier_of(row), request, words, n_bytes)


def covered_rows(rows: Iterable[Register], request: Request) -> tuple[Register, ...]:
    """The registers of a map that the response to a request contains completely.

    A register that has another meaning when it is read alone is in a response to a request for it alone only.
    """
    inside = [
        row for row in rows
        if row.function == request.function
        and request.address <= row.address and row.address + row.words <= request.end
    ]  # fmt: skip
    alone = [row for row in inside if row.alone and (row.address, row.words) == (request.address, request.registers)]
    return tuple(alone or (row for row in inside if not row.alone))
