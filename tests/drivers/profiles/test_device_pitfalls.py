"""Known pitfalls of devices: torn values, changing scales, "not available" values, latched pages, rollovers.

Words are in transmission order. Scales and "not available" values come from the manufacturers' lists; the sums are
calculated manually.
"""

from __future__ import annotations

import asyncio
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from drivers.counters import RegisterStep, resolution, step
from drivers.drive_faults import fault_text
from drivers.error_reasons import NO_RESPONSE, SUNSPEC_NO_MARKER, SUNSPEC_NO_MODEL
from drivers.errors import LinkTimeout, ModbusExceptionResponse
from drivers.framing import Request
from drivers.modbus_device import ModbusDevice
from drivers.profiles import Profile, Register, load_profile
from drivers.reading import Quality, Reading
from drivers.reasons import Reason
from drivers.register_blocks import plan_blocks, touches_watchdog, usable
from drivers.registers import BlockDecoder, decode  # fmt: skip


class Wire:
    """A link to a device that is a table of words; records the requests."""

    response_s = 0.001

    def __init__(self, words: dict[int, int], refused: frozenset[int] = frozenset()) -> None:
        self.words, self.refused = words, refused
        self.asked: list[tuple[int, int]] = []
        self.silent = False

    async def read_block(
        self, request: Request, timeout_s: float, inter_request_delay_s: float = 0.0, **_: object
    ) -> bytes:
        self.asked.append((request.address, request.registers))
        if self.silent:
            raise LinkTimeout(NO_RESPONSE, unit_id=request.unit, address=request.address, timeout_s=timeout_s)
        wanted = range(request.address, request.address + request.registers)
        if self.refused & set(wanted):
            raise ModbusExceptionResponse(2, request.unit, request.address)
        return struct.pack(f">{request.registers}H", *(self.words.get(address, 0) for address in wanted))

    async def close(self) -> None: ...


class StillClock:
    def utc_ns(self) -> int:
        return 0

    def monotonic_ns(self) -> int:
        return 0

    async def sleep(self, seconds: float) -> None: ...


def device(profile: str, wire: Wire, verified: frozenset[str] = frozenset()) -> ModbusDevice:
    made = ModbusDevice("d", load_profile(profile), 1, wire, StillClock())
    made.apply_selfcheck(verified, ())
    return made


def poll(item: ModbusDevice) -> Reading:
    return asyncio.run(item.poll())


def row(profile: str, name: str) -> Register:
    found = load_profile(profile).register(name)
    assert found is not None
    return found


# --- a scale in another register ------------------------------------------------------------------------------------


def test_delta_reads_the_decimals_of_the_current_from_the_next_register() -> None:
    wire = Wire({0x2104: 1234, 0x211F: 0x0200})
    drive = device("delta/c2000", wire)
    assert poll(drive).values["motor_current"] == 12.34
    wire.words |= {0x2104: 7000, 0x211F: 0x0100}  # above 655.35 A: one decimal
    changed = poll(drive)
    assert changed.values["motor_current"] is None  # read before or after the change: not known
    assert changed.flags["motor_current"] == Quality.UNVERIFIED
    assert poll(drive).values["motor_current"] == 700.0


def test_without_its_decimals_the_current_is_missing() -> None:
    reading = poll(device("delta/c2000", Wire({0x2104: 1234}, refused=frozenset({0x211F}))))
    assert reading.values["motor_current"] is None
    assert reading.flags["motor_current"] == Quality.UNVERIFIED


def test_delta_fault_and_warning_share_a_register() -> None:
    reading = poll(device("delta/c2000", Wire({0x2100: 0x1807})))
    assert (reading.values["fault_code"], reading.values["warning_code"]) == (7, 0x18)
    assert reading.values["fault_text"] == "ovA"


def sunspec_words(model: int, body: dict[int, int], base: int = 40000) -> dict[int, int]:
    """Marker, a common model of 66 registers, then the model; offsets in `body` count from its id."""
    start = base + 2 + 2 + 66
    words = {base: 0x5375, base + 1: 0x6E53, base + 2: 1, base + 3: 66, start: model, start + 1: 105}
    return words | {start + 2 + 105: 0xFFFF} | {start + offset: word for offset, word in body.items()}


