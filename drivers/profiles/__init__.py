"""Register maps (profiles): one TOML file per model. A new model needs one file and no code.

The schema is described in docs/reference/profiles.md. Addresses are those of the PDU, from 0; scales give the unit of
the vocabulary.
"""

from __future__ import annotations

from drivers.profiles.library import load_file, load_profile, profile_ids, set_profile_folders
from drivers.profiles.model import (
    CONFIDENCE,
    GROUPS,
    WORDS,
    BitField,
    HarmonicBlock,
    Identify,
    Profile,
    Register,
    ScaleFrom,
)
from drivers.profiles.profile_parser import parse_profile

__all__ = [
    "CONFIDENCE",
    "GROUPS",
    "WORDS",
    "BitField",
    "HarmonicBlock",
    "Identify",
    "Profile",
    "Register",
    "ScaleFrom",
    "load_file",
    "load_profile",
    "parse_profile",
    "profile_ids",
    "set_profile_folders",
]
