"""What docs/reference/compatibility.md promises: no name of version 1 is removed, and nothing more is demanded."""

from __future__ import annotations

import pytest

from tests.compatibility.interface import DEMANDED, PROMISED
from tests.compatibility.recorded import is_new, recorded


@pytest.mark.parametrize("name", PROMISED)
def test_nothing_that_was_promised_is_missing(name: str) -> None:
    missing = recorded(name) - set(PROMISED[name]())
    assert not missing, f"removed or renamed; restore it, or release a new major version: {sorted(missing)}"


@pytest.mark.parametrize("name", DEMANDED)
def test_nothing_more_is_demanded(name: str) -> None:
    more = set(DEMANDED[name]()) - recorded(name)
    assert not more, f"was optional; give it a default, or release a new major version: {sorted(more)}"


@pytest.mark.parametrize("name", PROMISED)
def test_each_name_is_recorded(name: str) -> None:
    """From the release on a recorded name is promised."""
    new = set(PROMISED[name]()) - recorded(name)
    assert not new, f"new; record it with `python -m tests.compatibility`: {sorted(new)}"


@pytest.mark.parametrize(
    ("line", "promised", "new"),
    [
        ("meter.colour", {"meter.bus"}, False),  # a further key of a known table breaks files of users
        ("winch.load", {"meter.bus"}, True),
        ("magwatt scan --serial", {"magwatt scan"}, False),
        ("magwatt winch --load", {"magwatt", "magwatt scan"}, True),
        ("Decision.by", {"Decision.code"}, False),
    ],
)
def test_only_what_is_new_may_demand_more(line: str, promised: set[str], new: bool) -> None:
    assert is_new(line, promised) is new
