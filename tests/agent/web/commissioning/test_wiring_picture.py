"""Each wiring mistake is drawn as it was made.

Truth: phasors of a balanced supply with three known currents, wired wrongly here. The diagnosis of the agent sees
only the readings; the drawing must show each connection as it was made, and the corrected angles must be those of the
load.
"""

from __future__ import annotations

import cmath
import math
from itertools import permutations

import pytest

from agent.analysis.efficiency.plausibility import finding_of
from agent.commissioning.selfcheck.reasons import METER_CT_REVERSED, METER_CTS_SWAPPED
from agent.web.commissioning.wiring_picture import WiringMistake, mistake_of
from drivers.reasons import reason_of
from dsp.wiring import Phases, three_wattmeters

LOAD_DEG = (24.0, 27.0, 30.0)  # of the three phases, lagging: a loaded motor, slightly unbalanced
VOLTS, AMPS = 230.0, 50.0
Order = tuple[int, int, int]


def readings(currents: Order, voltages: Order, reversed_at: set[int]) -> Phases:
    """What a meter shows. currents, voltages: terminal → phase that reaches it. reversed_at: terminals of current."""
    u = [cmath.rect(VOLTS, math.radians(-120 * k)) for k in range(3)]
    i = [cmath.rect(AMPS, math.radians(-120 * k - LOAD_DEG[k])) for k in range(3)]
    power = [u[voltages[k]] * i[currents[k]].conjugate() * (-1 if k in reversed_at else 1) for k in range(3)]
    p, q = (tuple(part) for part in ([s.real for s in power], [s.imag for s in power]))
    return Phases((VOLTS,) * 3, (AMPS,) * 3, p, q)


def angles(phases: Phases) -> tuple[float, float, float]:
    one, two, three = (math.degrees(math.atan2(q, p)) for p, q in zip(phases.watts_w, phases.vars_var, strict=True))
    return one, two, three


def mistakes(phases: Phases) -> list[WiringMistake]:
    """Those that the agent publishes for these readings, as `explain` carries them."""
    found = finding_of(three_wattmeters(phases, AMPS, "motor"))
    stored = [fault.reason.as_object() for fault in found.faults]
    return [drawn for item in stored if (drawn := mistake_of(reason_of(item), angles(phases)))]


@pytest.mark.parametrize("order", sorted(set(permutations(range(3))) - {(0, 1, 2)}))
def test_exchanged_and_rotated_currents_are_drawn_as_they_are_wired(order: Order) -> None:
    phases = readings(order, (0, 1, 2), set())
    drawn = next(item for item in mistakes(phases) if item.side == "current" and not item.reversed)
    assert [wire.phase for wire in drawn.wires] == [f"L{phase + 1}" for phase in order]
    assert [wire.state != "ok" for wire in drawn.wires] == [order[k] != k for k in range(3)]
    assert drawn.corrected(angles(phases)) == pytest.approx(LOAD_DEG)


@pytest.mark.parametrize("order", [(1, 0, 2), (0, 2, 1), (2, 1, 0)])
def test_exchanged_voltages_are_drawn_as_they_are_wired(order: Order) -> None:
    phases = readings((0, 1, 2), order, set())
    drawn = next(item for item in mistakes(phases) if item.side == "voltage")
    assert [wire.terminal for wire in drawn.wires] == ["U1", "U2", "U3"]
    assert [wire.phase for wire in drawn.wires] == [f"L{phase + 1}" for phase in order]
    assert drawn.corrected(angles(phases)) == pytest.approx(LOAD_DEG)


@pytest.mark.parametrize("reversed_at", [{0}, {2}, {0, 1}, {0, 1, 2}])
def test_reversed_transformers_are_drawn_at_their_terminals(reversed_at: set[int]) -> None:
    phases = readings((0, 1, 2), (0, 1, 2), reversed_at)
    drawn = next(item for item in mistakes(phases) if item.order == (0, 1, 2))
    assert {k for k, wire in enumerate(drawn.wires) if wire.reversed} == reversed_at
    assert drawn.corrected(angles(phases)) == pytest.approx(LOAD_DEG)


def test_exchanged_and_reversed_together() -> None:
    phases = readings((1, 0, 2), (0, 1, 2), {1})
    drawn = [item for item in mistakes(phases) if item.reversed and item.moved]
    assert any(item.order == (1, 0, 2) and item.corrected(angles(phases)) == pytest.approx(LOAD_DEG) for item in drawn)


def test_a_missing_current_is_drawn_without_angles() -> None:
    phases = readings((0, 1, 2), (0, 1, 2), set())
    gone = Phases(phases.volts_v, (0.0, AMPS, AMPS), (0.0, *phases.watts_w[1:]), (0.0, *phases.vars_var[1:]))
    (drawn,) = mistakes(gone)
    assert [wire.state for wire in drawn.wires] == ["missing", "ok", "ok"]
    assert drawn.corrected(angles(gone)) is None


def test_mistakes_of_a_self_check() -> None:
    swapped = mistake_of(METER_CTS_SWAPPED(device="m1", phase="L1", other_phase="L3"))
    turned = mistake_of(METER_CT_REVERSED(device="m1", phases=("L2", "L3")))
    assert swapped is not None
    assert turned is not None
    assert [wire.phase for wire in swapped.wires] == ["L3", "L2", "L1"]
    assert [wire.reversed for wire in turned.wires] == [False, True, True]
