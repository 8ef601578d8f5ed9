"""Device identification by Report Server ID (function 0x11) and Read Device Identification (0x2B / 0x0E).

Source: Modbus application protocol V1.1b3, 6.13 and 6.21. The frames are in drivers/rtu_framing.py and tcp_framing.py.
"""

from __future__ import annotations

from drivers import error_reasons as codes
from drivers.errors import FrameError
from drivers.framing import READ_DEVICE_ID, REPORT_SERVER_ID, Request
from drivers.reading import RegisterLink

REGULAR = 2  # read code: vendor, product code, revision, URL, product name, model …
REQUESTS_MAX = 8  # per device; two or three are usual


async def read_server_id(link: RegisterLink, unit: int, timeout_s: float, inter_request_delay_s: float = 0.0) -> str:
    """Requests the server ID of a device, usually its name.

    Raises as Link.read_block, and FrameError on an invalid response.
    """
    data = await link.read_block(
        Request(unit, REPORT_SERVER_ID, 0, 0), timeout_s, inter_request_delay_s, tries=2, silence_tries=1
    )
    return parse_server_id(data)


async def read_identity(link: RegisterLink, unit: int, timeout_s: float, inter_request_delay_s: float = 0.0) -> str:
    """Requests the regular objects (vendor, product code, revision, names) and joins them.

    Devices with basic objects only return those. Bytes that are not UTF-8 appear as �. Raises as `read_server_id`.
    """
    objects: dict[int, str] = {}
    following = 0
    for _ in range(REQUESTS_MAX):
        request = Request(unit, READ_DEVICE_ID, REGULAR << 8 | following, 0)
        data = await link.read_block(request, timeout_s, inter_request_delay_s, tries=2, silence_tries=1)
        found, more = parse_identity(data, following)
        objects |= found
        if more is None:
            break
        following = more
    return " ".join(text for text in objects.values() if text)


def parse_server_id(data: bytes) -> str:
    """The printable ASCII characters of a response, which starts with the byte count. Raises FrameError.

    Only the run indicator among its bytes has a standard meaning.
    """
    if not data or data[0] != len(data) - 1 or len(data) < 2:
        raise FrameError(codes.SERVER_ID_LENGTH, n_bytes=len(data))
    return "".join(chr(byte) for byte in data[1:] if 0x20 <= byte < 0x7F).strip()


def parse_identity(data: bytes, requested: int = 0) -> tuple[dict[int, str], int | None]:
    """The objects of one response (from the MEI type on), and the next object to request; None after the last one.

    requested: first object of the request. Object numbers must increase; the device may start again at 0 if it does not
    have this object, as the protocol allows. Raises FrameError.
    """
    if len(data) < 6 or data[0] != 0x0E:
        raise FrameError(codes.IDENTITY_HEADER)
    _, _, _, more, following, count = data[:6]
    if more not in (0x00, 0xFF):
        raise FrameError(codes.IDENTITY_MORE_FOLLOWS, value=more)
    objects: dict[int, str] = {}
    at, last = 6, -1
    for _ in range(count):
        if at + 2 > len(data) or at + 2 + data[at + 1] > len(data):
            raise FrameError(codes.IDENTITY_OBJECT_TRUNCATED)
        number, length = data[at], data[at + 1]
        if number <= last:
            raise FrameError(codes.IDENTITY_OBJECT_ORDER, object_id=number, last_id=last)
        objects[number] = data[at + 2 : at + 2 + length].decode("utf-8", "replace").strip("\0 ")
        at, last = at + 2 + length, number
    if at != len(data):
        raise FrameError(codes.IDENTITY_EXTRA_BYTES)
    if not more:
        return objects, None
    if following <= max(last, requested):
        raise FrameError(codes.IDENTITY_NEXT_OBJECT, object_id=following, last_id=max(last, requested))
    return objects, following
