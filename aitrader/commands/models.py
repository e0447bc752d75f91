"""`aitrader models`: which models there are, what their cards say, and which serve."""

from typing import TYPE_CHECKING, Annotated

import typer

from aitrader.commands.connect import connect
from aitrader.commands.output import AsJson, moment, print_json, print_table, say
from aitrader.errors import NotFound

if TYPE_CHECKING:
    from aitrader.client import Client, ModelRecord

app = typer.Typer(no_args_is_help=True, help="List models, read their cards, say which serve.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="As `aitrader models list` shows it.")]
Version = Annotated[str, typer.Argument(metavar="VERSION", help="The same.")]
MaybeVersion = Annotated[str | None, typer.Argument(metavar="VERSION", help="Who serves, when left out.")]


@app.command("list")
def list_models(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="Only versions of this one.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """List models; a champion serves."""
    with connect() as client:
        found = client.models(name)
    if as_json:
        print_json([model.model_dump(mode="json") for model in found])
        return
    columns = ("NAME", "VERSION", "STAGE", "SOURCE", "TRAINED ON", "EXPIRES", "PROMOTED (UTC)")
    print_table(columns, map(_row, found))


@app.command()
def show(name: Name, version: MaybeVersion = None, *, as_json: AsJson = False) -> None:
    """Print a model's card; with --json also its manifest."""
    with connect() as client:
        model = client.model(name, version or _serving(client, name))
    if as_json:
        print_json(model.model_dump(mode="json"))
    else:
        typer.echo(model.card)


@app.command()
def promote(name: Name, version: Version, *, as_json: AsJson = False) -> None:
    """Let a version serve from the next job on (admins only)."""
    with connect() as client:
        _tell(client.promote(name, version), as_json=as_json)


@app.command()
def rollback(name: Name, *, as_json: AsJson = False) -> None:
    """Let the version serve again that did before (admins only)."""
    with connect() as client:
        _tell(client.rollback(name), as_json=as_json)


def _serving(client: "Client", name: str) -> str:
    for model in client.models(name):
        if model.stage == "champion":
            return model.version
    raise NotFound(f"no version of {name} serves; name the version")


def _tell(model: "ModelRecord", *, as_json: bool) -> None:
    if as_json:
        print_json(model.model_dump(mode="json"))
        return
    typer.echo(f"{model.name} {model.version} serves")
    if model.is_expired:
        say(f"it expired on {model.expires_at}; results will say so")


def _row(model: "ModelRecord") -> tuple[str, ...]:
    return (
        model.name,
        model.version,
        model.stage,
        model.source,
        f"{model.trained_from} to {model.trained_to}",
        f"{model.expires_at}{' (expired)' if model.is_expired else ''}",
        moment(model.promoted_at),
    )
