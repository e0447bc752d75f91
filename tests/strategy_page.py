"""Writes docs/strategies.md: `python -m tests.strategy_page`. A test compares the page with what this returns."""

import inspect
from collections.abc import Iterator
from dataclasses import MISSING, Field, fields
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from annotated_types import Ge, Gt, Le, Lt

from strategy_engine.strategies import STRATEGIES, SignalStrategy, UniverseStrategy

PAGE = Path(__file__).parents[1] / "docs" / "strategies.md"
SIGNS = {Ge: (">=", "ge"), Gt: (">", "gt"), Le: ("<=", "le"), Lt: ("<", "lt")}

HEAD = """# Strategies

What `strategy` of a backtest may be, by its `kind`. Each is a frozen dataclass of `strategy_engine.strategies`, which
checks its parameters when it is made. `GET /catalogue` has the same as JSON Schemas. This page is written by `python -m
tests.strategy_page` from the code, and a test compares the two.

Decisions are made at the close of a bar, from that bar and those before it, and filled later ([how](../README.md)). No
strategy decides before all that it looks at is there. `direction` is `long_only` (the default), `short_only` or `both`:
with `both`, an entry of one side ends a position of the other. A [backtest job](backtests.md) takes them all: a
strategy of one symbol trades several each by itself, on one account.
"""


def page() -> str:
    """Return the whole page."""
    parts = [HEAD, _table(), "## Of one symbol\n", *map(_section, get_args(SignalStrategy))]
    return "\n".join([*parts, "## Of several symbols\n", *map(_section, get_args(UniverseStrategy))])


def _table() -> str:
    rows = [f"| [`{kind}`](#{kind}) | {_first_line(strategy)} |" for kind, strategy in STRATEGIES.items()]
    return "\n".join(["| kind | what it does |", "|---|---|", *rows, ""])


def _section(strategy: type[Any]) -> str:  # Any: any strategy
    told = inspect.getdoc(strategy) or ""
    paragraphs = [" ".join(paragraph.split()) for paragraph in told.split("\n\n")]
    symbols = [f"Trades {strategy.symbols}."] if strategy in get_args(UniverseStrategy) else []
    rows = ["| parameter | default | bounds |", "|---|---|---|", *_rows(strategy)]
    table = ["\n".join(rows)] if len(rows) > 2 else ["No parameters."]
    return "\n\n".join([f"### `{strategy.kind}`", *paragraphs, *symbols, *table]) + "\n"


def _rows(strategy: type[Any]) -> Iterator[str]:  # Any: any strategy
    hints = get_type_hints(strategy, include_extras=True)
    for field in fields(strategy):
        if field.name != "kind":
            yield f"| `{field.name}` | {_default(field)} | {_bounds(hints[field.name])} |"


def _default(field: Field[Any]) -> str:  # Any: any parameter
    assert field.default is not MISSING
    return f"`{field.default}`"


def _bounds(hint: Any) -> str:  # Any: an annotation
    if get_origin(hint) is Literal:
        return ", ".join(f"`{choice}`" for choice in get_args(hint))
    number, *bounds = get_args(hint)
    told = [f"{SIGNS[type(bound)][0]} {getattr(bound, SIGNS[type(bound)][1])}" for bound in bounds]
    return f"{'whole number' if number is int else 'number'}, {' and '.join(told)}"


def _first_line(strategy: type[Any]) -> str:  # Any: any strategy
    return (inspect.getdoc(strategy) or "").split("\n", 1)[0]


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
