"""`magwatt doctor`: what is wrong with the wires, the clock, the disk and the broker, and what to do about it."""

from agent.doctor.examine import examine
from agent.doctor.finding import Finding

__all__ = ["Finding", "examine"]
