"""Where the agent keeps its state."""

from __future__ import annotations

import os
from pathlib import Path


def default_directory() -> Path:
    """Default state directory: systemd's STATE_DIRECTORY, else XDG_STATE_HOME/magwatt, else ~/.local/state/magwatt."""
    if given := os.environ.get("STATE_DIRECTORY"):
        return Path(given.split(":")[0])
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "magwatt"


def directory_of(config_file: Path | None) -> Path:
    """The state directory of a configuration, of which nothing else is read: the agent continues to run with its own
    configuration while this file is being edited and cannot be read. Then, and without a file, the default."""
    import tomllib

    try:
        text = config_file.read_text(encoding="utf-8") if config_file else ""
        store = tomllib.loads(text).get("store")
    except (OSError, ValueError):
        return default_directory()
    given = store.get("state_dir") if isinstance(store, dict) else None
    return config_file.parent / given if config_file and given and isinstance(given, str) else default_directory()
