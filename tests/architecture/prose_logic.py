"""Check that no code of the product compares, searches or splits texts that are meant for people.

Command line, from the root of the repository:

    python -m tests.architecture.prose_logic                # agent, drivers, dsp, simulators
    python -m tests.architecture.prose_logic agent/savings  # files and directories given as arguments

A finding is a comparison (`==`, `!=`, `in`, `not in`, `case`), a string method that searches or splits, or a regular
expression, one side of which is a text of two spaces or more (see `is_prose`). The text may be written there, or be a
constant of the function, of the module or of an imported module, or an element of a table in a loop.
Exit code 0: no finding. 1: findings. 2: wrong usage.
"""

from __future__ import annotations

import argparse
import ast
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from tests.architecture.source_texts import PRODUCT, ROOT, is_prose, string_of
from tests.architecture.wording import files_of, relative

SEARCHES = {
    "startswith", "endswith", "split", "rsplit", "partition", "rpartition", "removeprefix", "removesuffix", "find",
    "rfind", "index", "rindex", "count", "replace", "__contains__", "__eq__",
}  # fmt: skip
EXPRESSIONS = {"match", "fullmatch", "search", "split", "sub", "subn", "findall", "finditer", "compile"}
COMPARISONS = (ast.Eq, ast.NotEq, ast.In, ast.NotIn)


@dataclass(frozen=True, slots=True)
class Allowed:
    """A text that code may compare.

    where: path relative to the root, `*` matches any characters.
    text: regular expression that must match at the start of the text.
    reason: why it is not a text meant for people.
    """

    where: str
    text: str
    reason: str


ALLOWED: tuple[Allowed, ...] = (
    Allowed("agent/analysis/recordings/*.py", "% of IL$", "unit of a limit in the tables of IEEE 519, a code"),
)


@dataclass(frozen=True, slots=True)
class Finding:
    """A decision on a text.

    file, line: its place.
    operation: the comparison, method or function.
    text: the text that is compared.
    """

    file: Path
    line: int
    operation: str
    text: str

    def __str__(self) -> str:
        return f"{relative(self.file)}:{self.line}: {self.operation} on a text for people: {self.text[:80]!r}"


Bindings = dict[str, list[ast.AST]]


