"""The commissioning self-check: compares the values of a register map with physical relations (docs/selfcheck.md).

This module exports the records, which `run` needs too; `bench` and `check` perform the check.
"""

from agent.commissioning.selfcheck.model import (
    DeviceResult,
    DeviceSet,
    DeviceVerdict,
    SelfcheckFinding,
    SelfcheckOutcome,
    Subject,
)

__all__ = ["DeviceResult", "DeviceSet", "DeviceVerdict", "SelfcheckFinding", "SelfcheckOutcome", "Subject"]
