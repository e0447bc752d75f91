"""`aitrader data`: put price files in, and see what is stored."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aitrader.commands.connect import connect
from aitrader.commands.output import AsJson, moment, print_json, print_table

if TYPE_CHECKING:
    from aitrader.client import Series

app = typer.Typer(no_args_is_help=True, help="Import price files, and list what is stored.")


@app.command("import")
def import_file(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="CSV or Parquet: symbol,date,open,high,low,close,volume.")
    ],
    *,
    timeframe: Annotated[str, typer.Option(help="How long a bar lasts: 1m 5m 15m 30m 1h 4h 1d 1w.")],
    as_json: AsJson = False,
) -> None:
    """Import a file of prices; one bad line, and nothing of it is kept."""
    with connect() as client:
        _print(client.import_file(file, timeframe=timeframe), as_json=as_json)


@app.command("list")
def list_series(*, as_json: AsJson = False) -> None:
    """List the stored series of bars."""
    with connect() as client:
        _print(client.symbols(), as_json=as_json)


def _print(found: "Iterable[Series]", *, as_json: bool) -> None:
    if as_json:
        print_json([series.model_dump(mode="json") for series in found])
        return
    columns = ("SYMBOL", "TIMEFRAME", "BARS", "FIRST (UTC)", "LAST (UTC)", "SOURCE", "REVISION", "SEEN BY")
    print_table(columns, map(_row, found))


def _row(series: "Series") -> tuple[str, ...]:
    return (
        series.symbol,
        series.timeframe,
        str(series.bar_count),
        moment(series.first_bar),
        moment(series.last_bar),
        series.source,
        str(series.revision),
        "all users" if series.is_shared else "you",
    )
