"""Mutants: which places of a kernel are changed, and into what."""

import ast

import pytest

from tests.mutation.mutants import mutants_of

HEAD = "@inner\ndef f(x, y):\n"


def changes(body: str) -> list[str]:
    return [mutant.change for mutant in mutants_of(f"{HEAD}    {body}\n")]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("return x < y", ["x < y -> x <= y", "x < y -> x >= y"]),
        ("return x == y", ["x == y -> x != y"]),
        ("return x + y", ["x + y -> x - y"]),
        ("return x and y", ["x and y -> x or y"]),
        ("return not x", ["not x -> x"]),
        ("return max(x, y)", ["max(x, y) -> min(x, y)"]),
        ("return 2.5", ["2.5 -> 3.5"]),
        ("return True", ["True -> False"]),
        ("x -= y", ["x -= y -> x += y"]),
        ("x[y] = y", ["x[y] = y -> pass"]),
        ("call(x)", ["call(x) -> pass"]),
        ("return x", []),
    ],
)
def test_each_place_that_can_be_wrong_is_changed(body: str, expected: list[str]) -> None:
    assert changes(body) == expected


def test_only_kernels_are_changed() -> None:
    source = "LIMIT = 3\ndef plain(x):\n    return x + 1\n@kernel(FLOAT)\ndef f(x):\n    return x - 1\n"
    assert [(mutant.line, mutant.change) for mutant in mutants_of(source)] == [(6, "x - 1 -> x + 1"), (6, "1 -> 2")]


def test_every_mutant_differs_from_the_source_in_one_place() -> None:
    source = HEAD + "    if x < y and not y > 3.0:\n        x[0] = max(x, -y)\n    return x * y\n"
    before = ast.unparse(ast.parse(source)).splitlines()
    for mutant in mutants_of(source):
        after = mutant.source.splitlines()
        assert sum(one != other for one, other in zip(before, after, strict=True)) == 1
