"""Diagnosis of buses, clock, disk, broker and signals, each finding with the action to take (`magwatt doctor`)."""

from agent.doctor.examine import examine
from agent.doctor.finding import Finding

__all__ = ["Finding", "examine"]
