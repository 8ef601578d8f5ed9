"""Register maps: one TOML file per model. Adding a device is a file and nothing else.

The schema stands in docs/profiles.md. Addresses are the 0-based ones of the PDU; scales lead to the
vocabulary's unit.
"""

from __future__ import annotations

from drivers.profiles.library import load_file, load_profile, profile_ids, set_profile_folders
from drivers.profiles.parse import parse_profile
from drivers.profiles.shape import (
    CONFIDENCE,
    GROUPS,
    WORDS,
    HarmonicBlock,
    Identify,
    Part,
    Profile,
    Register,
    ScaleFrom,
)

__all__ = [
    "CONFIDENCE",
    "GROUPS",
    "WORDS",
    "HarmonicBlock",
    "Identify",
    "Part",
    "Profile",
    "Register",
    "ScaleFrom",
    "load_file",
    "load_profile",
    "parse_profile",
    "profile_ids",
    "set_profile_folders",
]
