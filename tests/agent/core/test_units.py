"""Units as they are shown (SI brochure, 5.2 and 5.4)."""

from __future__ import annotations

import pytest

from agent.core.units import unit_sign


@pytest.mark.parametrize(
    ("unit", "shown"),
    [("degC", "°C"), ("Nm", "N·m"), ("rpm", "r/min"), ("%", "%"), ("", ""), (None, "")],
)
def test_a_unit_of_a_message_has_the_sign_of_the_standard(unit: str | None, shown: str) -> None:
    assert unit_sign(unit) == shown
