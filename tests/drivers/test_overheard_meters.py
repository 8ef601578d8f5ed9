"""Exchanges between another master and meters of DL/T 645, with frames of an independent meter."""

from __future__ import annotations

from random import Random

import pytest

from drivers.framing import Request
from drivers.overheard import Exchange
from drivers.overheard_meters import MeterExchanges
from simulators.bus.meter_station import MeterLine, MeterNoise
from simulators.devices.energy_meter import EnergyMeter
from simulators.devices.meter_frames import READ, MeterAsk, first_ask, meter_frame

UNIT, ADDRESS = 161, "000000000161"
ENERGY, VOLTAGES = 0x00010000, 0x0201FF00
POOR = MeterNoise(late=0.02, truncated=0.03, foreign=0.03, echoed=0.05, noise=0.1, hole=0.05, lost=0.02)


def ask(identifier: int, address: str = ADDRESS) -> bytes:
    return meter_frame(address, READ, identifier.to_bytes(4, "little"))


def heard(*frames: bytes, chunk: int = 300, gap_s: float = 0.05) -> tuple[list[Exchange], MeterExchanges]:
    finder, now_s, found = MeterExchanges(), 1.0, list[Exchange]()
    for frame in frames:
        for at in range(0, len(frame), chunk):
            found += finder.feed(frame[at : at + chunk], now_s, now_s + 0.01)
            now_s += 0.01
        now_s += gap_s
    return found + finder.end(), finder


@pytest.mark.parametrize("chunk", [1, 7, 300])
def test_request_and_response_are_paired(chunk: int) -> None:
    answer = meter_frame(ADDRESS, 0x91, ENERGY.to_bytes(4, "little") + bytes.fromhex("78 56 34 12"), preamble=2)
    found, _finder = heard(ask(ENERGY), answer, chunk=chunk)
    assert [exchange[:3] for exchange in found] == [(Request(UNIT, 0x11, ENERGY, 0), bytes.fromhex("78563412"), 0)]


def test_only_the_response_to_the_request_is_decoded() -> None:
    """Of another meter or data, in several frames, without a request, too late: none. A rejection has no data."""
    answer = meter_frame(ADDRESS, 0x91, ENERGY.to_bytes(4, "little") + b"\1\0\0\0")
    assert not heard(answer)[0]
    assert not heard(ask(ENERGY, "000000000162"), answer)[0]
    assert not heard(ask(VOLTAGES), answer)[0]
    assert not heard(ask(ENERGY), answer, gap_s=3.0)[0]
    assert not heard(ask(ENERGY), meter_frame(ADDRESS, 0xB1, ENERGY.to_bytes(4, "little") + b"\1\0\0\0"))[0]
    ((_request, data, exception, _heard_s),) = heard(ask(ENERGY), meter_frame(ADDRESS, 0xD1, b"\x02"))[0]
    assert (data, exception) == (b"", 2)


def test_no_wrong_value_on_a_poor_line() -> None:
    """The energy is the number of the request; wrong bytes are left to the parity (docs/how-to/dlt645.md)."""
    count = 0

    def values() -> dict[str, float]:
        nonlocal count
        count += 1
        return {"energy_import": float(count)}

    meter = MeterLine(EnergyMeter(ADDRESS, values), Random(5), POOR)
    finder, now_s, right = MeterExchanges(), 0.0, 0
    request = ask(ENERGY)
    for _ in range(400):
        found = finder.feed(request, now_s, now_s + 0.03)
        for after_s, part in meter.steps(_ask_of(request), request):
            now_s += after_s
            found += finder.feed(part, now_s, now_s + 0.02)
        now_s += 0.5
        found += finder.end()
        for exchange in found:
            assert int(exchange.data[::-1].hex()) == 100 * count
            right += 1
    assert right > 350


def _ask_of(request: bytes) -> MeterAsk:
    found = first_ask(bytearray(request))
    assert found is not None
    return found
