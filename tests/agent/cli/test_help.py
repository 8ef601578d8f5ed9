"""Help: what it imports, the groups of commands, options with one meaning, and lines that fit the terminal."""

from __future__ import annotations

import re
import subprocess
import sys
import unicodedata
from pathlib import Path

import click
import pytest
from support.command_line import invoke

from agent.cli import GROUPS, main, wrapped
from agent.cli.simulate_fleet import fleet

ROOT = Path(__file__).parents[3]
HEAVY = {"numba", "numpy", "pymodbus", "rich", "msgspec", "paho", "serial", "comtrade", "asyncio", "logging"}
COMMANDS = {name: entry for entries in GROUPS.values() for name, entry in entries.items()}
HELP_WIDTH = 80


def modules_after(*words: str) -> set[str]:
    """Names of the modules that are imported once `magwatt WORDS` has ended."""
    script = f"import sys\nfrom agent.cli import main\ntry:\n    main({list(words)!r})\nexcept SystemExit:\n    pass\n"
    script += "print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-P", "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    return set(done.stdout.splitlines()[-1].split())


def test_help_imports_no_command_and_nothing_heavy() -> None:
    modules = modules_after("--help")
    assert not {name.split(".")[0] for name in modules} & HEAVY
    product = {name for name in modules if name.startswith(("agent.", "drivers", "dsp", "simulators"))}
    assert product == {
        "agent.cli", "agent.core", "agent.core.columns", "agent.core.text", "drivers", "drivers.reasons",
        "drivers.s7_place",  # the form of a unit identifier in a message
    }  # fmt: skip


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_a_command_imports_that_command_only(name: str) -> None:
    modules = modules_after(name, "--help")
    assert not {module.split(".")[0] for module in modules} & (HEAVY - {"logging"})
    places = {f"agent.cli.{entry.place.partition(':')[0]}" for entry in COMMANDS.values()}
    assert modules & places == {f"agent.cli.{COMMANDS[name].place.partition(':')[0]}"}


@pytest.mark.text
def test_the_commands_are_in_four_groups() -> None:
    options = invoke("--help").output.split("Options:")[1]
    headings = [line for line in options.splitlines() if re.match(r"[A-Z].*:$", line)]
    assert headings == ["Start:", "Operate:", "Savings:", "Data and tools:"]
    first_words = [line.split()[0] for line in options.partition("Start:")[2].splitlines() if line.startswith("  ")]
    assert first_words == [
        "demo", "init", "scan", "identify", "check", "plan", "doctor", "commission",
        "run", "health", "read", "watch", "web", "modbus-server", "opcua", "explain", "condition", "alarms",
        "maintenance", "resume", "import", "baseline", "adjustment", "certificate", "contract", "report", "ledger",
        "replay", "simulate", "fleet", "profiles", "backup", "restore", "compile",
    ]  # fmt: skip


@pytest.mark.text
@pytest.mark.parametrize("name", COMMANDS)
def test_the_summary_of_a_command_is_its_own_and_fits_the_line(name: str) -> None:
    command = main.get_command(click.Context(main), name)
    assert command is not None
    assert command.name == name
    line = next(line for line in invoke("--help").output.splitlines() if re.match(rf"  {name} ", line))
    summary = line.split(maxsplit=1)[1]
    assert "…" not in line
    assert len(line) < HELP_WIDTH
    assert summary == COMMANDS[name].summary == command.get_short_help_str(limit=HELP_WIDTH).rstrip(".")


def options_of(command: click.Command, path: str) -> list[tuple[str, click.Option]]:
    if isinstance(command, click.Group):
        context = click.Context(command)
        children = [(name, command.get_command(context, name)) for name in command.list_commands(context)]
        found = [item for name, child in children if child for item in options_of(child, f"{path} {name}")]
    else:
        found = []
    return found + [(path, option) for option in command.params if isinstance(option, click.Option)]


@pytest.mark.text
def test_an_option_has_one_meaning_in_all_commands() -> None:
    """The same value type, and the same help where nothing in the command's task differs."""
    everywhere = options_of(main, "magwatt") + options_of(fleet, "magwatt simulate fleet")
    by_name: dict[str, list[tuple[str, click.Option]]] = {}
    for path, option in everywhere:
        assert option.help, f"{path} {option.opts[0]}: has no help"
        for name in option.opts:
            by_name.setdefault(name, []).append((path, option))
    # `contract sign` signs with its key, others verify; `fleet verify` has no configuration
    differs = {"magwatt explain", "magwatt contract sign", "magwatt fleet verify"}
    for name in ("--config", "--user", "--password-file", "--ca", "--key", "--checkpoint", "--state"):
        texts = {option.help for path, option in by_name[name] if path not in differs}
        assert len(texts) == 1, f"{name}: {texts}"
    for name in ("--json", "--replace", "--list", "--release"):
        assert all(option.is_flag for _, option in by_name[name]), name
    for name in ("--config", "--output", "--write-config", "--truth", "--key", "--checkpoint"):
        assert {option.metavar for _, option in by_name[name]} == {"FILE"}, name
    for path, option in by_name["--seconds"]:
        assert path == "magwatt explain" or option.help == "Stop after this many seconds.", path
    for _path, option in by_name["--json"]:
        assert option.help
        assert option.help.startswith("Print JSON: one object")
    assert not set(by_name) & {
        "--roots", "--spoil", "--speed", "--again", "--ends", "--times", "--yes-fc03", "--published", "--records",
        "--bypass", "--also", "--out", "--every", "--units",
    }  # fmt: skip


@pytest.mark.parametrize("name", COMMANDS)
def test_chinese_help_fits_the_terminal(name: str) -> None:
    """A Chinese character takes two cells. Only a single word, such as a list of choices, may be longer than a line."""
    for line in invoke("--lang", "zh", name, "--help").output.splitlines():
        cells = sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in line)
        assert cells <= HELP_WIDTH or len(line.split()) <= 2, line


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("轮询设备并输出解码后的数值。", ["轮询设备并", "输出解码后", "的数值。"]),
        ("读取 (FC03)，再读", ["读取", "(FC03)，再", "读"]),
        ("poll the device", ["poll the", "device"]),
        ("a-word-that-is-too-long x", ["a-word-that-is-too-long", "x"]),
        ("", [""]),
    ],
)
def test_text_wraps_by_cells(text: str, lines: list[str]) -> None:
    assert wrapped(text, 10) == lines
