"""Fixtures of all tests: the kernel cache, the large data, the real broker, and a clock that the test advances."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from support.basics import HandClock, Mosquitto
from support.store import without_fsync

from agent.core import kernel_cache, text
from drivers.reasons import Reason

settings.register_profile("magwatt", deadline=None)  # a loaded machine must not cause a failure
settings.load_profile("magwatt")
kernel_cache.use_cache()  # before numba is imported: its own cache does not detect changes of called functions


@pytest.fixture(scope="session", autouse=True)
def _only_reading(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Simulated servers log Modbus functions that do more than read; the log is empty at the end of the run.

    Tests that send such a function on purpose remove the variable from their environment.
    """
    log = tmp_path_factory.mktemp("functions") / "log"
    os.environ["MAGWATT_FUNCTION_LOG"] = str(log)
    yield
    assert not log.exists(), f"functions that only read are allowed: {log.read_text()}"


@pytest.fixture(scope="session", autouse=True)
def _complete_catalogues() -> Iterator[None]:
    """No text is shown in English because a catalogue lacks it. In a pseudo-locale (MAGWATT_LOCALE, see
    tests/end_to_end/test_pseudo_locale.py) the English texts of logs and exceptions are replaced, too."""
    if text.LOCALE_VARIABLE in os.environ:
        Reason.__str__ = text.english  # type: ignore[method-assign,assignment]
    yield
    assert not text.missing


@pytest.fixture(scope="session", autouse=True)
def _no_power_failure() -> Iterator[None]:
    with without_fsync():
        yield


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of large data. Unset: skip. Set: a missing folder is a failure, not a skip."""
    folder = os.environ.get("MAGWATT_DATA")
    if not folder:
        pytest.skip("MAGWATT_DATA is not set: the recordings and machine waveforms are not here")
    path = Path(folder)
    assert path.is_dir(), f"MAGWATT_DATA is {folder}, which is no folder"
    return path


@pytest.fixture(scope="session")
def data_file(data: Path) -> Callable[[str], Path]:
    """A file of the large data by its name there. A missing one is a failure, not a skip."""

    def find(name: str) -> Path:
        path = data / name
        assert path.exists(), f"MAGWATT_DATA is set, but {name} is missing in it"
        return path

    return find


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    broker = Mosquitto(tmp_path)
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture(scope="session")
def _postgres_address() -> Iterator[str]:
    from support.postgres import postgres, tools

    with postgres(tools()) as address:
        yield address


@pytest.fixture
def database(_postgres_address: str) -> str:
    """The address of a database of PostgreSQL with the empty tables of deploy/timescaledb."""
    from support.postgres import run_script, set_empty

    set_empty(_postgres_address)
    run_script(_postgres_address, "tables.sql")
    return _postgres_address
