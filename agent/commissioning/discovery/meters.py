"""Find and identify meters of DL/T 645-2007 on a line: by the wildcard if there is one meter, or by their addresses."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from agent.commissioning.discovery import reasons as codes
from agent.commissioning.discovery.match import Identified, Match
from agent.commissioning.discovery.scan_result import FoundDevice, ScanProgress, Target
from agent.core.text import _
from drivers.dlt645_frames import ADDRESS_DIGITS, READ_ADDRESS, READ_DATA, WILDCARD, wildcard
from drivers.dlt645_framing import encoded
from drivers.dlt645_link import Dlt645Link
from drivers.errors import DriverError, FrameError, LinkError, LinkTimeout, MeterRejection
from drivers.framing import Request
from drivers.profiles import load_profile
from drivers.reasons import InvalidValue, Reason
from drivers.serial_sniffer import SerialSetting

SETTINGS = (SerialSetting(9600, 8, "E"), SerialSetting(2400, 8, "E"))  # today's factory setting, that of the standard
RESPONSE_S = 0.6  # 500 ms are permitted
CHARACTERS = 60  # of a request and a response with one value
ENERGY, MODEL, VOLTAGE_OF_PHASE = 0x00010000, 0x0400040B, 0x02010000
COLLISION_BYTES = 12  # bytes without a frame that are more than interference
PAIRS = 100  # of two digits
SCORE = 20.0  # nats: the number of phases decides between the profiles
PROFILES = ("generic/dlt645-single-phase", "generic/dlt645-three-phase", "generic/dlt645-three-wire")


def settings_of(target: Target) -> tuple[SerialSetting, ...]:
    """The line settings at which meters may respond; none for Modbus TCP, or without even parity."""
    unknown = SETTINGS if target.serial else ()  # a converter has its own settings
    known = (target.setting,) if target.setting and target.is_line else unknown
    return tuple(setting for setting in known if setting.parity == "E" and setting.data_bits == 8)


def query_s(setting: SerialSetting) -> float:
    """Time for one request without response."""
    return CHARACTERS * setting.character_s + RESPONSE_S


async def find_meters(
    link: Dlt645Link, setting: SerialSetting, addresses: Sequence[int]
) -> tuple[list[FoundDevice], Reason | None]:
    """The meters that respond at these settings, and a finding if bytes without a frame were received.

    addresses: of the meters on the line; empty: the wildcard, to which every meter responds.
    """
    timeout_s = query_s(setting)
    if addresses:
        found = []
        for unit in addresses:
            try:
                await link.read_block(Request(unit, READ_DATA, ENERGY, 4), timeout_s, tries=2, silence_tries=1)
            except MeterRejection:
                pass  # it responds
            except (LinkTimeout, FrameError):
                continue
            found.append(FoundDevice(unit, setting, READ_DATA, 0, link.response_s))
        return found, None
    try:
        units = await link.read_addresses(timeout_s)
    except (LinkTimeout, FrameError):
        received = link.unmatched.replace(encoded(Request(WILDCARD, READ_ADDRESS, 0, 0)), b"")
        return [], codes.METERS_COLLIDE(line=str(setting)) if len(received) >= COLLISION_BYTES else None
    several = codes.METERS_SEVERAL(n=len(units)) if len(units) > 1 else None
    return [FoundDevice(unit, setting, READ_ADDRESS, 0, link.response_s) for unit in units], several


async def search_meters(
    link: Dlt645Link, setting: SerialSetting, progress: ScanProgress, on_query: Callable[[], None]
) -> list[FoundDevice]:  # fmt: skip
    """The meters of a line with several, by wildcards with the last two digits of the address, then four, and so on.

    Two more digits are searched only where several meters have the same last digits. on_query: called before each
    request; may raise. The meters must have the energy, or reject the request for it. Raises LinkClosed.
    """
    timeout_s, found = query_s(setting), dict[int, FoundDevice]()
    progress.on_text(_(
        "Searching the addresses of the meters at {line}, two digits at a time: about {seconds:.0f} s, and as "
        "long again for each two digits that several meters share.",
        line=str(setting), seconds=PAIRS * timeout_s,
    ))  # fmt: skip
    shared = [""]
    while shared:
        low = shared.pop(0)
        for pair in range(PAIRS):
            digits = f"{pair:02d}{low}"
            by = int(digits) if len(digits) == ADDRESS_DIGITS else wildcard(digits)
            on_query()
            try:
                units = await link.read_matching(by, ENERGY, timeout_s)
            except (LinkTimeout, FrameError) as error:
                received = link.unmatched.replace(encoded(Request(by, READ_DATA, ENERGY, 0)), b"")
                collided = isinstance(error, FrameError) or len(received) >= COLLISION_BYTES
                shared += [digits] * (collided and len(digits) < ADDRESS_DIGITS)
                continue
            found |= {unit: FoundDevice(unit, setting, READ_DATA, 0, link.response_s) for unit in units}
            shared += [digits] * (len(units) > 1)
    return list(found.values())


async def identify_meter(link: Dlt645Link, unit: int) -> Identified:
    """The profile of a meter, by the phases of which it has voltages. Raises LinkError, FrameError."""
    found = Identified(unit)
    wire = link.wire
    timeout_s = CHARACTERS * wire.character_s + RESPONSE_S

    async def value(identifier: int) -> int | None:
        found.requests += 1
        try:
            data = await link.read_block(Request(unit, READ_DATA, identifier, 0), timeout_s, tries=3)
        except MeterRejection:
            return None
        digits = data[::-1].hex()
        return int(digits) if digits.isdecimal() else None

    found.reported = await _model(link, unit, timeout_s, found)
    volts = [await value(VOLTAGE_OF_PHASE | phase << 8) for phase in (1, 2, 3)]
    names, reason = profiles_of_volts(volts)
    found.matches = [Match(load_profile(name), SCORE, True, (reason,), ()) for name in names]
    found.conclusive = len(names) == 1
    found.notes.append(codes.METER_SECONDARY())
    return found


def profiles_of_volts(volts: Sequence[int | None]) -> tuple[tuple[str, ...], Reason]:
    """The profiles that fit the voltages of the three phases, and why. None: the meter does not have this phase."""
    if volts[2] is None:
        return PROFILES[:1], codes.METER_ONE_PHASE()
    if volts[0] and volts[2] and not volts[1]:
        return PROFILES[2:], codes.METER_THREE_WIRES()
    if all(volts):
        return PROFILES[1:2], codes.METER_THREE_PHASES()
    return PROFILES[1:], codes.METER_WITHOUT_VOLTAGE()


async def _model(link: Dlt645Link, unit: int, timeout_s: float, found: Identified) -> str:
    """The model that the meter reports; empty: none. Characters that cannot be printed are left out."""
    found.requests += 1
    try:
        data = await link.read_block(Request(unit, READ_DATA, MODEL, 0), timeout_s, tries=3)
    except LinkError:
        raise
    except DriverError:
        return ""
    return "".join(chr(byte) for byte in data[::-1] if 0x20 < byte < 0x7F)


def parse_addresses(text: str) -> tuple[int, ...]:
    """ "000000000161,000000000162" → addresses. Raises InvalidValue."""
    found = []
    for part in text.split(","):
        digits = part.strip()
        if len(digits) != ADDRESS_DIGITS or not (digits.isascii() and digits.isdecimal()):
            raise InvalidValue(codes.METER_ADDRESSES_EXPECTED)
        found.append(int(digits))
    return tuple(dict.fromkeys(found))
