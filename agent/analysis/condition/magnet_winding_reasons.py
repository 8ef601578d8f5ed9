"""Why shorted turns of a magnet motor cannot be seen."""

from __future__ import annotations

from drivers.reasons import Code

MAGNET_TURNS_UNSEEN = Code(
    "condition_magnet_turns_unseen",
    "2 % of the turns with the rated current in them cause {caused_pct:.2f} % of the voltage; "
    "at least {limit_pct:.2f} % are needed, because resistance, inductance, channels and baseline are uncertain",
)
