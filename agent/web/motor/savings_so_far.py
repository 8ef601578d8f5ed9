"""Energy that one motor saved since the start of its reporting period, and the present power of its baseline."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from agent.core.text import N_, Catalogue
from agent.web.base import values
from agent.web.base.values import Absence, PageValue

_VERDICTS = {
    "proven": N_("proven"), "provisional": N_("provisional"), "not_proven": N_("not yet proven"),
    "negative": N_("more than before"), "undecided": N_("undecided"),
}  # fmt: skip


class SavedSoFar(Struct):
    """energy_kwh: since the start of the reporting period, U at 95 %. verdict: in words; empty: none.
    share_pct: of the energy of the old plant in the last interval of 15 min. old_plant_w: its mean power there.
    """

    energy_kwh: PageValue
    verdict: str
    share_pct: PageValue
    old_plant_w: PageValue


def saved_so_far(
    message: Mapping[str, Any], absence: Absence | None, now: PageValue, catalogue: Catalogue
) -> SavedSoFar:
    """message: kind `savings`. absence: why it has no saving; None: it has one.
    now: the saved power; where it is unknown, so is the old plant.
    """
    if absence is not None:
        none = values.unknown(absence, catalogue)
        return SavedSoFar(none, "", none, none)
    energy = values.value_of(message, "saved_energy_wh", catalogue, 0.001)
    verdict = catalogue.translate(_VERDICTS.get(str(message["v"]["savings_verdict"]), ""))
    old = values.value_of(message, "interval_adjusted_baseline_wh", catalogue, 4.0)
    if now.v is None or not old.v:
        missing = PageValue(None, q="bad", why=now.why or values.NOT_COMPARED.why(catalogue))
        return SavedSoFar(energy, verdict, missing, missing)
    return SavedSoFar(energy, verdict, PageValue(100 * now.v / old.v), old)
