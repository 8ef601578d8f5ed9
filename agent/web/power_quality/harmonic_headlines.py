"""The first headlines of the power quality view: dominant harmonics, THD and unbalance, each with its limit."""

from __future__ import annotations

from agent.core.text import N_, Catalogue
from agent.web.power_quality.harmonics import Spectrum
from agent.web.power_quality.phasors import Phasors
from agent.web.power_quality.supply_headline import SupplyHeadline
from agent.web.power_quality.supply_limits import ShownLimits


def harmonic_headline(
    u: Spectrum | None, i: Spectrum | None, limits: ShownLimits | None, catalogue: Catalogue
) -> SupplyHeadline:
    """The dominant harmonic of the voltage, its limit, and that of the current."""
    if u is None and i is None:
        return SupplyHeadline(catalogue(N_("Harmonics unknown")), catalogue(N_("no samples of the waveform")))
    order, pct = (u.dominant_order, u.dominant_pct) if u else (None, None)
    limit = limits.orders_pct[order] if limits and order else None
    details = [_limit(pct, limit, catalogue)] if order else []
    if i and i.dominant_order:
        details.append(
            catalogue(N_("current: {nth} {pct:.1f} %"), nth=nth(i.dominant_order, catalogue), pct=i.dominant_pct)
        )
    if order is None:
        title = catalogue(N_("No voltage harmonic above 0.1 %"))
    else:
        title = catalogue(N_("{nth} voltage harmonic {pct:.1f} %"), nth=nth(order, catalogue), pct=pct)
    return SupplyHeadline(title, catalogue("; ").join(details), _beyond(pct, limit))


def thd_headline(
    u_pct: float | None, i_pct: float | None, limits: ShownLimits | None, catalogue: Catalogue
) -> SupplyHeadline:
    """The largest THD of the voltages with its limit, and that of the currents."""
    limit = limits.thd_pct if limits else None
    details = [_limit(u_pct, limit, catalogue)]
    if i_pct is not None:
        details.append(catalogue(N_("current {pct:.1f} %"), pct=i_pct))
    title = catalogue(N_("THD U unknown")) if u_pct is None else catalogue(N_("THD U {pct:.1f} %"), pct=u_pct)
    return SupplyHeadline(title, catalogue("; ").join(details), _beyond(u_pct, limit))


def unbalance_headline(phasors: Phasors | None, limits: ShownLimits | None, catalogue: Catalogue) -> SupplyHeadline:
    """U2/U1 with its limit, that of the currents, and a phase order that is not 1, 2, 3."""
    u_pct = phasors.voltage_unbalance_pct if phasors else None
    limit = limits.unbalance_pct if limits else None
    details = [_limit(u_pct, limit, catalogue)]
    if phasors and phasors.current_unbalance_pct is not None:
        details.append(catalogue(N_("current {pct:.1f} %"), pct=phasors.current_unbalance_pct))
    if phasors and phasors.sequence == -1:
        details.append(catalogue(N_("phase order {order}"), order="L1\N{NO-BREAK SPACE}L3\N{NO-BREAK SPACE}L2"))
    title = catalogue(N_("Unbalance unknown")) if u_pct is None else catalogue(N_("Unbalance {pct:.1f} %"), pct=u_pct)
    return SupplyHeadline(title, catalogue("; ").join(details), _beyond(u_pct, limit))


def nth(order: int, catalogue: Catalogue) -> str:
    """The order of a harmonic as a word: "5th", in Chinese "5 次"."""
    if catalogue.language != "en":
        return catalogue(N_("{order:d}th"), order=order)
    ends = {1: "st", 2: "nd", 3: "rd"}
    return f"{order}{'th' if order % 100 in (11, 12, 13) else ends.get(order % 10, 'th')}"


def _limit(pct: float | None, limit: float | None, catalogue: Catalogue) -> str:
    if limit is None:
        return catalogue(N_("no limit"))
    text = N_("above the limit of {pct:.1f} %") if _beyond(pct, limit) else N_("limit {pct:.1f} %")
    return catalogue(text, pct=limit)


def _beyond(pct: float | None, limit: float | None) -> bool:
    return pct is not None and limit is not None and pct > limit
