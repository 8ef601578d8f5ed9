"""Diagnosis of buses, clock, disk, broker and signals, each finding with the action to take (`magwatt doctor`)."""

from agent.commissioning.doctor.finding import DoctorFinding
from agent.commissioning.doctor.run import examine

__all__ = ["DoctorFinding", "examine"]
