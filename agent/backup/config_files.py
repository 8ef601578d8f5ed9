"""The configuration, the files that it names (certificates, register maps, and secrets if they are wanted), and the
records next to it: of commissioning and of `magwatt init`."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from agent.backup import archive
from agent.backup import reasons as codes
from agent.backup.manifest import BackupPart
from agent.config.keys import SECRET_FILES, TLS_FILES
from agent.config.model import Config
from drivers.reasons import Reason, cause_of

RECORDS = ("commissioning/*.md", "commissioning/*.json")  # next to the configuration; also its .answers.toml


class ConfigFiles(NamedTuple):
    """parts: with the paths of their copies. notes: included records, and what is not included. omitted: its paths."""

    parts: tuple[tuple[BackupPart, Path], ...]
    notes: tuple[Reason, ...]
    omitted: tuple[str, ...]


def config_files(config: Config, folder: Path, with_secrets: bool) -> ConfigFiles:
    """Copies the configuration and its files below `folder`. Raises OSError when a copy cannot be written.

    Only files below the folder of the configuration are included: a restoration writes nowhere else.
    """
    parts: list[tuple[BackupPart, Path]] = []
    notes: list[Reason] = []
    omitted: list[str] = []
    home = config.path.parent.resolve()
    records = dict.fromkeys(_records(config.path.resolve()), False)
    for path, secret in {config.path.resolve(): False, **records, **dict(_named(config))}.items():
        note = _why_not(path, home, secret and not with_secrets)
        if note is not None:
            notes.append(note)
            omitted.append(str(path))
            continue
        name = path.relative_to(home)
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, folder / name)
        parts.append((archive.part_of(f"config/{name.as_posix()}", folder / name, path), folder / name))
    if names := tuple(path.relative_to(home).as_posix() for path in records if str(path) not in omitted):
        notes.insert(0, codes.RECORDS_INCLUDED(n=len(names), names=names))
    return ConfigFiles(tuple(parts), tuple(notes), tuple(omitted))


def _records(config_file: Path) -> Iterator[Path]:
    """The records next to a configuration."""
    answers = config_file.with_name(f"{config_file.stem}.answers.toml")
    found = [path for pattern in RECORDS for path in config_file.parent.glob(pattern)]
    for path in [*sorted(found), answers]:
        if path.is_file():
            yield path.resolve()


def _why_not(path: Path, home: Path, omit_secret: bool) -> Reason | None:
    if omit_secret:
        return codes.SECRET_OMITTED(path=str(path))
    if not path.is_relative_to(home):
        return codes.FILE_OUTSIDE(path=str(path))
    try:
        path.open("rb").close()
    except OSError as error:
        return codes.FILE_NOT_READ(path=str(path), error=cause_of(error))
    return None


def _named(config: Config) -> Iterator[tuple[Path, bool]]:
    """Path of each file that the configuration names, and whether it contains a secret."""
    brokers = [*([config.mqtt] if config.mqtt else []), *config.signals.values()]
    for broker in brokers:
        for key in (*TLS_FILES, *SECRET_FILES):
            value = broker.get(key) if isinstance(broker, dict) else getattr(broker, key, None)
            if isinstance(value, Path):
                yield value.resolve(), key in SECRET_FILES
    if config.site.profiles:
        for path in sorted((config.path.parent / config.site.profiles).rglob("*.toml")):
            yield path.resolve(), False
