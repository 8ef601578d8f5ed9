"""The Debian packages: what is in them, their names, and equal bytes. `make deb-check` installs and upgrades one."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from deploy.debian import build, control, files, program
from deploy.debian.targets import FOLDER, ROOT, TARGETS, Target, wanted

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def requirements(extra: str | None) -> list[Requirement]:
    """Of the program and its extras, without itself."""
    texts = PROJECT["dependencies"] if extra is None else PROJECT["optional-dependencies"][extra]
    found = []
    for item in map(Requirement, texts):
        found += [part for name in item.extras for part in requirements(name)] if item.name == "magwatt" else [item]
    return found


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_each_lock_has_a_hashed_version_of_each_requirement(target: Target) -> None:
    entries = re.split(r"\n(?=\S)", target.lock.read_text(encoding="utf-8").split("\n", 1)[1].strip())
    locked = {}
    for entry in entries:
        name, version = entry.split()[0].split("==")
        assert "--hash=sha256:" in entry, name
        locked[name] = Version(version)
    for item in requirements(None) + requirements("gateway"):
        assert item.specifier.contains(locked[canonicalize_name(item.name)]), f"{item}: make deb-lock"


def test_an_upgrade_of_debian_and_a_release_bring_a_later_version() -> None:
    if shutil.which("dpkg") is None:
        pytest.skip("no dpkg")
    old, new = (target.version("1.2.0") for target in wanted(["amd64"]))
    for earlier, later in (
        (old, new),
        (new, wanted(["deb12-amd64"])[0].version("1.2.1")),
        ("1.2.0~rc1-1~deb13u1", old),
    ):
        subprocess.run(["dpkg", "--compare-versions", earlier, "lt", later], check=True)


def test_targets_are_chosen_by_release_architecture_or_both() -> None:
    assert [target.name for target in wanted([])] == ["deb12-amd64", "deb12-arm64", "deb13-amd64", "deb13-arm64"]
    assert [target.name for target in wanted(["arm64"])] == ["deb12-arm64", "deb13-arm64"]
    assert wanted(["deb13-arm64"])[0].file_name("0.1.0") == "magwatt_0.1.0-1~deb13u1_arm64.deb"
    with pytest.raises(ValueError, match="deb14"):
        wanted(["deb14"])


def test_a_package_depends_on_the_python_of_its_byte_code_and_the_libraries_of_its_wheels() -> None:
    for target in TARGETS:
        fields = dict(
            line.split(": ", 1) for line in control.control(target, "0.1.0", 1).splitlines() if line[0] != " "
        )
        names = {item.split()[0] for item in fields["Depends"].split(", ")}
        assert {f"python{target.release.python}", "libstdc++6", "libgcc-s1", "libgomp1", "zlib1g"} <= names


def test_the_configuration_is_never_in_the_package() -> None:
    assert not any("plant.toml" in place for place in files.PLACES.values())
    assert "conffiles" not in control.SCRIPTS


@pytest.mark.parametrize("name", control.SCRIPTS)
def test_the_maintainer_scripts_can_be_read_by_dash_and_ask_nothing(name: str) -> None:
    script = FOLDER / "scripts" / name
    subprocess.run(["sh", "-n", str(script)], check=True)
    text = script.read_text(encoding="utf-8")
    assert text.startswith("#!/bin/sh\n")
    assert re.search(r"^set -e$", text, re.MULTILINE)
    assert not re.search(r"^\s*read\b|\bdebconf\b", text, re.MULTILINE)


def test_the_maintainer_scripts_handle_each_unit_of_the_package() -> None:
    units = {name for name in files.PLACES if name.endswith(".service")}
    assert units == {path.name for path in (ROOT / "deploy").glob("*.service")} - {"magwatt-opcua.service"}
    for script in ("postinst", "prerm", "postrm"):
        text = (FOLDER / "scripts" / script).read_text(encoding="utf-8")
        assert {name for name in units if name in text} == units, script


def test_modes_and_times_do_not_depend_on_the_machine(tmp_path: Path) -> None:
    trees = []
    for umask, name in ((0o077, "a"), (0o002, "b")):
        before = os.umask(umask)
        folder = tmp_path / name / "opt" / "bin"
        folder.mkdir(parents=True)
        (folder / "run").write_text("x")
        (folder / "run").chmod(0o700)
        (folder.parent / "data.so").write_text("x")
        (folder / "link").symlink_to("run")
        os.umask(before)
        build.unify(tmp_path / name, 1_000_000_000)
        found = sorted((tmp_path / name).rglob("*"))
        trees.append(
            [(path.relative_to(tmp_path / name), path.lstat().st_mode, path.lstat().st_mtime) for path in found]
        )
    assert trees[0] == trees[1]
    assert {mode & 0o777 for path, mode, _ in trees[0] if path.suffix == ".so"} == {0o644}


def test_equal_trees_give_equal_files(tmp_path: Path) -> None:
    """Whatever the order in which the files were made, the mask, and the time of day."""
    if shutil.which("dpkg-deb") is None:
        pytest.skip("no dpkg-deb")
    target, made = wanted(["deb13-amd64"])[0], []
    for umask, names in ((0o077, ["a", "b", "c"]), (0o002, ["c", "b", "a"])):
        before = os.umask(umask)
        tree = tmp_path / names[0] / "tree"
        (tree / "opt").mkdir(parents=True)
        for name in names:
            (tree / "opt" / name).write_text(name * 100_000)
        control.write(target, tree, "1.2.0")
        os.umask(before)
        build.unify(tree, 1_000_000_000)
        file = tree.parent / "made.deb"
        build.pack(tree, file, 1_000_000_000)
        made.append(file.read_bytes())
    assert made[0] == made[1]
    assert b" 1000000000 " in made[0][:80], "the time in the header of the archive"


@pytest.mark.parametrize(("version", "is_found"), [("3.11", True), ("3.12", False)])
def test_byte_code_may_come_from_any_python_of_that_version_on_path(
    version: str, is_found: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = wanted(["deb12-amd64"])[0]
    python = tmp_path / "python3.11"
    python.write_text(f"#!/bin/sh\necho {version}\n")
    python.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(program, "DEBIAN_PYTHON", str(tmp_path / "none"))
    assert program.interpreter(target) == (str(python) if is_found else None)


def test_the_source_date_is_that_of_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    assert build.source_date_s(tmp_path) == 1_700_000_000


def test_licences_of_all_contained_packages_are_named(tmp_path: Path) -> None:
    for name, field in (
        ("one", "License-Expression: MIT"),
        ("two", "Classifier: License :: OSI Approved :: BSD License"),
        ("three", "License: Zlib\n        and its text"),
        ("four", "Author: nobody"),
    ):
        (tmp_path / f"{name}-1.0.dist-info").mkdir()
        (tmp_path / f"{name}-1.0.dist-info" / "METADATA").write_text(
            f"Metadata-Version: 2.4\nName: {name}\nVersion: 1.0\n{field}\n"
        )
    text = files.copyright_text(tmp_path)
    assert " one 1.0: MIT; " in text
    assert " two 1.0: BSD License; " in text
    assert " three 1.0: Zlib; " in text
    assert " four 1.0: see its files; " in text


def test_the_builder_names_unknown_targets() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "deploy.debian.build", "amd46"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "amd46" in done.stderr