def test_sunspec_is_found_in_its_chain_and_scaled() -> None:
    body = {2: 1500, 6: 0xFFFE, 8: 2301, 15: 0xFFFF, 16: 5001, 17: 0xFFFE, 18: 0xFF38, 22: 1, 33: 9500, 37: 0xFFFE,
            46: 1, 47: 34464, 54: 0, 9: 0x8000}  # fmt: skip
    wire = Wire(sunspec_words(203, body))
    reading = poll(device("sunspec/meter-203", wire))
    assert reading.values["current_sum"] == 15.0  # 1500 · 10^−2
    assert reading.values["voltage_l1n"] == 230.1  # 2301 · 10^−1
    assert reading.values["frequency"] == 50.01
    assert reading.values["active_power"] == -2000.0  # −200 · 10^1
    assert reading.values["power_factor"] == pytest.approx(0.95)  # 9500 · 10^−2 percent
    assert reading.values["energy_import"] == 100.0  # 100000 Wh
    assert (reading.values["voltage_l2n"], reading.flags["voltage_l2n"]) == (None, Quality.OUT_OF_RANGE)


def test_sunspec_a_scale_that_is_not_implemented_makes_no_number() -> None:
    wire = Wire(sunspec_words(203, {2: 1500, 6: 0x8000}))
    assert poll(device("sunspec/meter-203", wire)).values["current_sum"] is None


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ({}, SUNSPEC_NO_MARKER(unit_id=1, addresses=(40000, 50000, 0))),
        (sunspec_words(213, {}), SUNSPEC_NO_MODEL(unit_id=1, model=203, models=(1, 213))),
    ],
)
def test_sunspec_a_device_without_the_model(words: dict[int, int], reason: Reason) -> None:
    reading = poll(device("sunspec/meter-203", Wire(words)))
    assert reading.error == reason
    assert Quality.NO_REPLY in reading.quality


def test_sunspec_a_chain_without_an_end_does_not_exclude_the_model() -> None:
    words = sunspec_words(213, {})
    del words[end := max(words)]
    meter = device("sunspec/meter-203", Wire(words, refused=frozenset(range(end, end + 200))))
    reading = poll(meter)
    assert reading.error == SUNSPEC_NO_MODEL(unit_id=1, model=203, models=(1, 213))
    assert Quality.NO_REPLY in reading.quality
    assert not meter.unsupported.rejected_blocks
    assert not meter.unsupported.registers


def test_sunspec_is_searched_again_after_an_outage() -> None:
    """A device that was silent may have started with new firmware, whose common model is one register shorter."""
    wire = Wire(sunspec_words(203, {16: 5001, 17: 0xFFFE}))
    meter = device("sunspec/meter-203", wire)
    assert poll(meter).values["frequency"] == 50.01
    wire.silent = True
    assert Quality.NO_REPLY in poll(meter).quality
    wire.silent = False
    head = {address: word for address, word in wire.words.items() if address < 40004}
    wire.words = head | {40003: 65} | {address - 1: word for address, word in wire.words.items() if address > 40004}
    assert poll(meter).values["frequency"] == 50.01


def test_sunspec_is_searched_once_and_at_other_bases_too() -> None:
    wire = Wire(sunspec_words(213, {26: 0x4248, 27: 0}, base=50000), refused=frozenset(range(40000, 40010)))
    meter = device("sunspec/meter-213", wire)
    assert poll(meter).values["frequency"] == 50.0
    first = len(wire.asked)
    assert poll(meter).values["frequency"] == 50.0
    assert len(wire.asked) - first == len(meter.blocks())


# --- values over several registers ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("profile", "words", "kwh"),
    [
        ("abb/acs880", [2, 0, 345, 0, 678, 0], 2_345_678.0),  # GWh, MWh, kWh, each low word first
        ("schneider/atv630", [901, 678, 345, 2], 2_345_678.901),  # Wh, kWh, MWh, GWh
        ("invertek/optidrive-e3", [9999, 12], 12_999.9),  # tenths of kWh, MWh
    ],
)
def test_energy_is_the_sum_of_its_parts(profile: str, words: list[int], kwh: float) -> None:
    assert decode(row(profile, "energy_kwh"), words)[0] == pytest.approx(kwh, rel=1e-12)


def test_an_uncertain_scale_makes_the_sum_uncertain() -> None:
    energy = replace(row("schneider/atv630", "energy_kwh"), scale_doubt="Wh or kWh")
    assert decode(energy, [0, 1, 0, 0]) == (1.0, Quality.UNVERIFIED)
    assert decode(energy, [0, 1, 0, 0], verified=True) == (1.0, Quality.GOOD)


def test_all_parts_are_read_in_one_request() -> None:
    atv = load_profile("schneider/atv630")
    (block,) = [
        block for block in plan_blocks(atv, usable(atv)) if any(r.name == "energy_kwh" for r in block.registers)
    ]
    assert block.address <= 10606
    assert block.address + block.count >= 10610


