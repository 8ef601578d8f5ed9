"""Complete Modbus RTU frames of any master and slave in received bytes: requests and responses with their fields.

The functions find a frame at an offset, whatever precedes it: a reader that sleeps does not see the silences between
frames. A frame has a valid checksum and plausible fields. Source: Modbus application protocol V1.1b3, 6.
"""

from __future__ import annotations

from typing import NamedTuple

from drivers.rtu_framing import crc16

_FIXED_REQUEST = {1: 8, 2: 8, 3: 8, 4: 8, 5: 8, 6: 8, 7: 4, 8: 8, 11: 4, 12: 4, 17: 4, 22: 10, 24: 6, 43: 7}  # bytes
_FIXED_RESPONSE = {5: 8, 6: 8, 7: 5, 8: 8, 11: 8, 15: 8, 16: 8, 22: 10}
_COUNTED_RESPONSE = (1, 2, 3, 4, 12, 17, 20, 21, 23)  # the byte after the function code is a byte count
_COUNTED_REQUEST = {15: 6, 16: 6, 23: 10, 20: 2, 21: 2}  # offset of the byte count
FUNCTIONS = {*_FIXED_REQUEST, *_COUNTED_REQUEST}
_WITHOUT_ADDRESS = (7, 8, 11, 12, 17, 20, 21, 43)
_DIAGNOSTICS = (0, 1, 2, 3, 4, 10, 11, 12, 13, 14, 15, 16, 17, 18, 20)  # sub-functions of function 8
_FILE_REFERENCE = 6  # reference type of functions 20 and 21
PLAIN = (6, 7, 11, 12, 17, 22, 24)  # functions whose requests have only the checksum to tell them from noise


class OverheardRequest(NamedTuple):
    """A request of any master.

    length: bytes of the frame. unit: unit identifier; 0: broadcast. function: function code. address: first address as
    in the PDU; None: this function has none.
    """

    length: int
    unit: int
    function: int
    address: int | None


def request_at(data: bytes, at: int) -> OverheardRequest | None:
    """The complete request that starts at this offset; None if there is none.

    Random bytes pass with a probability of 4e-9 per offset, and with 6e-8 for each function in PLAIN: function code,
    number of registers or coils, and checksum must agree.
    """
    if at + 4 > len(data):
        return None
    unit, function = data[at], data[at + 1]
    length = _request_length(data, at, function)
    if not length or at + length > len(data) or crc16(data[at : at + length]):
        return None
    address = None if function in _WITHOUT_ADDRESS else _word(data, at + 2)
    return OverheardRequest(length, unit, function, address)


def response_length(data: bytes, at: int) -> int:
    """Bytes of the complete response that starts at this offset; 0 if there is none."""
    if at + 5 > len(data):
        return 0
    function = data[at + 1]
    if function & 0x80:
        length = 5 if function & 0x7F in FUNCTIONS and 1 <= data[at + 2] <= 11 else 0
    elif function in _COUNTED_RESPONSE:
        length = 5 + data[at + 2]
    else:
        length = _FIXED_RESPONSE.get(function, 0)
    return length if length and at + length <= len(data) and not crc16(data[at : at + length]) else 0


def frame_length_max(data: bytes, at: int) -> int:
    """Bytes that a frame which starts at this offset may have, as far as its fields are received; 0: none starts here.

    A reader that has fewer bytes waits before it skips this offset.
    """
    left = len(data) - at
    if left < 2:
        return 2
    function = data[at + 1]
    if function & 0x80:
        return 5 if function & 0x7F in FUNCTIONS else 0
    request = _FIXED_REQUEST.get(function, 0)
    if place := _COUNTED_REQUEST.get(function, 0):
        request = place + 3 + (data[at + place] if left > place else 0)
    response = _FIXED_RESPONSE.get(function, 0)
    if function in _COUNTED_RESPONSE:
        response = 5 + (data[at + 2] if left > 2 else 0)
    return max(request, response)


def frames_in(data: bytes) -> list[bytes]:
    """The complete frames in `data`, requests and responses, without overlap."""
    found, at = [], 0
    while at + 4 <= len(data):
        request = request_at(data, at)
        length = max(request.length if request else 0, response_length(data, at))
        if length:
            found.append(data[at : at + length])
        at += length or 1
    return found


def _request_length(data: bytes, at: int, function: int) -> int:
    """Bytes of the request with these fields; 0 if they are not plausible, or not received yet."""
    length = _FIXED_REQUEST.get(function, 0)
    if function in _COUNTED_REQUEST:
        return _counted_length(data, at, function)
    if not length or at + length > len(data):
        return 0
    if function <= 4:
        count, count_max = _word(data, at + 4), 2000 if function <= 2 else 125
        plausible = data[at] > 0 and 1 <= count <= count_max and _word(data, at + 2) + count <= 1 << 16
    elif function == 5:
        plausible = _word(data, at + 4) in (0x0000, 0xFF00)
    elif function == 8:
        plausible = _word(data, at + 2) in _DIAGNOSTICS
    elif function == 43:
        plausible = data[at + 2] == 14 and 1 <= data[at + 3] <= 4
    else:
        plausible = True
    return length if plausible else 0


def _counted_length(data: bytes, at: int, function: int) -> int:
    """Same as `_request_length` for functions whose request contains a byte count."""
    place = _COUNTED_REQUEST[function]
    if at + place + 2 > len(data):
        return 0
    n_bytes = data[at + place]
    if function in (20, 21):
        plausible = n_bytes >= 7 and data[at + 3] == _FILE_REFERENCE
    else:
        count = _word(data, at + place - 2)
        plausible = count > 0 and n_bytes == (-(-count // 8) if function == 15 else 2 * count)
        if function == 23:
            plausible = plausible and 1 <= _word(data, at + 4) <= 125
    return place + 3 + n_bytes if plausible else 0


def _word(data: bytes, at: int) -> int:
    return data[at] << 8 | data[at + 1]
