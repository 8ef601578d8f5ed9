"""The libraries of the optional outputs, which are installed as extras of the package."""

from __future__ import annotations

from importlib.util import find_spec
from typing import NamedTuple

from agent.config.sinks import Dialects


class OutputLibrary(NamedTuple):
    """A library that is not installed. key: of the configuration that needs it. extra: of the package."""

    key: str
    library: str
    extra: str


_LIBRARIES = (
    OutputLibrary("sparkplug", "google.protobuf", "sparkplug"),
    OutputLibrary("prometheus", "prometheus_client", "prometheus"),
    OutputLibrary("file.format", "pyarrow", "parquet"),
)


def missing_libraries(dialects: Dialects) -> list[OutputLibrary]:
    """The libraries that the configured outputs need and that are not installed."""
    parquet = dialects.file is not None and dialects.file.format == "parquet"
    used = {"sparkplug": dialects.sparkplug is not None, "prometheus": dialects.prometheus is not None,
            "file.format": parquet}  # fmt: skip
    return [found for found in _LIBRARIES if used[found.key] and not is_installed(found.library)]


def is_installed(library: str) -> bool:
    try:
        return find_spec(library) is not None
    except ModuleNotFoundError:  # of its package
        return False
