"""Wrong products, QR or inverse of numpy are found, and every command that would compute with them stops."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from support import metered_retrofit
from support.config_text import bus, load, meter, motor, site

from agent.acquisition.waveform_readers import WaveformReaders
from agent.cli import main
from agent.commissioning.doctor import host
from agent.commissioning.doctor.finding import Level
from agent.core.clock import SystemClock
from agent.core.linear_algebra import (
    COMPLEX_PRODUCT,
    INVERSE,
    LINEAR_ALGEBRA_WRONG,
    PRODUCT,
    QR,
    LinearAlgebraError,
    check_linear_algebra,
    linear_algebra_problem,
)

Spoil = Callable[[pytest.MonkeyPatch], None]
_matmul, _qr, _inv = np.matmul, np.linalg.qr, np.linalg.inv


def last_off(found: Any, step: float) -> Any:
    found = np.array(found)
    found.flat[-1] += step
    return found


def product(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(np, "matmul", lambda a, b: _matmul(a, b) if np.iscomplexobj(a) else last_off(_matmul(a, b), 1.0))


def complex_product(patch: pytest.MonkeyPatch) -> None:
    """The imaginary part of one element has the wrong sign."""

    def wrong(a: Any, b: Any) -> Any:
        found = _matmul(a, b)
        return last_off(found, -2j * found.flat[-1].imag) if np.iscomplexobj(a) else found

    patch.setattr(np, "matmul", wrong)


def orthogonal(patch: pytest.MonkeyPatch) -> None:
    def wrong(a: Any) -> Any:
        q, r = _qr(a)
        return last_off(q, 1e-6), r

    patch.setattr(np.linalg, "qr", wrong)


def triangular(patch: pytest.MonkeyPatch) -> None:
    def wrong(a: Any) -> Any:
        q, r = _qr(a)
        return q, last_off(r, 1e-3)

    patch.setattr(np.linalg, "qr", wrong)


def inverse(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(np.linalg, "inv", lambda a: last_off(_inv(a), 0.01))


def test_this_computer_is_right() -> None:
    assert linear_algebra_problem() is None
    check_linear_algebra()


def test_the_test_takes_less_than_2_ms() -> None:
    """Processor time, the minimum of 20: others use the same cores."""
    linear_algebra_problem()
    taken_s = []
    for _ in range(20):
        start = time.process_time()
        linear_algebra_problem()
        taken_s.append(time.process_time() - start)
    assert min(taken_s) < 0.002


@pytest.mark.parametrize(
    ("spoil", "operation"),
    [(product, PRODUCT), (complex_product, COMPLEX_PRODUCT), (orthogonal, QR), (triangular, QR), (inverse, INVERSE)],
)
def test_each_wrong_operation_is_named(monkeypatch: pytest.MonkeyPatch, spoil: Spoil, operation: str) -> None:
    spoil(monkeypatch)
    with pytest.raises(LinearAlgebraError) as error:
        check_linear_algebra()
    reason = error.value.reason
    assert reason.code == LINEAR_ALGEBRA_WRONG
    assert reason.data["operations"] == (operation,)
    assert reason.data["numpy_version"] == np.__version__
    assert reason.data["machine"] == platform.machine()
    assert "OPENBLAS_CORETYPE" in str(reason)


@pytest.mark.text
def test_compile_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    product(monkeypatch)
    result = CliRunner().invoke(main, ["compile"])
    assert result.exit_code == 2
    assert "wrong results" in result.output


@pytest.mark.text
def test_report_and_learn_stop_before_they_compute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    metered_retrofit.retrofit(tmp_path, days=1)
    config = ["--config", str(tmp_path / "plant.toml")]
    inverse(monkeypatch)
    learned = CliRunner().invoke(main, ["baseline", "learn", "fan", *config])
    reported = CliRunner().invoke(main, ["report", "--month", "2024-10", *config, "--output", str(tmp_path / "r.html")])
    for result in (learned, reported):
        assert result.exit_code == 2
        assert "wrong results" in result.output
        assert "inverse" in result.output
    assert not (tmp_path / "r.html").exists()


def test_doctor_reports_it(monkeypatch: pytest.MonkeyPatch) -> None:
    [right] = host.linear_algebra()
    assert right.level is Level.FINE
    orthogonal(monkeypatch)
    [wrong] = host.linear_algebra()
    assert wrong.level is Level.FINDING
    assert wrong.reason.code == LINEAR_ALGEBRA_WRONG


def test_the_agent_reads_no_waveform(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    text = site() + bus() + meter("m") + motor("p", "m") + '[motor.p.waveform]\ntcp = "127.0.0.1:1"\n'
    text += 'measuring_point = "motor"\n'
    config = load(tmp_path, text)
    complex_product(monkeypatch)
    readers = WaveformReaders(lambda block: None, SystemClock())
    try:
        readers.configure(config)
        assert "waveform_drift_ppm" not in readers.numbers()
        assert "waveforms are not read" in caplog.text
        assert not readers.reading
        monkeypatch.undo()
        readers.configure(config)
        assert len(readers.reading) == 1
    finally:
        readers.stop()
