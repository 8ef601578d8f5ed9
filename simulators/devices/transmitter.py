"""A process transmitter on Modbus: one float in two registers, not the map of any vendor."""

from __future__ import annotations

from drivers.profiles import Profile
from drivers.profiles.model import Register

ADDRESS, TYPE = 0, "f32"


def transmitter_profile(name: str, unit: str) -> Profile:
    """Return a map with one value, `name` in `unit`."""
    value = Register(
        name=name, address=ADDRESS, function=3, type=TYPE, words=2, big_words_first=True, scale=1.0, offset=0.0,
        unit=unit, group="fast", confidence="one_source",
    )  # fmt: skip
    return Profile(
        id="transmitter", vendor="", model="transmitter", kind="meter", phases=0, confidence="one_source",
        transports=("rtu", "tcp"), function=3, max_registers=32, min_gap_s=0.005, timeout_s=1.0, refresh_s=0.0,
        gaps_allowed=False, registers=(value,),
    )  # fmt: skip
