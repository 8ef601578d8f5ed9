"""A new configuration while running: checked, its difference shown, what changed applied; on an error the old stays."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import tomllib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from agent.config import Config
from agent.config_load import ConfigError, load_config, profile_folders
from agent.messages import Message
from agent.notify import notify, reloading
from drivers.profiles import set_profile_folders
from drivers.reading import Clock

log = logging.getLogger(__name__)

LOOK_S = 2.0  # the file is looked at that often; a change counts when it stood still for one look
TEXT_MAX = 2000
FIXED_SITE = (
    "id",
    "gateway",
    "topic_prefix",
    "simulated",
    "assume_clock_synchronized",
)  # identity: another one is another agent


class Reloader:
    """Watches the file of `config`; `apply` makes the agent go on with a new one."""

    def __init__(
        self, config: Config, clock: Clock, apply: Callable[[Config], Awaitable[None]], emit: Callable[[Message], None]
    ) -> None:
        self.config = config
        self.reloads = self.refused = 0
        self._clock, self._apply, self._emit = clock, apply, emit
        self._raw = _raw(config.path)
        self._asked = asyncio.Event()

    def ask(self) -> None:
        """As SIGHUP does: at once, whether the file changed or not."""
        self._asked.set()

    async def run(self) -> None:
        taken = seen = await asyncio.to_thread(file_marks, self.config)
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._asked.wait(), LOOK_S)
            before, seen = seen, await asyncio.to_thread(file_marks, self.config)
            if self._asked.is_set() or (seen != taken and seen == before):
                self._asked.clear()
                taken = seen
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
            self.refused += 1
            for line in error.problems:
                log.error("%s", line)
            log.error("%s cannot be used; everything goes on as before", old.path)
            self._tell("config_rejected", error.problems)
            return
        new, waiting = without_restart(old, new)
        raw = await asyncio.to_thread(_raw, old.path)
        lines = difference(self._raw, raw)
        for line in (*report.findings, *waiting):
            log.warning("%s", line)
        await self._apply(new)
        self.config, self._raw = new, raw
        self.reloads += 1
        for line in lines:
            log.info("configuration: %s", line)
        log.info("configuration taken over: %s", f"{len(lines)} differences" if lines else "nothing in it is different")
        if lines or waiting:
            self._tell("config_changed", [*lines, *waiting])

    def _tell(self, kind: str, lines: list[str]) -> None:
        text = "\n".join(lines)
        if len(text) > TEXT_MAX:
            text = text[:TEXT_MAX] + " …"
        now_ms = self._clock.utc_ns() // 1_000_000
        self._emit(Message(None, "event", now_ms, {"event_kind": kind, "event_text": text}))


def file_marks(config: Config) -> tuple[Any, ...]:
    """What changes when the configuration or a register map of its own folder does."""
    files = [config.path]
    for folder in _folders(config):
        with contextlib.suppress(OSError):
            files += sorted(folder.rglob("*.toml"))
    return tuple((file, _mark(file)) for file in files)


def _mark(file: Path) -> tuple[int, int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _folders(config: Config) -> list[Path]:
    own = config.site.profiles
    return [*profile_folders(), *([config.path.parent / own] if own else [])]


def without_restart(old: Config, new: Config) -> tuple[Config, list[str]]:
    """The new configuration with the old values where a running agent cannot change; one line for each of those."""
    waiting = []
    site = new.site
    for name in FIXED_SITE:
        before = getattr(old.site, name)
        if before != getattr(site, name):
            waiting.append(f"site.{name} takes a restart; until then it is as before")
            site = replace(site, **{name: before})
    if (old.state_dir, old.store) != (new.state_dir, new.store):
        waiting.append("[store] takes a restart; until then it is as before")
    mqtt = new.mqtt
    if (old.mqtt is None) != (mqtt is None) or (old.mqtt and mqtt and old.mqtt.outputs != mqtt.outputs):
        waiting.append("[mqtt] that comes or goes, and mqtt.outputs, take a restart; until then it is as before")
        mqtt = old.mqtt
    if old.dialects != new.dialects:
        waiting.append("[homeassistant], [sparkplug], [prometheus] and [file] take a restart; until then as before")
    kept = replace(new, site=site, state_dir=old.state_dir, store=old.store, mqtt=mqtt, dialects=old.dialects)
    return kept, waiting


def difference(old: Mapping[str, Any], new: Mapping[str, Any], where: str = "") -> list[str]:
    """One line for each table that came (+) or went (-) and each key that changed, in the words of the file."""
    lines = [f"- {where}{name}" for name in old if name not in new]
    for name, after in new.items():
        before = old.get(name)
        if name not in old:
            lines += [f"+ {line}" for line in _tables(f"{where}{name}", after)]
        elif isinstance(before, dict) and isinstance(after, dict):
            lines += difference(before, after, f"{where}{name}.")
        elif before != after:
            lines.append(f"{where}{name}: {before} → {after}")
    return lines


def _tables(name: str, value: Any) -> list[str]:
    """The tables that a new one brings, [bus] alone being none; a plain key with its value."""
    if not isinstance(value, dict):
        return [f"{name} = {value}"]
    inner = [line for key, item in value.items() if isinstance(item, dict) for line in _tables(f"{name}.{key}", item)]
    return inner if inner and all(isinstance(item, dict) for item in value.values()) else [name]


def _raw(path: Path) -> dict[str, Any]:
    """What stands in the file; nothing when it cannot be read."""
    try:
        return tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except (OSError, ValueError, RecursionError):
        return {}
