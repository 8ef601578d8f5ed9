"""GET /configuration: what was configured, the load of each bus, and whether the agent uses the file as it is now.

Only what is named here leaves: of passwords and keys, that they are set.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import anyio
from msgspec import Struct
from msgspec.structs import replace
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from agent.config.keys import SECRET_FILES
from agent.config.loader import ConfigError, load_config
from agent.config.model import Config, Drive, Meter
from agent.config.schema import Diagnostic
from agent.core.text import Catalogue
from agent.runtime.config_watcher import file_versions
from agent.web.base.context import Web, catalogue_of, web_of
from agent.web.gateway.configuration_tables import bus_rows, device_of, motor_of, signal_of, tables, tariff_of
from agent.web.http.json_response import json_response
from agent.web.http.times import rfc3339
from drivers.reasons import Code

if TYPE_CHECKING:
    from agent.acquisition.poll_plan import BusPlan

FILE_IN_FORCE = Code("config_file_in_force", "The agent uses this file as it is now.")
FILE_NOT_IN_FORCE = Code(
    "config_file_not_in_force",
    "The file was changed, and the agent does not use the change yet: it uses the configuration {hash}. "
    "`magwatt check` examines the file; the log of the agent states why a change was rejected.",
)
FILE_INVALID = Code(
    "config_file_invalid",
    "The file was changed and has errors: the agent continues with its previous configuration, which is shown below. "
    "Correct the file; a running agent applies it within seconds.",
)
FILE_FORCE_UNKNOWN = Code(
    "config_file_force_unknown", "No message of the agent yet: whether it uses this file as it is now is not known."
)
SECRET_FILE_UNUSABLE = Code(
    "config_secret_file_unusable",
    "The file of this password or key is missing, not used, or others can read it; `magwatt check` states which.",
)


class LoadedFile(Struct):
    """The configuration as its file is now.

    config: of the file, or the last valid one. problems: why the file cannot be used; empty: it can.
    plans: of the buses of `config`. modified_ms: last change; None: the file cannot be read.
    """

    version: Any
    config: Config
    problems: list[Diagnostic]
    notes: list[Diagnostic]
    plans: list[BusPlan]
    modified_ms: int | None


async def _configuration(request: Request) -> Response:
    web, catalogue = web_of(request), catalogue_of(request)
    if web.config is None:
        return json_response(request, {"t": rfc3339(web.now_ms()), "configured": False})
    before: LoadedFile | None = getattr(request.app.state, "configuration", None)
    loaded = await anyio.to_thread.run_sync(load, web.config, before)
    request.app.state.configuration = loaded
    return json_response(request, answer(web, loaded, catalogue))


routes = [Route("/api/v1/configuration", _configuration)]


def load(config: Config, before: LoadedFile | None) -> LoadedFile:
    """Reads the file of a configuration if it has changed since `before`; call it in a thread."""
    from agent.acquisition.poll_plan import plan  # the scheduler: 1 MB that no other view needs

    version = file_versions(config)
    if before is not None and before.version == version:
        return before
    problems, notes, valid = list[Diagnostic](), list[Diagnostic](), before.config if before else config
    try:
        valid, report = load_config(config.path)
        notes = [*report.findings, *report.notes]
    except ConfigError as error:
        problems = error.problems
    try:
        modified_ms = config.path.stat().st_mtime_ns // 1_000_000
    except OSError:
        modified_ms = None
    return LoadedFile(version, valid, problems, notes, plan(valid), modified_ms)


def answer(web: Web, loaded: LoadedFile, _: Catalogue) -> dict[str, Any]:
    config = loaded.config
    devices: list[Meter | Drive] = [*config.meters.values(), *config.drives.values()]
    plans = {item.name: item for item in loaded.plans}
    return {
        "t": rfc3339(web.now_ms()), "configured": True,
        "file": {"path": str(config.path), "hash": config.hash,
                 "modified": None if loaded.modified_ms is None else rfc3339(loaded.modified_ms)},
        "force": _force(web, loaded, _),
        "problems": [_diagnostic(item, _) for item in loaded.problems],
        "notes": [_diagnostic(item, _) for item in loaded.notes],
        "tables": tables(config, _),
        "buses": [
            {"name": bus.name, "rows": bus_rows(bus, _), "plan": _plan(plans.get(bus.name), _),
             "devices": [device_of(item, _) for item in devices if item.bus == bus.name]}
            for bus in config.buses.values()
        ],
        "motors": [motor_of(motor, _) for motor in config.motors.values()],
        "signals": [signal_of(name, values, _) for name, values in config.signals.items()],
        "tariff": tariff_of(config, _),
    }  # fmt: skip


def _force(web: Web, loaded: LoadedFile, _: Catalogue) -> dict[str, Any]:
    """Whether the agent uses the file: same | differs | invalid | unknown."""
    used = in_force(web, loaded.config)
    if loaded.problems:
        state, reason = "invalid", FILE_INVALID()
    elif used is None:
        state, reason = "unknown", FILE_FORCE_UNKNOWN()
    elif used == loaded.config.hash:
        state, reason = "same", FILE_IN_FORCE()
    else:
        state, reason = "differs", FILE_NOT_IN_FORCE(hash=used)
    return {"state": state, "hash": used, "text": _.reason(reason)}


def in_force(web: Web, config: Config) -> str | None:
    """Hash of the configuration that the agent uses, from its message `info`; None: unknown."""
    info: Mapping[str, Any] = web.follower.gateway_messages.get(config.site.root, {}).get("info", {})
    return str(info["config"]) if "config" in info else None


def _diagnostic(item: Diagnostic, _: Catalogue) -> dict[str, Any]:
    """Without the name of a file that contains a secret."""
    if item.key.rpartition(".")[2] in SECRET_FILES:
        return {"level": item.level, "place": replace(item, value=None).place, "text": _.reason(SECRET_FILE_UNUSABLE())}
    return {"level": item.level, "place": item.place, "text": _.reason(item.reason)}


def _plan(found: BusPlan | None, _: Catalogue) -> dict[str, Any] | None:
    """The load of a bus; None: it has no device to poll."""
    if found is None:
        return None
    return {
        "utilization_pct": round(100 * found.utilization, 1), "cycle_s": round(found.cycle_s, 4),
        "worst_cycle_s": round(found.worst_cycle_s, 4), "requests": len(found.blocks),
        "problems": [_.reason(reason) for reason in found.problems],
        "disabled": [_.reason(reason) for reason in found.disabled],
    }  # fmt: skip
