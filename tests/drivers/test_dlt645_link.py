"""The master of a line with meters, on virtual time: no wrong value, whatever the line does, and nothing but reads."""

from __future__ import annotations

import termios
import threading
import time
from collections import Counter
from random import Random

import pytest
from support.basics import HandClock
from support.meter_exchanges import ADDRESS, ENERGY, UNIT, VOLTAGES, CountingMeter, digits, exchanged, read
from support.meter_line import MetersOnLine
from support.timed_line import finished

from drivers.bus_settings import BusSettings
from drivers.dlt645_foreign import MeterTrafficDetector
from drivers.error_reasons import FOREIGN_METER_REQUESTS, METER_NO_VALID_RESPONSE, METER_REJECTIONS
from drivers.errors import ForeignMasterActive, LinkTimeout, MeterRejection
from drivers.framing import Request
from drivers.serial_line import SerialLine
from simulators.bus.meter_station import MeterLine, MeterNoise
from simulators.bus.pty import Pty
from simulators.devices.energy_meter import EnergyMeter
from simulators.devices.meter_frames import meter_frame

CURRENTS = 0x0202FF00
POOR = MeterNoise(late=0.02, truncated=0.03, foreign=0.03, echoed=0.05, damaged=0.04, noise=0.05, hole=0.05, lost=0.02)


def line_of(meter: EnergyMeter, noise: MeterNoise | None = None, seed: int = 1, baud: int = 2400) -> MetersOnLine:
    return MetersOnLine([MeterLine(meter, Random(seed), noise)], baud=baud)


def test_values_arrive_from_a_good_line() -> None:
    meter = CountingMeter()
    with (line := line_of(meter)).link() as link:
        assert [digits(read(link, ENERGY)) for _ in range(3)] == [100, 200, 300]
        volts = read(link, VOLTAGES)
    assert [digits(volts[at : at + 2]) for at in (0, 2, 4)] == [41, 42, 43]
    assert line.controls == {0x11}


@pytest.mark.parametrize("baud", [2400, 9600])
def test_no_value_is_wrong_on_a_poor_line(baud: int) -> None:
    found, controls = exchanged(400, 3, baud, POOR)
    assert found["wrong"] == 0
    assert found["recovered"] >= 0.95 * found["responded"] > 300, found
    assert controls == {0x11}


@pytest.mark.soak
def test_no_value_is_wrong_in_100000_exchanges() -> None:
    began_s = time.monotonic()
    total = Counter[str]()
    for seed in range(25):
        found, controls = exchanged(4000, seed, (2400, 9600)[seed % 2], POOR)
        assert controls == {0x11}
        total += found
    print(dict(total), f"{time.monotonic() - began_s:.0f} s")
    assert total["wrong"] == 0
    assert total["recovered"] >= 0.95 * total["responded"] > 90_000, total


def test_a_response_in_several_frames_is_joined() -> None:
    meter = EnergyMeter(ADDRESS, lambda: {f"current_l{k}": float(k) for k in (1, 2, 3)}, data_max=4)
    with (line := line_of(meter)).link() as link:
        assert read(link, CURRENTS) == bytes.fromhex("001000 002000 003000")
    assert line.controls == {0x11, 0x12}


def test_a_refusal_names_its_cause() -> None:
    with line_of(EnergyMeter(ADDRESS, dict, blocks=False)).link() as link, pytest.raises(MeterRejection) as caught:
        read(link, VOLTAGES)
    assert caught.value.code == 2
    assert [cause.code for cause in caught.value.reason.data["causes"]] == [METER_REJECTIONS[1]]
    assert not caught.value.retry


def test_several_error_bits_are_all_named() -> None:
    rejection = MeterRejection(0b101, ADDRESS, "02010100")
    assert [cause.code for cause in rejection.reason.data["causes"]] == [METER_REJECTIONS[0], METER_REJECTIONS[2]]
    assert (rejection.code, rejection.retry) == (4, True)


def test_a_late_response_is_not_the_value_of_a_later_call() -> None:
    """It comes 1.1 s after its request, during a call that began after it was measured."""
    meter = CountingMeter()
    with line_of(meter, MeterNoise(late=1.0)).link() as link:
        with pytest.raises(LinkTimeout):
            finished(link.read_block(Request(UNIT, 0x11, ENERGY, 0), 0.7))
        before = meter.count
        with pytest.raises(LinkTimeout):
            finished(link.read_block(Request(UNIT, 0x11, ENERGY, 0), 0.7))
        assert (link.late, meter.count) == (1, before + 1)


