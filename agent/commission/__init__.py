"""`magwatt commission`: motor by motor, the nameplate, the wiring, whether the values agree, who looked and when."""

from agent.commission.walk import Answers, commission

__all__ = ["Answers", "commission"]
