"""A page with two motors, for all tests of a file: starting it takes a third of a second."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.page import Page, running_page


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with running_page() as page:
        page.motor("pump-1", "Cooling-water pump 1", {"kind": "induction", "rated_power_kw": 55.0})
        page.motor("pump-2", "Cooling-water pump 2", drive={"name": "vfd-2"}, meter={"name": "mcc-2"})
        page.telemetry("pump-1")
        page.telemetry("pump-2")
        yield page
