"""The core of the offline verifier in node."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterable
from typing import Any

import pytest
from support.basics import ROOT

FOLDER = ROOT / "agent" / "contract" / "verifier"


def answers(calls: Iterable[tuple[str, Any]], library: bool = False, timeout_s: float = 600) -> list[Any]:
    """What each call (name, argument) of tests/support/verify_bundles.js returns. library: without WebCrypto."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not here, which runs the scripts of the offline verifier: apt install nodejs")
    script = ROOT / "tests" / "support" / "verify_bundles.js"
    lines = "".join(json.dumps(call) + "\n" for call in calls)
    done = subprocess.run([node, str(script), str(FOLDER), str(int(library))], input=lines, capture_output=True,
                          text=True, check=False, timeout=timeout_s)  # fmt: skip
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.split("\n") if line]


def verdicts(texts: Iterable[str], library: bool = False) -> list[dict[str, Any]]:
    """The results for bundles."""
    return answers([("bundle", [text, "", ""]) for text in texts], library)
