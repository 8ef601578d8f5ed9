"""What a device says about itself: Report Server ID (function 0x11) and Read Device Identification (0x2B / 0x0E).

Reads both, as the Modbus application protocol V1.1b3 calls them (6.13 and 6.21); drivers/framing.py carries them.
"""

from __future__ import annotations

from dataclasses import dataclass

from drivers.errors import FrameError
from drivers.framing import READ_DEVICE_ID, REPORT_SERVER_ID, Request
from drivers.reading import Link

BASIC, REGULAR = 1, 2  # read codes: vendor, product code, revision; those and URL, product name, model name …
OBJECTS = ("vendor", "product_code", "revision", "url", "product_name", "model_name", "application")
REQUESTS_MAX = 8  # of one device: what it has to say fits into two or three


@dataclass(frozen=True, slots=True)
class DeviceIdentity:
    """Read Device Identification: object number → text; what is no UTF-8 shows as �."""

    objects: dict[int, str]

    def __str__(self) -> str:
        return " ".join(text for text in self.objects.values() if text)

    @property
    def vendor(self) -> str:
        return self.objects.get(0, "")

    @property
    def product(self) -> str:
        """Every name the product goes by: code, product name, model name."""
        return " ".join(dict.fromkeys(self.objects[number] for number in (1, 4, 5) if self.objects.get(number)))


@dataclass(frozen=True, slots=True)
class ServerId:
    """Report Server ID: what follows the byte count, of which only the run indicator has a fixed meaning."""

    data: bytes

    @property
    def text(self) -> str:
        """The readable part; devices put their name there."""
        return "".join(chr(byte) for byte in self.data if 0x20 <= byte < 0x7F).strip()


async def read_server_id(link: Link, unit: int, timeout_s: float, gap_s: float = 0.0) -> ServerId:
    """Raises as Link.read_block does; FrameError when the answer is not what the protocol says."""
    data = await link.read_block(Request(unit, REPORT_SERVER_ID, 0, 0), timeout_s, gap_s, tries=2, silence_tries=1)
    return parse_server_id(data)


async def read_identity(link: Link, unit: int, timeout_s: float, gap_s: float = 0.0) -> DeviceIdentity:
    """All objects of the regular set, of the basic one where the device knows no more. Raises as `read_server_id`."""
    objects: dict[int, str] = {}
    following = 0
    for _ in range(REQUESTS_MAX):
        request = Request(unit, READ_DEVICE_ID, REGULAR << 8 | following, 0)
        data = await link.read_block(request, timeout_s, gap_s, tries=2, silence_tries=1)
        found, more = parse_identity(data, following)
        objects |= found
        if more is None:
            break
        following = more
    return DeviceIdentity(objects)


def parse_server_id(data: bytes) -> ServerId:
    if not data or data[0] != len(data) - 1 or len(data) < 2:
        raise FrameError(f"server id: {len(data)} bytes do not fit their count")
    return ServerId(data[1:])


def parse_identity(data: bytes, asked: int = 0) -> tuple[dict[int, str], int | None]:
    """Objects of one answer (from the MEI type on), and the object to ask for next; None when that was all.

    asked: the first object of the request. Numbers must rise from there, or begin anew where the device has no such
    object, as the protocol allows. Raises FrameError.
    """
    if len(data) < 6 or data[0] != 0x0E:
        raise FrameError("device identification: too short, or another MEI type")
    _, _, _, more, following, count = data[:6]
    if more not in (0x00, 0xFF):
        raise FrameError(f"device identification: 'more follows' is 0x{more:02X}")
    objects: dict[int, str] = {}
    at, last = 6, -1
    for _ in range(count):
        if at + 2 > len(data) or at + 2 + data[at + 1] > len(data):
            raise FrameError("device identification: an object is cut off")
        number, length = data[at], data[at + 1]
        if number <= last:
            raise FrameError(f"device identification: object {number} after {last}")
        objects[number] = data[at + 2 : at + 2 + length].decode("utf-8", "replace").strip("\0 ")
        at, last = at + 2 + length, number
    if at != len(data):
        raise FrameError("device identification: bytes behind the last object")
    if not more:
        return objects, None
    if following <= max(last, asked):
        raise FrameError(f"device identification: object {following} is said to follow {last}")
    return objects, following
