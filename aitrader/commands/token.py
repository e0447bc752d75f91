"""`aitrader token`: who may use this installation. Works on the database itself, so no token is needed for it."""

from typing import Annotated, Literal

import typer

from aitrader.commands.database import open_database
from aitrader.commands.output import AsJson, moment, print_json, print_table, say

app = typer.Typer(no_args_is_help=True, help="Create, list and revoke access tokens.")


@app.command()
def create(
    *,
    user: Annotated[str, typer.Option(help="Whose token; made when there is no such user.")],
    role: Annotated[
        Literal["free", "premium", "admin"] | None,
        typer.Option(help="The user's role from now on; without it a new user is free, others stay as they are."),
    ] = None,
) -> None:
    """Print a new token, alone; it is not shown again."""
    from backend.services.accounts import create_token  # noqa: PLC0415 - SQLAlchemy takes long to load

    with open_database() as engine:
        made = create_token(engine, user_name=user, role=role)
    typer.echo(made.text)


@app.command("list")
def list_all(*, as_json: AsJson = False) -> None:
    """List tokens by id, without what would let anybody use them."""
    from backend.services.accounts import list_tokens  # noqa: PLC0415 - SQLAlchemy takes long to load

    with open_database() as engine:
        found = list_tokens(engine)
    if as_json:
        print_json(
            [
                {"id": token.id, "user": token.user, "role": token.role, "created_at": token.created_at.isoformat()}
                for token in found
            ]
        )
    else:
        rows = ((token.id, token.user, token.role, moment(token.created_at)) for token in found)
        print_table(("ID", "USER", "ROLE", "CREATED (UTC)"), rows)


@app.command()
def revoke(token_id: Annotated[str, typer.Argument(metavar="ID", help="As `aitrader token list` shows it.")]) -> None:
    """Make a token worthless, now."""
    from backend.services.accounts import revoke_token  # noqa: PLC0415 - SQLAlchemy takes long to load

    with open_database() as engine:
        revoke_token(engine, token_id)
    say(f"token {token_id} is revoked")
