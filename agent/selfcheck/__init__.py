"""The commissioning self-check: compares the values of a register map with physical relations (docs/selfcheck.md).

This module exports the records, which `run` needs too; `bench` and `check` perform the check.
"""

from agent.selfcheck.model import Bench, DeviceResult, Finding, Result, Subject, Verdict

__all__ = ["Bench", "DeviceResult", "Finding", "Result", "Subject", "Verdict"]
