"""Why a fault cannot be excluded although the last records do not show it."""

from __future__ import annotations

from drivers.reasons import Code

FOUND_BEFORE = Code(
    "condition_history_found_before",
    "found before and no longer visible: bars do not heal, and a second broken bar half a pole pitch away hides the "
    "first; inspect the rotor, then set learn_since",
)
