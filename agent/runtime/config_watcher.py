"""Reload of the configuration while the agent runs: checked, compared, applied; with errors the old one stays."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from agent.config.loader import ConfigError, load_config, profile_folders
from agent.config.model import Config
from agent.core.messages import Message, event
from agent.core.systemd import notify, reloading
from drivers.profiles import set_profile_folders
from drivers.reading import Clock
from drivers.reasons import Code, Reason
from drivers.toml_file import TomlError, parse_toml, read_limited

log = logging.getLogger(__name__)

CHECK_S = 2.0  # interval of the checks of the file; a change applies when it is unchanged for one interval
TEXT_MAX = 2000  # characters of the event text
FIXED_SITE = ("id", "gateway", "topic_prefix", "simulated", "assume_clock_synchronized")  # identity of the agent

CONFIG_TABLE_ADDED = Code("config_table_added", "+ {table}")
CONFIG_TABLE_REMOVED = Code("config_table_removed", "- {table}")
CONFIG_KEY_ADDED = Code("config_key_added", "+ {key} = {value}")
CONFIG_KEY_CHANGED = Code("config_key_changed", "{key}: {before} → {after}")
CONFIG_RESTART_NEEDED = Code("config_restart_needed", "{key} changes only with a restart of the agent")
CONFIG_PROBLEM = Code("config_problem", "{place}: {cause}")
MORE_CONFIG_LINES = Code("more_config_lines", "… and {n:d} more")


class ConfigWatcher:
    """Watches the file of a configuration. apply: applies a new configuration to the agent.

    reloads, rejected: applied and rejected changes.
    """

    def __init__(
        self, config: Config, clock: Clock, apply: Callable[[Config], Awaitable[None]], emit: Callable[[Message], None]
    ) -> None:
        self.config = config
        self.reloads = self.rejected = 0
        self._clock, self._apply, self._emit = clock, apply, emit
        self._raw = _raw(config.path)
        self._requested = asyncio.Event()

    def request(self) -> None:
        """Requests a reload now, also of an unchanged file (SIGHUP)."""
        self._requested.set()

    async def run(self) -> None:
        applied = latest = await asyncio.to_thread(file_versions, self.config)
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._requested.wait(), CHECK_S)
            before, latest = latest, await asyncio.to_thread(file_versions, self.config)
            if self._requested.is_set() or (latest != applied and latest == before):
                self._requested.clear()
                applied = latest
                await self.reload()

    async def reload(self) -> None:
        reloading()
        try:
            await self._reload()
        finally:
            notify(READY=1)

    async def _reload(self) -> None:
        old = self.config
        try:
            new, report = await asyncio.to_thread(load_config, old.path)
        except ConfigError as error:
            set_profile_folders(_folders(old))
            self.rejected += 1
            for problem in error.problems:
                log.error("%s", problem)
            log.error("%s was rejected; the previous configuration stays active", old.path)
            reasons = [CONFIG_PROBLEM(place=item.place, cause=item.reason) for item in error.problems]
            self._publish("config_rejected", reasons)
            return
        new, postponed = without_restart(old, new)
        raw = await asyncio.to_thread(_raw, old.path)
        lines = difference(self._raw, raw)
        for line in (*map(str, report.findings), *postponed):
            log.warning("%s", line)
        await self._apply(new)
        self.config, self._raw = new, raw
        self.reloads += 1
        for line in lines:
            log.info("configuration: %s", line)
        log.info("configuration applied; number of changes: %d", len(lines))
        if lines or postponed:
            self._publish("config_changed", [*lines, *postponed])

    def _publish(self, kind: str, reasons: list[Reason]) -> None:
        now_ms = self._clock.utc_ns() // 1_000_000
        self._emit(event(None, now_ms, kind, shortened(reasons)))


def shortened(reasons: list[Reason]) -> list[Reason]:
    """The first reasons, as many as fit into TEXT_MAX characters, and the number of the others."""
    length, found = 0, list[Reason]()
    for reason in reasons:
        length += len(str(reason))
        if length > TEXT_MAX and found:
            return [*found, MORE_CONFIG_LINES(n=len(reasons) - len(found))]
        found.append(reason)
    return found


def file_versions(config: Config) -> tuple[Any, ...]:
    """A value that changes when the configuration or a file of its register maps changes."""
    files = [config.path]
    for folder in _folders(config):
        with contextlib.suppress(OSError):
            files += sorted(folder.rglob("*.toml"))
    return tuple((file, _version(file)) for file in files)


def _version(file: Path) -> tuple[int, int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _folders(config: Config) -> list[Path]:
    own = config.site.profiles
    return [*profile_folders(), *([config.path.parent / own] if own else [])]


def without_restart(old: Config, new: Config) -> tuple[Config, list[Reason]]:
    """The new configuration with the old values of keys that need a restart, and a reason for each of those."""
    outputs = (old.mqtt.outputs, new.mqtt.outputs) if old.mqtt and new.mqtt else ((), ())
    fixed: list[tuple[str, Any, Any]] = [
        *((f"site.{name}", getattr(old.site, name), getattr(new.site, name)) for name in FIXED_SITE),
        ("[store]", (old.state_dir, old.store), (new.state_dir, new.store)),
        ("[mqtt]", old.mqtt is None, new.mqtt is None),
        ("mqtt.outputs", *outputs),
        ("[homeassistant], [sparkplug], [prometheus], [file]", old.dialects, new.dialects),
    ]
    postponed = [key for key, before, after in fixed if before != after]
    applied = replace(
        new, site=replace(new.site, **{name: getattr(old.site, name) for name in FIXED_SITE}), state_dir=old.state_dir,
        store=old.store, mqtt=old.mqtt if {"[mqtt]", "mqtt.outputs"} & set(postponed) else new.mqtt,
        dialects=old.dialects,
    )  # fmt: skip
    return applied, [CONFIG_RESTART_NEEDED(key=key) for key in postponed]


def difference(old: Mapping[str, Any], new: Mapping[str, Any], where: str = "") -> list[Reason]:
    """A reason for each table that was added or removed and each key that changed, named as in the file."""
    found = [CONFIG_TABLE_REMOVED(table=f"{where}{name}") for name in old if name not in new]
    for name, after in new.items():
        before = old.get(name)
        if name not in old:
            found += _added(f"{where}{name}", after)
        elif isinstance(before, dict) and isinstance(after, dict):
            found += difference(before, after, f"{where}{name}.")
        elif before != after:
            found.append(CONFIG_KEY_CHANGED(key=f"{where}{name}", before=str(before), after=str(after)))
    return found


def _added(name: str, value: Any) -> list[Reason]:
    """What a new entry adds: a key, a table, or for a table of tables such as [bus] each of its tables."""
    if not isinstance(value, dict):
        return [CONFIG_KEY_ADDED(key=name, value=str(value))]
    if value and all(isinstance(item, dict) for item in value.values()):
        return [reason for key, item in value.items() for reason in _added(f"{name}.{key}", item)]
    return [CONFIG_TABLE_ADDED(table=name)]


def _raw(path: Path) -> dict[str, Any]:
    """The tables of the file; empty when it cannot be read."""
    try:
        return parse_toml(read_limited(path))
    except (OSError, TomlError):
        return {}
