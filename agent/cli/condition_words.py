"""Words for the condition of a motor in the terminal."""

from __future__ import annotations

from agent.core.text import N_

CONDITIONS = {
    "finding": N_("something was found"),
    "healthy": N_("healthy: nothing was found, and the faults that count would have been seen"),
    "unknown": N_("unknown: nothing was found, but not all faults that count would have been seen"),
}
SEVERITIES = {"note": N_("note"), "warning": N_("warning"), "alarm": N_("alarm")}
CONFIDENCES = {"certain": N_("certain"), "likely": N_("likely"), "possible": N_("possible")}
