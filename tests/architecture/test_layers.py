"""The layers of `agent`: imports point downward, no cycle between files or packages, terminals only in `agent.cli`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.architecture.imports import ROOT, cycles, import_graph, modules, names_imported, package_graph

# Each package may import those above it in this list.
LAYERS = [
    "core", "config", "delivery", "alarms", "acquisition", "analysis", "savings", "contract", "runtime", "backup",
    "commissioning", "simulation", "fleet", "northbound", "web", "cli",
]  # fmt: skip
# Narrower than the order of the layers allows.
ONLY = {
    "analysis": {"core", "config"},
    "contract": {"core", "config", "savings"},
    "core": set[str](),
    "fleet": {"analysis", "core", "config", "delivery", "savings"},  # analysis: the past is analysed as the agent does
    "northbound": {"core", "config", "delivery"},
}
SUBPACKAGES = {
    "acquisition", "analysis", "commissioning", "delivery", "northbound", "savings", "savings.report", "simulation",
}  # fmt: skip
TERMINAL = {"click", "rich", "prompt_toolkit"}
TOP_ENTRIES = 18

Graph = dict[str, set[str]]


@pytest.fixture(scope="module")
def graph() -> Graph:
    return import_graph()


def layer_of(module: str) -> str:
    parts = module.split(".")
    return parts[1] if parts[0] == "agent" and len(parts) > 1 else ""


def test_each_package_of_agent_is_a_layer() -> None:
    folders = {path.name for path in (ROOT / "agent").iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert folders == {*LAYERS, "locale"}
    assert len([path for path in (ROOT / "agent").iterdir() if path.name != "__pycache__"]) <= TOP_ENTRIES


@pytest.mark.parametrize("layer", LAYERS)
def test_a_layer_imports_lower_layers_only(graph: Graph, layer: str) -> None:
    allowed = ONLY.get(layer, set(LAYERS[: LAYERS.index(layer)])) | {layer, ""}
    wrong = [
        f"{module} imports {name}"
        for module, imported in graph.items() if layer_of(module) == layer
        for name in sorted(imported) if layer_of(name) not in allowed
    ]  # fmt: skip
    assert not wrong


def test_no_cycle_between_files(graph: Graph) -> None:
    assert not cycles(graph)


def test_no_cycle_between_packages(graph: Graph) -> None:
    top = {f"agent.{layer}" for layer in LAYERS}
    assert not cycles(package_graph(graph, top))
    folders = {module for module, file in modules().items() if file.name == "__init__.py"}
    for package in sorted(f"agent.{name}" for name in SUBPACKAGES):
        inner = {name for name in folders if name.rpartition(".")[0] == package}
        assert inner, package
        assert not cycles(package_graph(graph, inner)), package


def test_a_cycle_is_found() -> None:
    assert cycles({"a": ["b"], "b": ["c"], "c": ["a", "d"], "d": []}) == [["a", "b", "c"]]
    assert package_graph({"p.a": ["q.b"], "q.b": ["p"]}, ["p", "q"]) == {"p": {"q"}, "q": {"p"}}


def test_terminals_are_used_in_the_command_line_only() -> None:
    for module, file in modules().items():
        if layer_of(module) != "cli":
            used = {name.split(".")[0] for name in names_imported(file)} & TERMINAL
            assert not used, f"{module} imports {used}"


def test_nothing_imports_the_command_line(graph: Graph) -> None:
    for module, imported in graph.items():
        if layer_of(module) != "cli":
            assert not [name for name in imported if layer_of(name) == "cli"], module


def test_a_class_name_means_one_thing_in_agent() -> None:
    import ast

    places: dict[str, list[Path]] = {}
    for file in sorted((ROOT / "agent").rglob("*.py")):
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places.setdefault(node.name, []).append(file.relative_to(ROOT))
    assert not {name: files for name, files in places.items() if len(files) > 1}


def test_a_constructor_takes_at_most_seven_arguments() -> None:
    import ast

    for file in modules().values():
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and node.name == "__init__":
                given = node.args
                count = len(given.posonlyargs) + len(given.args) + len(given.kwonlyargs) - 1
                assert count <= 7, f"{file.relative_to(ROOT)}:{node.lineno} takes {count}"
