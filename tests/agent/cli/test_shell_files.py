"""Man page and shell completions: complete, current, and installed by the wheel."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import click
import pytest
from support.command_tree import commands

from agent.cli import main
from agent.cli.simulate_fleet import fleet

ROOT = Path(__file__).parents[3]
SHARE = ROOT / "deploy" / "share"
PROGRAM = "import sys; sys.argv[0] = 'magwatt'; from agent.cli import main; main()"


def run(words: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, capture_output=True, text=True, env=environment, timeout=60, check=True)


def test_the_man_page_has_each_command_and_option() -> None:
    page = (SHARE / "man/man1/magwatt.1").read_text(encoding="utf-8").replace(r"\-", "-")
    sections = {section.partition('"\n')[0]: section for section in page.split('.SS "')}
    for path, command in [*commands(main, "magwatt"), ("magwatt simulate fleet", fleet)]:
        section = page if command is main else sections[path]
        for option in command.params:
            if isinstance(option, click.Option):
                assert all(name in section for name in option.opts), f"{path} {option.opts}: run `make docs`"


def test_the_man_page_is_current_and_valid() -> None:
    """In a separate process: the texts are those of the English catalogue."""
    code = "import shell_files, sys; sys.stdout.write(shell_files.man_page())"
    environment = os.environ | {"PYTHONPATH": f"{ROOT}:{ROOT / 'docs' / 'generate'}", "PYTHONIOENCODING": "utf-8"}
    environment.pop("MAGWATT_LOCALE", None)
    made = subprocess.run([sys.executable, "-c", code], capture_output=True, env=environment, timeout=60, check=True)
    page = (SHARE / "man/man1/magwatt.1").read_bytes()
    assert made.stdout == page, "run `make docs`"
    lines = page.decode().splitlines()
    assert all(line.split()[0] in {".TH", ".SH", ".SS", ".TP", ".PP", ".B"} for line in lines if line.startswith("."))


@pytest.mark.parametrize(
    ("words", "expected"),
    [(["wat"], {"watch"}), (["watch", "--pass"], {"--password-file"})],
)  # fmt: skip
def test_bash_completes_commands_and_options(tmp_path: Path, words: list[str], expected: set[str]) -> None:
    program = tmp_path / "magwatt"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -c "{PROGRAM}" "$@"\n')
    program.chmod(0o755)
    quoted = " ".join(f"'{word}'" for word in words)
    script = (
        f"source {SHARE}/bash-completion/completions/magwatt; COMP_WORDS=(magwatt {quoted}); COMP_CWORD={len(words)}; "
        '_magwatt_completion magwatt; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    environment = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        ["bash", "-c", script], capture_output=True, text=True, env=environment, timeout=60, check=True
    )
    assert set(done.stdout.split()) == expected


def test_completion_imports_no_command() -> None:
    code = (
        "import sys, click; from agent.cli import main\n"
        "found = main.shell_complete(click.Context(main), '')\n"
        "print(len(found), *(name for name in sys.modules if name.startswith('agent.cli.')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=60, check=True
    )
    number, *modules = done.stdout.split()
    assert int(number) == len(main.list_commands(click.Context(main)))
    assert modules == []


def test_the_wheel_installs_them() -> None:
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]["build"]["targets"][
        "wheel"
    ]
    assert wheel["shared-data"] == {"deploy/share": "share"}
    files = {str(path.relative_to(SHARE)) for path in SHARE.rglob("*") if path.is_file()}
    assert files == {
        "man/man1/magwatt.1", "bash-completion/completions/magwatt", "zsh/site-functions/_magwatt",
        "fish/vendor_completions.d/magwatt.fish",
    }  # fmt: skip
