"""The picture of the live table in README shows what the program shows."""

from __future__ import annotations

import pytest
from support.pictures import LIVE_TABLE, MESSAGES, live_table_svg, svg_texts


@pytest.mark.text
def test_the_picture_of_the_live_table_is_current() -> None:
    """Drawn again from the recorded messages it has the same texts at the same places of the table."""
    drawn = svg_texts(live_table_svg(MESSAGES.read_text(encoding="utf-8")))
    assert len(drawn) > 20
    assert svg_texts(LIVE_TABLE.read_text(encoding="utf-8")) == drawn, "run `make picture`"


def test_the_picture_loads_nothing() -> None:
    assert "url(" not in LIVE_TABLE.read_text(encoding="utf-8").replace("url(#", "")
