"""The wheel contains every file of the packages in git, and the compiled catalogues; the sdist has what it needs."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hatchling.builders.plugin.interface import BuilderInterface
from hatchling.builders.sdist import SdistBuilder
from hatchling.builders.wheel import WheelBuilder

ROOT = Path(__file__).parents[2]
PACKAGES = ("agent", "drivers", "dsp", "simulators")


@pytest.fixture(scope="module")
def in_git() -> set[str]:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, timeout=30)
    if listed.returncode:
        pytest.skip("not a git repository")
    return {name for name in listed.stdout.splitlines() if (ROOT / name).exists()}


def contents(builder: BuilderInterface) -> set[str]:
    return {file.relative_path for file in builder.recurse_included_files()}


def test_the_wheel_is_complete(in_git: set[str]) -> None:
    packaged = {name for name in in_git if name.startswith(tuple(f"{package}/" for package in PACKAGES))}
    compiled = {f"{name[:-2]}mo" for name in packaged if name.endswith(".po")}
    assert len(compiled) == 2
    wheel = contents(WheelBuilder(str(ROOT)))
    assert (packaged | compiled) - wheel == set(), "missing in the wheel"
    assert wheel - packaged - compiled == set(), "not in git"


def test_the_sdist_has_all_that_the_wheel_is_built_from(in_git: set[str]) -> None:
    needed = {name for name in in_git if name.startswith((*PACKAGES, "deploy/share/"))}
    needed |= {"pyproject.toml", "README.md", "LICENSE"}
    assert needed - contents(SdistBuilder(str(ROOT))) == set()