def test_the_response_to_a_second_attempt_is_not_the_value_of_the_next_call() -> None:
    """The response to the first attempt comes late, during the second one, whose own comes during the next call."""
    meter = CountingMeter()
    with line_of(meter, MeterNoise(late=1.0), baud=9600).link() as link:
        request = Request(UNIT, 0x11, ENERGY, 0)
        assert digits(finished(link.read_block(request, 1.6, tries=2, retry_after_s=1.0))) == 100
        assert meter.count == 2
        assert digits(finished(link.read_block(request, 1.6, tries=2, retry_after_s=1.0))) == 300


def test_a_pause_of_400_ms_within_a_response_does_not_end_it() -> None:
    with line_of(CountingMeter(), MeterNoise(hole=1.0)).link() as link:
        assert [digits(read(link, ENERGY, tries=1)) for _ in range(5)] == [100, 200, 300, 400, 500]
    assert link.failed == 0


def test_a_meter_that_does_not_respond_costs_its_timeout() -> None:
    line = line_of(CountingMeter())
    with line.link() as link, pytest.raises(LinkTimeout):
        finished(link.read_block(Request(99, 0x11, ENERGY, 0), 0.7))
    assert line.monotonic() == pytest.approx(0.7, abs=0.1)


def test_the_address_of_a_single_meter_is_found_by_the_wildcard() -> None:
    with (line := line_of(CountingMeter())).link() as link:
        assert finished(link.read_addresses(1.0)) == [UNIT]
    assert line.controls == {0x13}


def test_two_meters_behind_the_wildcard_are_noticed() -> None:
    """With very different response times both are read; otherwise the responses destroy each other."""
    meters = [CountingMeter(), CountingMeter("000000000007")]
    slow = MetersOnLine([MeterLine(meter, Random(1), None, (delay_s, delay_s))
                         for meter, delay_s in zip(meters, (0.02, 0.3), strict=True)])  # fmt: skip
    with slow.link() as link:
        assert finished(link.read_addresses(1.0)) == [UNIT, 7]
    same = MetersOnLine([MeterLine(meter, Random(1), None, (0.02, 0.02)) for meter in meters])
    with same.link() as link, pytest.raises(LinkTimeout) as caught:
        finished(link.read_addresses(1.0))
    assert caught.value.reason.code == METER_NO_VALID_RESPONSE


def test_the_requests_of_another_master_stop_the_requests_of_this_one() -> None:
    line = line_of(CountingMeter())
    line.at(0.5, meter_frame("000000000099", 0x11, ENERGY.to_bytes(4, "little")))
    with line.link() as link:
        read(link, ENERGY)
        line.sleep(2.0)
        with pytest.raises(ForeignMasterActive):
            read(link, ENERGY)
        assert link.foreign is not None
        assert dict(link.foreign.requests) == {(99, 0x11, ENERGY): 1}
        (frames,) = link.foreign.reason("m").data["frames"]
        assert frames == FOREIGN_METER_REQUESTS(meter="000000000099", function=0x11, identifier="00010000", n=1)


def test_the_echo_of_an_adapter_is_no_other_master() -> None:
    with line_of(CountingMeter(), MeterNoise(echoed=1.0)).link() as link:
        for _ in range(20):
            read(link, ENERGY, tries=1)
        assert link.foreign is None


@pytest.mark.parametrize("of_meters", [True, False])
def test_the_kernel_checks_the_parity_on_a_line_of_meters_only(of_meters: bool) -> None:
    """A byte with wrong parity then arrives as 0, which is no digit; the checksum alone misses pairs of wrong bits."""
    pty = Pty(hold=True)
    wire = BusSettings("m", serial_port=pty.path, baud=2400, parity="E", dlt645=of_meters)
    line = SerialLine(wire, MeterTrafficDetector("m", HandClock()), threading.Event())
    try:
        finished(line.open())
        assert bool(termios.tcgetattr(pty.fd)[0] & termios.INPCK) is of_meters
    finally:
        line.close()
        pty.close()
