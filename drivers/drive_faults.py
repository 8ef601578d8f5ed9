"""What is derived of the fault code and the status word of a drive."""

from __future__ import annotations

from drivers.profiles import Profile
from drivers.reading import Value

TRIPPED = "tripped"  # from the status word of a drive, see Trip
TEXT_OF = {"fault_code": "fault_text", "last_fault_code": "last_fault_text"}


def fault_text(profile: Profile, value: Value) -> str | None:
    """A fault code as text; an unknown code as a number. None without a fault table or a code."""
    if not profile.faults or not isinstance(value, int | float):
        return None
    code = int(value)
    return profile.faults.get(code) or ("no fault" if code == 0 else f"code {code} (0x{code:04X})")
