"""What a device reports about itself: device identification (function 0x2B) and server ID (0x11)."""

from __future__ import annotations

from msgspec import Struct, field

from agent.commissioning.discovery.cached_reader import GAP_S
from agent.commissioning.discovery.likelihood import Evidence, add_names
from drivers.errors import FrameError, LinkTimeout, ModbusExceptionResponse
from drivers.framing import READ_DEVICE_ID, REPORT_SERVER_ID
from drivers.identity import read_identity, read_server_id
from drivers.profiles import load_profile, profile_ids
from drivers.reading import RegisterLink

LETTERS_MIN = 3  # letters and digits of a text that names something


class Reported(Struct):
    """The identification that a device reports.

    texts: (text, function code).
    rejects: the device returned an exception response.
    requests: number of requests.
    """

    texts: list[tuple[str, int]] = field(default_factory=list)
    rejects: bool = False
    requests: int = 0

    @property
    def names_model(self) -> bool:
        """Whether it names a model of the library, so that few requests identify the device."""
        evidence = Evidence()
        for profile in map(load_profile, profile_ids() if self.texts else ()):
            for text, function in self.texts:
                add_names(profile, text, evidence, function)
        return evidence.named


async def read_reported(link: RegisterLink, unit: int, timeout_s: float) -> Reported:
    """Requests the identification. Raises LinkBusy and LinkClosed."""
    found = Reported()
    for function, read in ((READ_DEVICE_ID, read_identity), (REPORT_SERVER_ID, read_server_id)):
        found.requests += 1
        try:
            text = await read(link, unit, timeout_s, GAP_S)
        except ModbusExceptionResponse:
            found.rejects = True
            continue
        except (FrameError, LinkTimeout):
            continue
        if sum(letter.isalnum() for letter in text) >= LETTERS_MIN:
            found.texts.append((text, function))
    return found
