"""The structure of the tree: directions of imports, modules that a command loads, completeness of the docs."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = {"agent", "drivers", "dsp", "simulators"}
ALLOWED = {"dsp": {"dsp"}, "drivers": {"drivers"}, "simulators": {"simulators", "drivers"}, "agent": PACKAGES}
LIGHT_HELP = {
    "numpy",
    "numba",
    "pymodbus",
    "paho",
    "rich",
    "prompt_toolkit",
    "msgspec",
    "serial",
    "comtrade",
    "asyncio",
}


def imports_of(file: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: imports are absolute"
            found.add((node.module or "").split(".")[0])
    return found


@pytest.mark.parametrize("package", sorted(PACKAGES))
def test_imports_go_one_way(package: str) -> None:
    files = sorted((ROOT / package).rglob("*.py"))
    assert files
    for file in files:
        ours = imports_of(file) & PACKAGES
        assert ours <= ALLOWED[package], f"{file.relative_to(ROOT)} imports {ours - ALLOWED[package]}"


def strings_of(file: Path) -> set[str]:
    tree = ast.walk(ast.parse(file.read_text(encoding="utf-8")))
    return {node.value for node in tree if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def test_the_simulator_loads_nothing_of_dsp_and_agent() -> None:
    """Neither by an import nor by a module's name, as scenarios are loaded, nor through what it does import."""
    for file in sorted((ROOT / "simulators").rglob("*.py")):
        assert not imports_of(file) & {"dsp", "agent"}, file
        assert not [text for text in strings_of(file) if re.fullmatch(r"(dsp|agent)(\.\w+)+", text)], file
    modules = sorted(".".join(file.relative_to(ROOT).with_suffix("").parts)
                     for file in (ROOT / "simulators").rglob("*.py") if file.name != "__init__.py")  # fmt: skip
    assert not loaded_by(f"import {', '.join(modules)}") & {"dsp", "agent"}


def test_dsp_does_no_input_or_output() -> None:
    forbidden = {"socket", "asyncio", "time", "datetime", "serial", "sqlite3", "os", "subprocess", "random"}
    for file in (ROOT / "dsp").rglob("*.py"):
        assert not imports_of(file) & forbidden, file


def test_no_write_function_exists() -> None:
    """Read-only by construction: nothing in the product calls a Modbus write."""
    for package in ("agent", "drivers"):
        for file in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Attribute):
                    name = node.attr
                    assert not name.startswith(("write_register", "write_coil", "mask_write", "readwrite_")), file


def test_no_test_package_shadows_the_product() -> None:
    assert not list((ROOT / "tests").rglob("__init__.py"))


def loaded_by(code: str) -> set[str]:
    script = f"import sys\n{code}\nprint(*sorted({{name.split('.')[0] for name in sys.modules}}))"
    done = subprocess.run([sys.executable, "-P", "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    return set(done.stdout.splitlines()[-1].split())


def test_help_loads_nothing_heavy() -> None:
    code = "from agent.cli import main\ntry:\n    main(['--help'])\nexcept SystemExit:\n    pass"
    assert not loaded_by(code) & LIGHT_HELP


def test_an_agent_without_waveforms_loads_no_numpy() -> None:
    modules = ("agent.runtime.run", "agent.acquisition.scheduler", "agent.analysis.efficiency.estimator")
    assert not loaded_by(f"import {', '.join(modules)}, drivers.modbus_link") & {"numpy", "numba", "snap7"}


def test_the_page_loads_nothing_that_measures() -> None:
    """Its memory is a fifth of what numpy and a report need: those run in a child process."""
    modules = ("agent.web.server.server", "agent.web.server.app", "agent.cli.web")
    code = f"import {', '.join(modules)}\nagent.web.server.app.load_endpoints()"
    assert not loaded_by(code) & {
        "numpy", "numba", "rich", "prompt_toolkit", "serial", "cryptography", "prometheus_client", "statistics",
        "agent.acquisition.scheduler", "agent.core.kernel_cache", "drivers.modbus_link",
    }  # fmt: skip


def test_each_metric_is_in_the_docs() -> None:
    from agent.core.metrics import table_markdown

    written = (ROOT / "docs" / "reference" / "metrics.md").read_text(encoding="utf-8")
    assert table_markdown() in written, "docs/reference/metrics.md is old: make docs"


def test_each_reason_code_is_in_the_docs() -> None:
    command = [
        sys.executable,
        str(ROOT / "docs" / "generate" / "reasons_table.py"),
    ]  # in a process that has declared no other codes
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.count("\n") > 100
    written = (ROOT / "docs" / "reference" / "reasons.md").read_text(encoding="utf-8")
    assert done.stdout in written, "docs/reference/reasons.md is old: make docs"


def test_each_alarm_is_in_the_docs() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import alarms_table; print(alarms_table.table_markdown(), end='')"],
        capture_output=True, text=True, check=True, cwd=ROOT / "docs" / "generate",
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'docs' / 'generate'}"},
    )  # fmt: skip
    written = (ROOT / "docs" / "reference" / "alarm-table.md").read_text(encoding="utf-8")
    assert done.stdout in written, "docs/reference/alarm-table.md is old: make docs"


def test_each_command_is_in_the_readme() -> None:
    from agent.cli import main

    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for name in main.list_commands(click.Context(main)):
        assert f"magwatt {name}" in readme, f"README.md does not show: magwatt {name}"


def test_each_configuration_key_is_in_the_docs() -> None:
    from agent.config import keys
    from agent.config.alarms import ALARM

    pages = sorted((ROOT / "docs" / "reference").glob("configuration*.md"))
    text = "".join(page.read_text(encoding="utf-8") for page in pages)
    tables = (
        keys.SITE,
        keys.STORE,
        keys.MQTT,
        keys.BUS,
        keys.METER,
        keys.DRIVE,
        keys.MOTOR,
        keys.WAVEFORM,
        keys.SIGNAL,
        keys.SIGNAL_REGISTER,
        keys.SIGNAL_TOPIC,
        ALARM,
    )
    for table in tables:
        for key in table:
            shown = re.search(rf"`{key}`|^(# )?{key} = ", text, re.MULTILINE)  # in a table, or in an example
            assert shown, f"no page docs/reference/configuration*.md explains {key}"