# --- "not available" values, saturation, floats ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "words", "value"),
    [("motor_current", [16383], 163.83), ("motor_torque_nm", [0x810C], -325.0), ("motor_power", [32767], 327.67)],
)
def test_g120_at_full_scale_is_flagged(name: str, words: list[int], value: float) -> None:
    assert decode(row("siemens/g120", name), words) == (value, Quality.OUT_OF_RANGE)
    below = [words[0] + (1 if words[0] & 0x8000 else -1)]
    assert decode(row("siemens/g120", name), below)[1] == Quality.GOOD


def test_a_saturated_16_bit_value_is_not_a_measurement() -> None:
    assert decode(row("delta/c2000", "motor_power"), [0xFFFF]) == (65.535, Quality.OUT_OF_RANGE)


def test_a_missing_expansion_reads_nothing_not_zero_volts() -> None:
    assert decode(row("schneider/tesys-t", "voltage_ll_avg"), [0]) == (None, Quality.OUT_OF_RANGE)


def test_an_unverified_scale_is_flagged_until_it_is_verified() -> None:
    current = row("vacon/vacon-100", "motor_current")
    assert decode(current, [123]) == (12.3, Quality.UNVERIFIED)
    assert decode(current, [123], verified=True) == (12.3, Quality.GOOD)


def test_a_plausible_range_in_the_profile_narrows_the_range_of_the_quantity() -> None:
    frequency = row("lovato/dmg610", "frequency")
    assert decode(frequency, [0, 5000], verified=True) == (50.0, Quality.GOOD)
    assert decode(frequency, [0, 6600], verified=True)[1] == Quality.OUT_OF_RANGE


# --- registers that are never read ----------------------------------------------------------------------------------


def test_latched_pages_are_never_live_values() -> None:
    toshiba = load_profile("toshiba/vf-s11")
    everything = usable(toshiba, {item.name for item in toshiba.registers})
    assert "motor_current_percent" not in {item.name for item in everything}
    wire = Wire({0xFD00: 5000})
    reading = poll(device("toshiba/vf-s11", wire, frozenset({"motor_current_percent"})))
    assert reading.values["output_frequency"] == 50.0
    assert not [address for address, _ in wire.asked if 0xFE00 <= address < 0xFE70]  # FE70 is the drive's rating


def test_the_watchdog_of_the_g120_is_not_armed() -> None:
    wire = Wire({})
    poll(device("siemens/g120", wire))
    asked = {address + k for address, count in wire.asked for k in range(count)}
    assert not asked & {99, 100, 109, 110}  # 40100, 40101, 40110, 40111


def test_a_watchdog_register_within_or_after_a_block_is_not_read() -> None:
    g120 = replace(load_profile("siemens/g120"), gaps_allowed=True, overread_allowed=True)
    rows = usable(g120, {item.name for item in g120.registers})
    feeding = {
        (row.function, row.address + k) for row in g120.registers if row.feeds_watchdog for k in range(row.words)
    }
    assert feeding
    for block in plan_blocks(g120, rows):
        read = {(block.function, block.address + k) for k in range(block.count)}
        assert not read & feeding
    function, address = min(feeding)
    assert touches_watchdog(g120, function, address - 2, address + 1)
    assert not touches_watchdog(g120, function, address - 2, address)


def test_a_private_dialect_is_never_polled() -> None:
    wire = Wire({})
    reading = poll(device("huanyang/hy", wire, frozenset({"output_frequency"})))
    assert not wire.asked
    assert not reading.values


def test_a_register_marked_as_separate_is_read_alone() -> None:
    wire = Wire({10: 4000, 11: 341})  # 341: an EM340; the same word is the upper half of U31
    meter = device("carlo-gavazzi/em340", wire)
    assert poll(meter).values["model_code"] == 341
    assert (11, 1) in wire.asked


def test_no_read_ends_on_a_reserved_register() -> None:
    meter = load_profile("carlo-gavazzi/em340")
    mapped = {item.address + item.words - 1 for item in meter.registers}
    assert not meter.overread_allowed
    assert all(block.address + block.count - 1 in mapped for block in plan_blocks(meter, usable(meter)))


def test_a_rejected_block_is_read_in_parts() -> None:
    wire = Wire({0x41: 5000, 0x46: 540}, refused=frozenset({0x43}))
    drive = device("yaskawa/ga800", wire)
    assert poll(drive).values["output_frequency"] is None
    assert poll(drive).values["output_frequency"] == 50.0


# --- texts ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("profile", "code", "text"),
    [
        ("rockwell/powerflex525", 5, "overvoltage"),
        ("rockwell/powerflex525", 0, "no fault"),
        ("rockwell/powerflex525", 77, "code 77 (0x004D)"),
    ],
)
def test_a_fault_arrives_as_text(profile: str, code: int, text: str) -> None:
    reading = poll(device(profile, Wire({8449: code})))
    assert reading.values["fault_text"] == text