class Module:
    """The names that a module binds to constants or tables of texts, and the names that it imports."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.tree = ast.parse(file.read_text(encoding="utf-8"))
        self.bound = _bound(self.tree)
        self.imported: dict[str, tuple[str, str]] = {}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.ImportFrom) and node.module:
                for alias in node.names:
                    self.imported[alias.asname or alias.name] = (node.module, alias.name)
            elif isinstance(node, ast.Import):
                for alias in node.names:
                    self.imported[alias.asname or alias.name] = (alias.name, "")


class Tree:
    """Reads each module once."""

    def __init__(self, root: Path = ROOT) -> None:
        self._root = root
        self._modules: dict[Path, Module] = {}

    def module(self, file: Path) -> Module:
        if file not in self._modules:
            self._modules[file] = Module(file)
        return self._modules[file]

    def named(self, dotted: str) -> Module | None:
        """The module of a dotted name, None when it is not a file of this tree."""
        base = self._root.joinpath(*dotted.split("."))
        for file in (base.with_suffix(".py"), base / "__init__.py"):
            if file.is_file():
                return self.module(file)
        return None


class Resolver:
    """Texts that an expression may be."""

    def __init__(self, tree: Tree, module: Module) -> None:
        self._tree, self._module = tree, module

    def texts(self, node: ast.AST | None, local: Bindings, depth: int = 0) -> Iterator[str]:
        """Every string in a constant, a table, or what a name stands for; at most six names deep."""
        if node is None or depth > 6:
            return
        text = string_of(node)
        if text is not None:
            yield text
        elif isinstance(node, ast.Tuple | ast.List | ast.Set):
            for element in node.elts:
                yield from self.texts(element, local, depth)
        elif isinstance(node, ast.Dict):
            for key in node.keys:
                yield from self.texts(key, local, depth)
        elif isinstance(node, ast.Starred | ast.Await):
            yield from self.texts(node.value, local, depth)
        elif isinstance(node, ast.BinOp):
            yield from self.texts(node.left, local, depth)
            yield from self.texts(node.right, local, depth)
        elif isinstance(node, ast.IfExp):
            yield from self.texts(node.body, local, depth)
            yield from self.texts(node.orelse, local, depth)
        elif isinstance(node, ast.Call):
            yield from self._of_call(node, local, depth)
        elif isinstance(node, ast.Name):
            yield from self._of_name(node.id, local, depth)
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            yield from self._of_member(node.value.id, node.attr, depth)

    def _of_call(self, node: ast.Call, local: Bindings, depth: int) -> Iterator[str]:
        name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        if name in {"frozenset", "set", "tuple", "list", "sorted", "dict", "_", "N_", "gettext", "str", "escape"}:
            for argument in node.args:
                yield from self.texts(argument, local, depth)
        elif name in {"lower", "upper", "casefold", "strip", "format", "format_map", "keys", "items", "values"} and (
            isinstance(node.func, ast.Attribute)
        ):
            yield from self.texts(node.func.value, local, depth)

    def _of_name(self, name: str, local: Bindings, depth: int) -> Iterator[str]:
        if name in local:
            for node in local[name]:
                yield from self.texts(node, {key: row for key, row in local.items() if key != name}, depth + 1)
        elif name in self._module.bound:
            for node in self._module.bound[name]:
                yield from self.texts(node, {}, depth + 1)
        elif name in self._module.imported:
            source, member = self._module.imported[name]
            other = self._tree.named(source)
            if other is not None and member in other.bound:
                yield from Resolver(self._tree, other).texts(ast.Name(member), {}, depth + 1)

    def _of_member(self, owner: str, member: str, depth: int) -> Iterator[str]:
        if owner in self._module.imported:
            source, name = self._module.imported[owner]
            other = self._tree.named(f"{source}.{name}" if name else source)
            if other is not None and member in other.bound:
                yield from Resolver(self._tree, other).texts(ast.Name(member), {}, depth + 1)


def _bound(scope: ast.AST) -> Bindings:
    """Names of a scope with the expressions that they are bound to, loop variables with the table they run over."""
    found: Bindings = {}
    for node in _inside(scope):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                _bind(found, target, node.value)
        elif isinstance(node, ast.AnnAssign | ast.NamedExpr) and node.value is not None:
            _bind(found, node.target, node.value)
        elif isinstance(node, ast.For | ast.AsyncFor | ast.comprehension):
            _bind_loop(found, node.target, node.iter)
    return found


def _inside(scope: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a scope without those of functions defined in it."""
    for child in ast.iter_child_nodes(scope):
        yield child
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield from _inside(child)


def _bind(found: Bindings, target: ast.AST, value: ast.expr) -> None:
    if isinstance(target, ast.Name):
        found.setdefault(target.id, []).append(value)
    elif isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(target.elts) == len(value.elts):
        for one, other in zip(target.elts, value.elts, strict=True):
            _bind(found, one, other)


def _bind_loop(found: Bindings, target: ast.AST, table: ast.expr) -> None:
    """`for begin, flag in (("a b c", 1), …)` binds each name to its column; a table by name binds every name to it."""
    if isinstance(table, ast.Tuple | ast.List | ast.Set) and isinstance(target, ast.Tuple):
        rows = [row for row in table.elts if isinstance(row, ast.Tuple) and len(row.elts) == len(target.elts)]
        for row in rows:
            for one, other in zip(target.elts, row.elts, strict=True):
                _bind(found, one, other)
    elif isinstance(target, ast.Tuple):
        for position, one in enumerate(target.elts):
            _bind(found, one, ast.Subscript(table, ast.Constant(position)))
    else:
        _bind(found, target, table)


