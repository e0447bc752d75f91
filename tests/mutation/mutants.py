"""Small faults in the source of kernels: one changed comparison, sign, constant or lost statement at a time."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import Final

KERNEL_DECORATORS: Final = frozenset({"kernel", "inner", "inlined"})

_COMPARISONS: Final[dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
}
_OPERATORS: Final[dict[type[ast.operator], type[ast.operator]]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
}


@dataclass(frozen=True)
class Mutant:
    """A source with one fault: where it is, and what was changed into what."""

    line: int
    change: str
    source: str


def mutants_of(source: str) -> list[Mutant]:
    """Return every mutant of the kernels in a source, in the order of their lines."""
    tree = ast.parse(source)
    places = [node for function in _kernels(tree) for part in function.body for node in ast.walk(part)]
    found = []
    for place in places:
        for changed in _changes(place):
            text = _replaced(tree, place, changed)
            found.append(Mutant(place.lineno, f"{_told(place)} -> {_told(changed)}", text))  # type: ignore[attr-defined]
    return sorted(found, key=lambda mutant: mutant.line)


def _kernels(tree: ast.Module) -> Iterator[ast.FunctionDef]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and any(_name(one) in KERNEL_DECORATORS for one in node.decorator_list):
            yield node


def _name(decorator: ast.expr) -> str:
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    return called.id if isinstance(called, ast.Name) else ""


def _changes(node: ast.AST) -> Iterator[ast.AST]:
    """Give what could stand in the place of a node instead; nothing for docstrings and names."""
    match node:
        case ast.Compare(ops=[operator]):
            for other in _COMPARISONS.get(type(operator), ()):
                yield _with(node, ops=[other()])
        case ast.BinOp() | ast.AugAssign() if type(node.op) in _OPERATORS:
            yield _with(node, op=_OPERATORS[type(node.op)]())
        case ast.BoolOp():
            yield _with(node, op=ast.Or() if isinstance(node.op, ast.And) else ast.And())
        case ast.UnaryOp(op=ast.Not() | ast.USub()):
            yield node.operand
        case ast.Constant():
            yield from _other_constants(node)
        case ast.Call(func=ast.Name(id="min" | "max" as name)):
            yield _with(node, func=ast.Name("max" if name == "min" else "min", ast.Load()))
        case ast.Continue() | ast.Break() | ast.Assign(targets=[ast.Subscript()]) | ast.Expr(value=ast.Call()):
            yield ast.Pass()


def _other_constants(node: ast.Constant) -> Iterator[ast.AST]:
    match node.value:
        case bool():
            yield _with(node, value=not node.value)
        case int() | float():
            yield _with(node, value=node.value + 1)


def _with(node: ast.AST, **changed: object) -> ast.AST:
    other = deepcopy(node)
    for name, value in changed.items():
        setattr(other, name, value)
    return other


def _replaced(tree: ast.Module, place: ast.AST, changed: ast.AST) -> str:
    """Return the source of the tree with one node replaced; the tree itself stays as it is."""

    class Replacing(ast.NodeTransformer):
        def visit(self, node: ast.AST) -> ast.AST:
            return changed if node is place else super().visit(node)

    # The transformer changes nodes in place, so each list that it goes through must be one of its own.
    memo = {id(place): place, id(changed): changed}
    copy = deepcopy(tree, memo)
    return ast.unparse(ast.fix_missing_locations(Replacing().visit(copy)))


def _told(node: ast.AST) -> str:
    return ast.unparse(node).splitlines()[0]
