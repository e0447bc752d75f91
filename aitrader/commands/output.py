"""What commands print: results on standard output, everything else on standard error."""

import json
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console

PIPE_WIDTH = 240  # a pipe has no width; nothing may be cut off there

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else, to standard output.")]


def say(text: str) -> None:
    """Tell the person at the terminal, on standard error."""
    typer.echo(text, err=True)


def print_json(value: Any) -> None:  # Any: a JSON value
    typer.echo(json.dumps(value, indent=2, allow_nan=False))


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows under their headings, in columns."""
    from rich.table import Table  # noqa: PLC0415 - takes long to load, and half of the commands need none

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column in columns:
        table.add_column(column, no_wrap=True)
    for row in rows:
        table.add_row(*row)
    console().print(table)


def console(*, stderr: bool = False) -> "Console":
    """Return a console that prints text as it is: brackets and colons in data mean nothing."""
    from rich.console import Console  # noqa: PLC0415 - as above

    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else PIPE_WIDTH
    return Console(file=stream, width=width, markup=False, emoji=False, highlight=False)


def moment(time: datetime | None) -> str:
    """Return a time as a person reads it, in UTC."""
    return "-" if time is None else time.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
