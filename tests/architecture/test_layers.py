"""The layers of ARCHITECTURE.md: imports point downward, no cycle of files or packages, terminals only in `cli`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.architecture import architecture_page
from tests.architecture.imports import ROOT, cycles, import_graph, modules, names_imported, package_graph

LAYERS = architecture_page.packages()  # from the top
TERMINAL = {"click", "rich", "prompt_toolkit"}
TOP_ENTRIES = 18

Graph = dict[str, set[str]]


@pytest.fixture(scope="module")
def graph() -> Graph:
    return import_graph()


def layer_of(module: str) -> str:
    """The package of the diagram; empty for modules between them, such as `agent` itself, which import nothing."""
    parts = module.split(".")
    return parts[0] if parts[0] != "agent" else "".join(parts[1:2])


def allowed(name: str) -> set[str]:
    """The packages that a package may import."""
    package, product = LAYERS[name], LAYERS["agent"].only
    assert product is not None
    if package.group < 0:
        return package.only or set()
    lower = {other.name for other in LAYERS.values() if other.group > package.group}
    assert package.only is None or package.only <= lower, f"{name} may import only lower packages"
    return (lower if package.only is None else package.only) | package.also | product


def test_the_modules_above_the_layers_import_nothing(graph: Graph) -> None:
    assert not [module for module, imported in graph.items() if not layer_of(module) and imported]


@pytest.mark.parametrize("name", [name for name in LAYERS if name != "agent"])
def test_a_package_imports_what_the_diagram_allows(graph: Graph, name: str) -> None:
    permitted = allowed(name) | {name, ""}
    wrong = [
        f"{module} imports {other}"
        for module, imported in graph.items() if layer_of(module) == name
        for other in sorted(imported) if layer_of(other) not in permitted
    ]  # fmt: skip
    assert not wrong


@pytest.mark.parametrize("name", [name for name, package in LAYERS.items() if package.only or package.also])
def test_a_rule_of_the_diagram_is_not_wider_than_the_code(graph: Graph, name: str) -> None:
    """Each package that "imports only …" or "imports also …" names is imported."""
    used = {layer_of(other) for module, imported in graph.items() if top_of(module, name) for other in imported}
    assert (LAYERS[name].only or set()) | LAYERS[name].also <= used


def top_of(module: str, name: str) -> bool:
    return module.startswith("agent.") if name == "agent" else layer_of(module) == name


def test_no_cycle_between_files(graph: Graph) -> None:
    assert not cycles(graph)


def test_no_cycle_between_packages(graph: Graph) -> None:
    """At each level of the tree."""
    folders = {module for module, file in modules().items() if file.name == "__init__.py"}
    levels = [{name for name in folders if name.rpartition(".")[0] == parent} for parent in sorted(folders)]
    levels = [inner for inner in levels if len(inner) > 1]
    assert len(levels) > 8
    for inner in levels:
        assert not cycles(package_graph(graph, inner)), sorted(inner)


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
