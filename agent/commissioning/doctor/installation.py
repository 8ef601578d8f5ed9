"""Examines the installation: optional libraries, message catalogues, and the unit, account and rule of a service."""

from __future__ import annotations

import grp
import shlex
import sys
from collections.abc import Iterator
from enum import StrEnum
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

from agent.commissioning.doctor import reasons as codes
from agent.commissioning.doctor.finding import DoctorFinding, fine, note
from agent.config.model import Config
from agent.core.account import account_of
from agent.core.text import DOMAIN, LANGUAGES, N_, locale_folder
from agent.delivery.output_libraries import is_installed
from drivers.reasons import InvalidValue

INSTALLATION = N_("installation")
SERVICE = ACCOUNT = "magwatt"
SERIAL_GROUP = "dialout"  # owns the serial ports of Debian, Ubuntu and Raspberry Pi OS
UNIT_FOLDERS = ("etc/systemd/system", "usr/lib/systemd/system", "lib/systemd/system", "usr/local/lib/systemd/system")
RULE_FOLDERS = ("etc/udev/rules.d", "usr/lib/udev/rules.d", "lib/udev/rules.d", "usr/local/lib/udev/rules.d")
CONTAINER_MARKS = ("run/.containerenv", ".dockerenv", "run/systemd/container")


class Kind(StrEnum):
    """How the program was installed, which decides how a library is added."""

    PACKAGE = N_("Debian package")
    PIPX = "pipx"
    UV = "uv"
    ENVIRONMENT = N_("virtual environment")


class Feature(NamedTuple):
    """What needs an optional library. module: imported. library: its name in the package index."""

    name: str
    module: str
    library: str


FEATURES = (
    Feature(N_("Sparkplug output"), "google.protobuf", "protobuf"),
    Feature(N_("Prometheus output"), "prometheus_client", "prometheus-client"),
    Feature(N_("Parquet files"), "pyarrow", "pyarrow"),
    Feature(N_("pictures of `replay --plot`"), "matplotlib", "matplotlib"),
    Feature(N_("page"), "starlette", "starlette"),
    Feature(N_("page"), "uvicorn", "uvicorn"),
    Feature(N_("QR code of `init --browser`"), "segno", "segno"),
    Feature(N_("broker of `demo`"), "amqtt", "amqtt"),
)


def installation(config: Config, root: Path = Path("/"), prefix: Path = Path(sys.prefix)) -> Iterator[DoctorFinding]:
    """What is lacking; one line if nothing is.

    root: of the file system. prefix: of the environment of the program.
    """
    kind = kind_of(prefix)
    lacking = [*_libraries(kind, prefix), *_catalogues(), *_service(config, root)]
    yield from lacking or [fine(INSTALLATION, codes.INSTALLATION_COMPLETE(kind=kind.value))]


def kind_of(prefix: Path) -> Kind:
    """By the files that each installer leaves in an environment, and for a package in the metadata of the program."""
    if (prefix / "pipx_metadata.json").exists():
        return Kind.PIPX
    if (prefix / "uv-receipt.toml").exists():
        return Kind.UV
    return Kind.PACKAGE if _installer() == "debian" else Kind.ENVIRONMENT


def _installer() -> str:
    try:
        return (metadata.distribution("magwatt").read_text("INSTALLER") or "").strip()
    except metadata.PackageNotFoundError:  # it runs from its source
        return ""


def _libraries(kind: Kind, prefix: Path) -> Iterator[DoctorFinding]:
    missing = [feature for feature in FEATURES if not is_installed(feature.module)]
    if not missing:
        return
    features = tuple(dict.fromkeys(feature.name for feature in missing))
    libraries = [feature.library for feature in missing]
    if kind is Kind.PACKAGE:
        yield note(INSTALLATION, codes.LIBRARIES_NOT_IN_PACKAGE(features=features, libraries=tuple(libraries)))
        return
    python = str(prefix / "bin" / "python")
    command = {
        Kind.PIPX: ("pipx", "inject", SERVICE),
        Kind.UV: ("uv", "pip", "install", "--python", python),
        Kind.ENVIRONMENT: (python, "-m", "pip", "install"),
    }[kind]
    yield note(INSTALLATION, codes.LIBRARIES_MISSING(features=features, command=shlex.join([*command, *libraries])))


def _catalogues() -> Iterator[DoctorFinding]:
    absent = tuple(
        name for name in LANGUAGES if not (locale_folder() / name / "LC_MESSAGES" / f"{DOMAIN}.mo").is_file()
    )
    if absent:
        yield note(INSTALLATION, codes.CATALOGUES_MISSING(languages=absent))


def _service(config: Config, root: Path) -> Iterator[DoctorFinding]:
    """Only where systemd runs, and not in a container, whose host has account, unit and rules."""
    if not (root / "run/systemd/system").is_dir() or any((root / mark).exists() for mark in CONTAINER_MARKS):
        return
    serial = any(bus.serial for bus in config.buses.values())
    if serial and not _any_file(root, RULE_FOLDERS, f"*{SERVICE}*.rules"):
        yield note(INSTALLATION, codes.UDEV_RULE_MISSING())
    if not _any_file(root, UNIT_FOLDERS, f"{SERVICE}.service"):
        yield note(INSTALLATION, codes.UNIT_MISSING(unit=f"{SERVICE}.service"))
        return
    try:
        account = account_of(ACCOUNT)
    except InvalidValue:
        yield note(INSTALLATION, codes.SERVICE_ACCOUNT_MISSING(account=ACCOUNT))
        return
    if serial and _group(SERIAL_GROUP) not in account.gids:
        yield note(INSTALLATION, codes.ACCOUNT_NOT_IN_GROUP(account=ACCOUNT, group=SERIAL_GROUP))


def _any_file(root: Path, folders: tuple[str, ...], pattern: str) -> bool:
    return any(next((root / folder).glob(pattern), None) for folder in folders)


def _group(name: str) -> int | None:
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        return None
