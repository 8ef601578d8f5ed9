"""Signals for the dsp tests. They are independent of the code under test, except for Stream, which analyses them."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dsp.stream import Stream, Window

SIGNALS = Path(__file__).parent / "signals"
NAMES = ("u1", "u2", "u3", "i1", "i2", "i3")


def _load_siggen() -> Any:
    spec = importlib.util.spec_from_file_location("siggen", SIGNALS / "siggen.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


_siggen = _load_siggen()


@pytest.fixture(scope="session")
def cases() -> dict[str, Any]:
    """Developer cases by id."""
    return {c["id"]: c for c in json.loads((SIGNALS / "cases.json").read_text())["cases"]}


@pytest.fixture(scope="session")
def real() -> dict[str, Any]:
    """Least-squares fits of the recordings, by name."""
    expected: dict[str, Any] = json.loads((SIGNALS / "cases.json").read_text())["real"]["expected"]
    return expected


@pytest.fixture(scope="session")
def generate() -> Callable[[Any], tuple[Any, tuple[bool, ...]]]:
    """Function: case -> (samples of shape (6, n), channels present)."""

    def run(case: Any) -> tuple[Any, tuple[bool, ...]]:
        _, out = _siggen.generate(case["recipe"])
        x = np.zeros((6, case["recipe"]["n"]))
        for c, name in enumerate(NAMES):
            if name in out:
                x[c] = out[name]
        return x, tuple(name in out for name in NAMES)

    return run


@pytest.fixture(scope="session")
def analyse() -> Callable[..., list[Window]]:
    """Function: samples, rate, options of Stream -> all windows of the record."""

    def run(x: Any, rate_hz: float, **options: Any) -> list[Window]:
        stream = Stream(rate_hz, **options)
        return stream.push(x) + stream.finish()

    return run


@pytest.fixture(scope="session")
def three() -> Callable[..., Any]:
    """Function for a balanced motor: frequency (one number or one per sample), rate, samples -> array (6, n)."""

    def run(f_hz: Any, rate_hz: float, n: int, u_rms: float = 230.0, i_rms: float = 10.0, deg: float = -30.0) -> Any:
        f = np.broadcast_to(np.asarray(f_hz, dtype=float), n)
        phi = 2.0 * np.pi * np.concatenate(([0.0], np.cumsum(f)[:-1])) / rate_hz
        shift = 2.0 * np.pi / 3.0 * np.arange(3)[:, None]
        u = np.sqrt(2.0) * u_rms * np.sin(phi - shift)
        i = np.sqrt(2.0) * i_rms * np.sin(phi - shift + np.deg2rad(deg))
        return np.concatenate((u, i))

    return run
