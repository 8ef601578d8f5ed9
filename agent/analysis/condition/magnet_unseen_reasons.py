"""Why a fault of a magnet motor would stay below the limit, so that its absence proves nothing."""

from __future__ import annotations

from drivers.reasons import Code

MAGNET_TURNS_UNSEEN = Code(
    "condition_magnet_turns_unseen",
    "2 % of the turns with the rated current in them cause {caused_pct:.2f} % of the voltage; "
    "at least {limit_pct:.2f} % are needed, because resistance, inductance, channels and baseline are uncertain",
)
MAGNET_LINE_SMALL = Code(
    "condition_magnet_line_small",
    "the line at {order:d}/{pairs:d} of the fundamental has risen to {level_db:.0f} dB, which sound motors have, too",
)
