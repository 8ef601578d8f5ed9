"""`magwatt doctor` names what an installation lacks, with the command of its kind of installation."""

from __future__ import annotations

import grp
import shlex
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from agent.cli.init_browser import LIBRARIES as PAGE_LIBRARIES
from agent.commissioning.doctor import installation as examined
from agent.commissioning.doctor import reasons as codes
from agent.commissioning.doctor.finding import Level
from agent.commissioning.doctor.installation import FEATURES, Kind, installation, kind_of
from agent.config.loader import load_config
from agent.config.model import Config
from agent.core.account import UserAccount
from drivers.reasons import InvalidValue, Reason

ROOT = Path(__file__).parents[4]
SERIAL_GID = 20


@pytest.fixture
def config(tmp_path: Path) -> Config:
    file = tmp_path / "plant.toml"
    file.write_text(f'[site]\nid = "s"\ngateway = "g"\n[bus.b]\nserial = "{tmp_path}/ttyUSB0"\nline = "9600 8N1"\n')
    return load_config(file)[0]


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file system on which nothing is lacking."""
    for name in ("etc/systemd/system/magwatt.service", "etc/udev/rules.d/99-magwatt.rules", "run/systemd/system/x"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).touch()
    catalogues = compiled(tmp_path / "locale", "en", "zh_CN")
    monkeypatch.setattr(examined, "is_installed", lambda module: True)
    monkeypatch.setattr(examined, "account_of", lambda name: UserAccount(name, 990, frozenset((990, SERIAL_GID))))
    monkeypatch.setattr(examined, "locale_folder", lambda: catalogues)
    group = grp.struct_group(("dialout", "x", SERIAL_GID, []))
    monkeypatch.setattr(grp, "getgrnam", lambda name: {"dialout": group}[name])
    return tmp_path


def compiled(folder: Path, *languages: str) -> Path:
    for language in languages:
        (folder / language / "LC_MESSAGES").mkdir(parents=True)
        (folder / language / "LC_MESSAGES" / "magwatt.mo").touch()
    return folder


def notes(config: Config, root: Path) -> list[Reason]:
    found = list(installation(config, root, root / "prefix"))
    assert {item.level for item in found} <= {Level.NOTE, Level.FINE}
    return [item.reason for item in found if item.level is Level.NOTE]


def test_a_complete_installation_is_one_line(config: Config, machine: Path) -> None:
    assert [item.level for item in installation(config, machine, machine / "prefix")] == [Level.FINE]


def test_each_optional_library_is_named_once() -> None:
    """Those of the extras in pyproject.toml, by the name under which each is imported."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    optional = ("gateway", "demo", "sparkplug", "prometheus", "parquet", "plot", "web")
    wanted = {Requirement(text).name for name in optional for text in extras[name]} - {"magwatt"}
    assert {feature.library for feature in FEATURES} == wanted
    assert {feature.module for feature in FEATURES if "page" in feature.name} <= set(PAGE_LIBRARIES)
    modules = metadata.packages_distributions()
    for feature in FEATURES:
        assert feature.library in map(canonicalize_name, modules[feature.module.split(".")[0]])


@pytest.mark.parametrize(
    ("marker", "kind", "command"),
    [
        ("pipx_metadata.json", Kind.PIPX, "pipx inject magwatt pyarrow"),
        ("uv-receipt.toml", Kind.UV, "uv pip install --python {python} pyarrow"),
        ("pyvenv.cfg", Kind.ENVIRONMENT, "{python} -m pip install pyarrow"),
    ],
)
def test_a_library_comes_with_the_command_of_the_installation(
    config: Config, machine: Path, monkeypatch: pytest.MonkeyPatch, marker: str, kind: Kind, command: str
) -> None:
    monkeypatch.setattr(examined, "is_installed", lambda module: module != "pyarrow")
    prefix = machine / "prefix"
    prefix.mkdir()
    (prefix / marker).touch()
    assert kind_of(prefix) is kind
    (found,) = notes(config, machine)
    python = shlex.quote(f"{prefix}/bin/python")
    assert found == codes.LIBRARIES_MISSING(features=("Parquet files",), command=command.format(python=python))


def test_the_package_is_known_by_its_metadata(
    config: Config, machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    site = machine / "site"
    (site / "magwatt-9.dist-info").mkdir(parents=True)
    (site / "magwatt-9.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: magwatt\nVersion: 9\n")
    (site / "magwatt-9.dist-info" / "INSTALLER").write_text("debian\n")
    monkeypatch.setattr(sys, "path", [str(site), *sys.path])
    monkeypatch.setattr(examined, "is_installed", lambda module: module not in ("pyarrow", "matplotlib"))
    (found,) = notes(config, machine)
    assert found.code == codes.LIBRARIES_NOT_IN_PACKAGE
    assert found.data["libraries"] == ("pyarrow", "matplotlib")


def test_missing_parts_of_the_service_are_notes(
    config: Config, machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    monkeypatch.setattr(examined, "account_of", lambda name: UserAccount(name, 990, frozenset((990,))))
    assert notes(config, machine) == [codes.ACCOUNT_NOT_IN_GROUP(account="magwatt", group="dialout")]

    def absent(name: str) -> UserAccount:
        raise InvalidValue("no such user")

    monkeypatch.setattr(examined, "account_of", absent)
    assert notes(config, machine) == [codes.SERVICE_ACCOUNT_MISSING(account="magwatt")]
    (machine / "etc/systemd/system/magwatt.service").unlink()
    (machine / "etc/udev/rules.d/99-magwatt.rules").unlink()
    assert notes(config, machine) == [codes.UDEV_RULE_MISSING(), codes.UNIT_MISSING(unit="magwatt.service")]
    (machine / "run/.containerenv").touch()
    assert notes(config, machine) == []


def test_catalogues_that_are_not_compiled_are_a_note(
    config: Config, machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    folder = compiled(machine / "checkout", "en")
    monkeypatch.setattr(examined, "locale_folder", lambda: folder)
    assert notes(config, machine) == [codes.CATALOGUES_MISSING(languages=("zh_CN",))]
