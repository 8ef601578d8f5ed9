"""The state directory of a configuration, also of one that cannot be read now."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.config.loader import load_config
from agent.core.state_directory import default_directory, directory_of

DEFAULT = Path("/var/lib/magwatt")


@pytest.fixture(autouse=True)
def service(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", str(DEFAULT))


@pytest.mark.parametrize("given", ["state", "/srv/state", "../state"])
def test_it_is_that_of_the_loaded_configuration(tmp_path: Path, given: str) -> None:
    file = tmp_path / "plant.toml"
    file.write_text(f'[site]\nid = "a"\ngateway = "b"\n[store]\nstate_dir = "{given}"\n')
    assert directory_of(file) == load_config(file)[0].state_dir


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[site]\nid = 'a'\n",
        b"[store]\ndurability = 'sd_card'\n",
        b"[store]\nstate_dir = ''\n",
        b"[store]\nstate_dir = 3\n",
        b"store = 'state'\n",
        b"[store\nstate_dir = 'half written",
        b"\xff\xfe\0",
    ],
    ids=["empty", "no table", "no key", "no name", "a number", "no table of that name", "half written", "no text"],
)
def test_a_file_that_does_not_name_it_means_that_of_the_service(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "plant.toml"
    file.write_bytes(content)
    assert directory_of(file) == DEFAULT


def test_without_a_file_it_is_that_of_the_service(tmp_path: Path) -> None:
    assert directory_of(None) == directory_of(tmp_path / "none.toml") == default_directory() == DEFAULT
