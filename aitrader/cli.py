"""The command `aitrader`: its parts put together, and the one place where an expected error becomes exit code 1.

Exit codes: 0 all went well; 1 it did not, one line on standard error says why; 2 the command was not understood.
Heavy modules are imported inside commands, so that `aitrader --help` answers at once.
"""

import sys
from typing import Annotated

import typer

from aitrader import __version__
from aitrader.commands import (
    batch,
    data,
    database,
    events,
    jobs,
    models,
    prune,
    queues,
    schedules,
    stack,
    token,
    train,
    webhooks,
)
from aitrader.errors import AitraderError

app = typer.Typer(
    name="aitrader",
    help="A self-hosted job platform for trading research.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # rich takes longer to load than the rest of `--help`
    context_settings={"help_option_names": ["-h", "--help"]},
)


def main() -> None:
    """Run the command line and exit."""
    try:
        app()
    except AitraderError as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(1)


def _print_version(is_wanted: bool) -> None:  # noqa: FBT001 - how typer calls back
    if is_wanted:
        typer.echo(f"aitrader {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    *,
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Say which version this is.")
    ] = False,
) -> None:
    """Talks to AITRADER_URL with AITRADER_TOKEN, else to the local stack on AITRADER_DATA_DIR."""


for command in (
    stack.up,
    stack.demo,
    stack.status,
    stack.doctor,
    stack.logs,
    jobs.submit,
    database.migrate,
    prune.prune,
    events.events,
):
    app.command()(command)
app.command(add_help_option=False, context_settings=train.CONTEXT_SETTINGS)(
    train.train
)  # its help is the pipeline's own
app.add_typer(jobs.app, name="jobs")
app.add_typer(queues.app, name="queues")
app.add_typer(batch.app, name="batch")
app.add_typer(data.app, name="data")
app.add_typer(models.app, name="models")
app.add_typer(token.app, name="token")
app.add_typer(schedules.app, name="schedules")
app.add_typer(webhooks.app, name="webhooks")
