"""`magwatt commission`: confirm nameplate and wiring, check the values, and write a record, motor by motor."""

from agent.commissioning.wizard.wizard import Dialogue, commission

__all__ = ["Dialogue", "commission"]
