"""No decision reads a text for people: the suite passes when every English text is replaced."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from support import pseudo_locale

ROOT = Path(__file__).parents[2]


@pytest.mark.soak
def test_the_suite_passes_with_every_english_text_replaced(tmp_path: Path) -> None:
    """Excludes only the tests marked `text`, which check a wording."""
    environment = {**os.environ, "MAGWATT_LOCALE": str(pseudo_locale.write(tmp_path))}
    command = [sys.executable, "-m", "pytest", "-q", "-n", "4", "-m", "not soak and not alone and not text", "tests"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-10_000:]
    assert " passed" in done.stdout.splitlines()[-1]


def test_the_pseudo_locale_replaces_words_and_keeps_fields() -> None:
    assert pseudo_locale.pseudo("run `magwatt doctor` for {name}: {n:d} {n:row|rows}") == (
        "⟦řúñ `magwatt doctor` ƒóř {name}: {n:d} {n:row|rows}⟧".replace("ƒ", "f")
    )
