"""Register maps (profiles): one TOML file per model. A new model needs one file and no code.

The schema is described in docs/profiles.md. Addresses are those of the PDU, from 0; scales give the unit of the
vocabulary.
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
