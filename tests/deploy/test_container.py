"""The recipe of the container image and its quadlet: the same program, account, folders and limits as the systemd unit.

`make container-check` runs the image.
"""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest
from support.command_line import invoke

from agent import VERSION
from deploy.container.build import image_name

DEPLOY = Path(__file__).parents[2] / "deploy"
FOLDER = DEPLOY / "container"
PAGE = DEPLOY.parent / "docs" / "how-to" / "container.md"
GENERATOR = "/usr/libexec/podman/quadlet"
Settings = dict[str, list[str]]


def settings(path: Path) -> Settings:
    """Key → values of a unit file; sections use no key twice."""
    found: Settings = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        if "=" in line and not line.startswith("#"):
            key, _, value = line.partition("=")
            found.setdefault(key, []).append(value)
    return found


def instructions() -> list[tuple[str, str]]:
    """Instruction and arguments of each step of the recipe, with continued lines joined."""
    text = (FOLDER / "Containerfile").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    steps = re.sub(r"\\\n\s*", "", "\n".join(lines)).splitlines()
    return [(word, rest) for word, _, rest in (step.partition(" ") for step in steps)]


def arguments(name: str) -> list[str]:
    return [rest for word, rest in instructions() if word == name]


@pytest.fixture(scope="module")
def unit() -> Settings:
    return settings(DEPLOY / "magwatt.service")


@pytest.fixture(scope="module")
def quadlet() -> Settings:
    return settings(FOLDER / "magwatt.container")


def environment() -> dict[str, str]:
    (line,) = arguments("ENV")
    return dict(item.split("=", 1) for item in line.split())


def test_it_installs_the_package_and_runs_what_the_unit_runs(unit: Settings) -> None:
    installed = " ".join(arguments("RUN"))
    assert "/magwatt_*.deb" in installed
    assert "pip" not in installed
    (entry,), (command,) = arguments("ENTRYPOINT"), arguments("CMD")
    assert [*json.loads(entry), *json.loads(command)] == unit["ExecStart"][0].split()


def test_its_account_is_that_of_the_unit_with_a_fixed_number(unit: Settings) -> None:
    assert arguments("USER") == unit["User"]
    made = " ".join(arguments("RUN"))
    assert re.search(r"groupadd --gid (\d+) magwatt", made)[1] == re.search(r"useradd --uid (\d+)", made)[1]  # type: ignore[index]
    assert made.index("useradd") < made.index(".deb"), "the package finds the account"


def test_its_volumes_are_the_folders_of_the_unit(unit: Settings, quadlet: Settings) -> None:
    state, cache = f"/var/lib/{unit['StateDirectory'][0]}", f"/var/cache/{unit['CacheDirectory'][0]}"
    etc = str(Path(unit["ConditionPathExists"][0]).parent)
    assert (environment()["STATE_DIRECTORY"], environment()["CACHE_DIRECTORY"]) == (state, cache)
    (volumes,) = arguments("VOLUME")
    assert volumes.split() == [etc, state, cache]
    mounted = [volume.split(":", 1)[1] for volume in quadlet["Volume"]]
    assert mounted == [f"{etc}:ro", state, cache], "the agent cannot write its configuration"


def test_the_quadlet_is_locked_up_as_the_unit(unit: Settings, quadlet: Settings) -> None:
    assert (quadlet["ReadOnly"], quadlet["DropCapability"], quadlet["NoNewPrivileges"]) == (["true"], ["all"], ["true"])
    assert unit["ProtectSystem"] == ["strict"]
    assert unit["CapabilityBoundingSet"] == [""]
    assert quadlet["PidsLimit"] == unit["TasksMax"]
    memory, umask = quadlet["PodmanArgs"][0].split()
    assert memory == f"--memory={unit['MemoryMax'][0].lower()}"
    assert umask == f"--umask={unit['UMask'][0]}"
    assert quadlet["Restart"] == unit["Restart"]
    text = (FOLDER / "magwatt.container").read_text(encoding="utf-8")
    assert not re.search(r"^(User|PublishPort|AddCapability|Network|AddDevice)=|privileged|seccomp", text, re.MULTILINE)


def test_the_image_of_the_quadlet_is_the_one_that_is_built(quadlet: Settings) -> None:
    assert quadlet["Image"] == [image_name(VERSION)]


@pytest.mark.parametrize("where", ["image", "quadlet"])
def test_the_health_check_is_a_command_that_exists(where: str, quadlet: Settings, tmp_path: Path) -> None:
    words = quadlet["HealthCmd"][0].split()
    if where == "image":
        (line,) = arguments("HEALTHCHECK")
        words = json.loads(line[line.index("[") :])
    assert words[0] == json.loads(arguments("ENTRYPOINT")[0])[0]
    config = tmp_path / "plant.toml"
    config.write_text(f'[store]\nstate_dir = "{tmp_path}"\n')
    assert invoke(*words[1:], "--config", str(config)).exit_code == 1, "nothing runs here; wrong usage is 2"


def test_podman_understands_the_quadlet(quadlet: Settings) -> None:
    if not Path(GENERATOR).exists():
        pytest.skip("podman is not installed; sudo apt-get install -y podman")
    environment = {"QUADLET_UNIT_DIRS": str(FOLDER), "PATH": "/usr/bin"}
    done = subprocess.run([GENERATOR, "-user", "-dryrun"], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "unsupported" not in done.stderr
    (line,) = re.findall(r"^ExecStart=(.*)$", done.stdout, re.MULTILINE)
    words = shlex.split(line)
    assert words[-1] == quadlet["Image"][0]
    assert {"--read-only", "--cap-drop", "--security-opt=no-new-privileges", "--pids-limit", "--health-cmd"} <= set(
        words
    )


def documented() -> list[list[str]]:
    """The words of each `podman run --detach` of the documentation, for those who start it by hand."""
    page = PAGE.read_text(encoding="utf-8")
    commands = re.findall(r"^ {4}podman run --detach((?:.*\\\n)*.*)$", page, re.MULTILINE)
    return [shlex.split(command.replace("\\\n", " ")) for command in commands]


def test_the_documented_command_gives_what_the_quadlet_gives(quadlet: Settings) -> None:
    agent, _ = documented()
    options = dict(pairwise(agent))
    assert options["--pids-limit"] == quadlet["PidsLimit"][0]
    assert f"--memory={options['--memory']}" == quadlet["PodmanArgs"][0].split()[0]
    assert [agent[n + 1] for n, word in enumerate(agent) if word == "--volume"] == quadlet["Volume"]
    assert agent[-1] == quadlet["Image"][0]


def test_each_documented_container_is_locked_up(quadlet: Settings) -> None:
    page_unit = settings(DEPLOY / "magwatt-web.service")
    for words in documented():
        options = dict(pairwise(words))
        assert "--read-only" in words
        assert options["--cap-drop"] == "all"
        assert options["--security-opt"] == "no-new-privileges"
        assert quadlet["Image"][0] in words
    page = dict(pairwise(documented()[1]))
    assert page["--pids-limit"] == page_unit["TasksMax"][0]
    assert page["--memory"] == page_unit["MemoryMax"][0].lower()
    volumes = [option for flag, option in pairwise(documented()[1]) if flag == "--volume"]
    assert all(volume.endswith(":ro") for volume in volumes), "the page writes neither configuration nor state"