def test_a_past_fault_is_not_reported_as_the_present_one() -> None:
    reading = poll(device("abb/acs550", Wire({400: 16})))
    assert reading.values["last_fault_text"] == "earth fault"
    assert "fault_text" not in reading.values


def test_codes_of_acs880_are_hexadecimal() -> None:
    assert fault_text(load_profile("abb/acs880"), 0x3220) == "dc link undervoltage"


# --- counters -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("profile", "name", "wraps_at"),
    [
        ("abb/acs550", "energy_kwh", 65536),  # 16 bits
        ("siemens/v20", "energy_kwh", 65536),
        ("siemens/g120", "energy_kwh", None),  # ends at 32767, then undefined
        ("hager/ecr380d", "energy_import", 2**32),
        ("carlo-gavazzi/em340", "energy_import", 2**31 * 0.1),
        ("eastron/sdm630", "energy_import", None),  # a float
        ("abb/acs880", "energy_kwh", 2**31 * 1e6),
    ],
)
def test_a_counter_rolls_over_at_its_modulus(profile: str, name: str, wraps_at: float | None) -> None:
    assert row(profile, name).wraps_at() == wraps_at


@pytest.mark.parametrize(
    ("before", "after", "wraps_at", "most", "expected"),
    [
        (100, 103, 65536, 10, RegisterStep("increment", 3)),
        (65534, 2, 65536, 10, RegisterStep("wrap", 4)),
        (65534, 2, None, 10, RegisterStep("reset", 2)),
        (30000, 2, 65536, 10, RegisterStep("reset", 2)),  # a wrap would be 35538 kWh in one interval
        (65000, 40, 65536, float("inf"), RegisterStep("wrap", 576)),
        (30000, 0, 65536, float("inf"), RegisterStep("reset", 0)),
        (100, 5000, 65536, 10, RegisterStep("jump", 0)),  # set manually, or another meter
        (100, 50, 65536, 10, RegisterStep("reset", 0)),  # set to 50: the counted part is not known
    ],
)
def test_counter_steps(
    before: float, after: float, wraps_at: float | None, most: float, expected: RegisterStep
) -> None:
    assert step(before, after, wraps_at, most) == expected


@given(st.integers(0, 65535), st.integers(0, 400))
def test_a_rollover_loses_nothing(before: int, grown: int) -> None:
    assert step(before, (before + grown) % 65536, 65536, 400).grown == grown


@pytest.mark.parametrize(
    ("profile", "name", "value", "expected"),
    [
        ("janitza/umg96rm", "energy_import", 16_000.0, 0.001),  # a float32 below 2^24 Wh resolves 1 Wh
        ("janitza/umg96rm", "energy_import", 20_000.0, 0.002),
        ("janitza/umg96rm", "energy_import", 1_000_000.0, 0.064),
        ("siemens/pac3200", "energy_import", 1_000_000.0, 0.001 * 2**-23),  # float64: 2^(29 − 52) Wh
        ("abb/acs550", "energy_kwh", 5.0, 1.0),
    ],
)
def test_the_resolution_of_a_counter_follows_from_its_register(
    profile: str, name: str, value: float, expected: float
) -> None:
    assert resolution(row(profile, name), value) == pytest.approx(expected, rel=1e-12)


# --- decoding a block -------------------------------------------------------------------------------------------------


@given(st.data())
def test_block_decoder_agrees_with_decode(data: st.DataObject) -> None:
    """For any register content, for maps of every kind."""
    profile: Profile = load_profile(data.draw(st.sampled_from(FOR_AGREEMENT)))
    blocks = plan_blocks(profile, profile.registers)
    block = data.draw(st.sampled_from(blocks))
    answer = data.draw(st.binary(min_size=2 * block.count, max_size=2 * block.count))
    values, flags = BlockDecoder(block, 55.0).decode(answer)
    for item in block.registers:
        words = struct.unpack_from(f">{item.words}H", answer, 2 * (item.address - block.address))
        value, flag = decode(item, words, 55.0)
        assert values[item.name] == value, item
        assert flags.get(item.name, Quality.GOOD) == flag, item


FOR_AGREEMENT = [
    "abb/b23", "carlo-gavazzi/em340", "carlo-gavazzi/em530", "eastron/sdm630", "siemens/g120", "sunspec/meter-203",
    "yaskawa/ga800", "wiren-board/map3h", "socomec/diris-a", "hager/ecr380d",
]  # fmt: skip