class Checker(ast.NodeVisitor):
    """Collects the findings of one module."""

    def __init__(self, tree: Tree, module: Module) -> None:
        self._module = module
        self._resolver = Resolver(tree, module)
        self._local: Bindings = {}
        self._tree = tree
        self.found: list[Finding] = []
        self.allowed: set[Allowed] = set()

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> None:
        before = self._local
        arguments = node.args
        hidden = {one.arg for one in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)}
        self._local = {name: rows for name, rows in before.items() if name not in hidden}
        self._local |= {name: [] for name in hidden} | _bound(node)
        self.generic_visit(node)
        self._local = before

    visit_AsyncFunctionDef = visit_FunctionDef
    visit_Lambda = visit_FunctionDef

    def visit_Compare(self, node: ast.Compare) -> None:
        left = node.left
        for operator, right in zip(node.ops, node.comparators, strict=True):
            if isinstance(operator, COMPARISONS):
                self._note(node, type(operator).__name__, left, right)
            left = right
        self.generic_visit(node)

    def visit_MatchValue(self, node: ast.MatchValue) -> None:
        self._note(node.value, "case", node.value)
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        if isinstance(node.func, ast.Attribute):
            name, owner = node.func.attr, node.func.value
            if isinstance(owner, ast.Name) and owner.id == "re" and name in EXPRESSIONS:
                self._note(node, f"re.{name}", *node.args[:1])
            elif name in SEARCHES and node.args:
                self._note(node, f".{name}()", owner, *node.args[:1])
        self.generic_visit(node)

    def _note(self, node: ast.AST, operation: str, *sides: ast.AST) -> None:
        for side in sides:
            for text in self._texts(side):
                if not is_prose(text):
                    continue
                if allowed := _allowing(self._module.file, text):
                    self.allowed.add(allowed)
                    continue
                self.found.append(Finding(self._module.file, getattr(node, "lineno", 1), operation, text))
                return

    def _texts(self, side: ast.AST) -> Iterator[str]:
        if isinstance(side, ast.Name) and side.id in self._local:
            for bound in self._local[side.id]:
                yield from self._column(bound)
        else:
            yield from self._resolver.texts(side, self._local)

    def _column(self, bound: ast.AST) -> Iterator[str]:
        """A loop variable of a table by name: the texts of its column, where the table's rows are tuples or items."""
        if not (isinstance(bound, ast.Subscript) and isinstance(bound.slice, ast.Constant)):
            yield from self._resolver.texts(bound, self._local)
            return
        position, table = bound.slice.value, bound.value
        if not isinstance(position, int):
            return
        for rows in self._tables(table):
            if isinstance(rows, ast.Dict):
                for node in rows.keys if position == 0 else rows.values:
                    yield from self._resolver.texts(node, {})
            elif isinstance(rows, ast.Tuple | ast.List | ast.Set):
                for row in rows.elts:
                    if isinstance(row, ast.Tuple | ast.List) and position < len(row.elts):
                        yield from self._resolver.texts(row.elts[position], {})

    def _tables(self, node: ast.AST) -> Iterator[ast.AST]:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "items":
            node = node.func.value
        if isinstance(node, ast.Name):
            yield from self._local.get(node.id, self._module.bound.get(node.id, []))
            if node.id in self._module.imported:
                source, member = self._module.imported[node.id]
                other = self._tree.named(source)
                yield from other.bound.get(member, []) if other is not None else []
        else:
            yield node


def _allowing(file: Path, text: str) -> Allowed | None:
    place = relative(file)
    return next((row for row in ALLOWED if fnmatch(place, row.where) and re.match(row.text, text)), None)


def check(paths: Sequence[Path], root: Path = ROOT) -> tuple[list[Finding], list[Allowed]]:
    """Findings in the Python files of paths, and the rows of ALLOWED that matched nothing.

    root: directory from which absolute imports are resolved.
    """
    tree = Tree(root)
    found: set[Finding] = set()
    used: set[Allowed] = set()
    for file in files_of(paths):
        if file.suffix == ".py":
            module = tree.module(file)
            checker = Checker(tree, module)
            checker.visit(module.tree)
            found |= set(checker.found)
            used |= checker.allowed
    ordered = sorted(found, key=lambda row: (row.file, row.line, row.operation, row.text))
    return ordered, [row for row in ALLOWED if row not in used]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.architecture.prose_logic", description="Check that no code decides on texts for people."
    )
    parser.add_argument("paths", nargs="*", type=Path, help="files and directories; default: the product's packages")
    options = parser.parse_args(arguments)
    try:
        found, unused = check(options.paths or [ROOT / name for name in PRODUCT])
    except (FileNotFoundError, SyntaxError) as error:
        print(error, file=sys.stderr)
        return 2
    for finding in found:
        print(finding)
    stale = [] if options.paths else unused
    for row in stale:
        print(f"{relative(Path(__file__))}: allowed text {row.text!r} in {row.where}: it matches nothing; delete it")
    if found or stale:
        print(f"{len(found)} findings in {len({row.file for row in found})} files", file=sys.stderr)
    return 1 if found or stale else 0


if __name__ == "__main__":
    sys.exit(main())
