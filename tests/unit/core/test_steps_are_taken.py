"""A function that is done step by step does nothing until somebody takes its steps: no call of one is left by itself.

Neither mypy nor ruff tells of a generator that was made for nothing.
"""

import ast
from collections.abc import Iterable
from pathlib import Path

import kala_server

PACKAGE = Path(kala_server.__file__).parent / "core"
SOURCES = {path: ast.parse(path.read_text()) for path in sorted(PACKAGE.rglob("*.py"))}
IN_VAIN = (ast.Expr, ast.If, ast.While, ast.UnaryOp, ast.BoolOp, ast.Compare, ast.Assert, ast.IfExp)
"""What makes nothing of a generator but whether there is one."""


def stepwise(trees: Iterable[ast.Module]) -> set[str]:
    """Return the names that only functions have which return `Steps[…]`."""
    functions = [
        node
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    others = {node.name for node in functions if not _returns_steps(node)}
    return {node.name for node in functions} - others


def _returns_steps(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    returns = function.returns
    return isinstance(returns, ast.Subscript) and _name_of(returns.value) == "Steps"


def left_by_themselves(tree: ast.Module, names: set[str]) -> list[int]:
    """Return the lines of calls whose steps nobody can take."""
    return [
        child.lineno
        for node in ast.walk(tree)
        if isinstance(node, IN_VAIN)
        for child in ast.iter_child_nodes(node)
        if isinstance(child, ast.Call) and _name_of(child.func) in names
    ]


def _name_of(function: ast.expr) -> str:
    return getattr(function, "attr", getattr(function, "id", ""))


def test_every_step_is_taken_by_somebody() -> None:
    names = stepwise(SOURCES.values())
    assert {"bring_up_to_now", "contain", "follow", "end_run", "emitting", "look_anew"} <= names
    found = {
        str(path.relative_to(PACKAGE)): left_by_themselves(tree, names) for path, tree in SOURCES.items()
    }
    assert {path: lines for path, lines in found.items() if lines} == {}


def test_one_that_is_forgotten_is_noticed() -> None:
    source = "bring_up_to_now(tx)\nif tx.contain(a, b): pass\nif not follow(tx): pass\nsteps = bring_up_to_now(tx)\n"
    assert left_by_themselves(ast.parse(source), {"bring_up_to_now", "contain", "follow"}) == [1, 2, 3]
