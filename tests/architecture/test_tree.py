"""The structure of the tree: what packages and commands must not load, completeness of the docs."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import click

from tests.architecture.imports import ROOT, names_imported

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
    """The first parts of the names that a file imports."""
    return {name.split(".")[0] for name in names_imported(file)}


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


def test_each_file_that_the_code_names_exists() -> None:
    """Paths in comments, docstrings and tables, from the top of the tree; names in capitals are examples."""
    tops = "agent|drivers|dsp|simulators|tests|docs|benchmarks|deploy|examples"
    path = re.compile(rf"(?<![\w/.-])(?:{tops})/[\w/.-]+\.(?:py|md|toml|csv|js|html|sql|css)\b")
    wrong: list[str] = []
    count = 0
    for top in tops.split("|"):
        for file in (ROOT / top).rglob("*"):
            if file.suffix not in {".py", ".csv", ".md"}:
                continue
            for name in path.findall(file.read_text(encoding="utf-8")):
                count += 1
                if not name.rpartition("/")[2].partition(".")[0].isupper() and not (ROOT / name).exists():
                    wrong.append(f"{file.relative_to(ROOT)}: {name}")
    assert count > 100
    assert not wrong


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
