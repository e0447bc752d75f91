"""`aitrader queues`: how full the queues are; pause, drain and resume them. For admins."""

from typing import TYPE_CHECKING, Annotated

import typer

from aitrader.commands.connect import connect
from aitrader.commands.output import AsJson, moment, print_json, print_table

if TYPE_CHECKING:
    from aitrader.client import QueueRecord

app = typer.Typer(no_args_is_help=True, help="List, pause, drain and resume queues (admins only).")

COLUMNS = ("QUEUE", "STATE", "QUEUED", "OLDEST", "SCHEDULED", "RUNNING", "WAITING", "SLOTS", "CHANGED BY", "AT (UTC)")
Name = Annotated[str, typer.Argument(metavar="QUEUE", help="As `aitrader queues list` shows it.")]


@app.command("list")
def list_queues(*, as_json: AsJson = False) -> None:
    """List queues with what waits and runs in them."""
    with connect() as client:
        found = client.queues()
    if as_json:
        print_json([queue.model_dump(mode="json") for queue in found])
        return
    columns = (
        "QUEUE",
        "STATE",
        "QUEUED",
        "OLDEST",
        "SCHEDULED",
        "RUNNING",
        "WAITING",
        "SLOTS",
        "CHANGED BY",
        "AT (UTC)",
    )
    print_table(columns, map(_row, found))


@app.command()
def pause(name: Name, *, as_json: AsJson = False) -> None:
    """Let no more jobs begin; jobs are still taken, and those that run go on."""
    with connect() as client:
        _tell(client.pause_queue(name), as_json=as_json)


@app.command()
def drain(name: Name, *, as_json: AsJson = False) -> None:
    """Take no new jobs; those that are there are finished."""
    with connect() as client:
        _tell(client.drain_queue(name), as_json=as_json)


@app.command()
def resume(name: Name, *, as_json: AsJson = False) -> None:
    """Undo pause and drain."""
    with connect() as client:
        _tell(client.resume_queue(name), as_json=as_json)


def _tell(queue: "QueueRecord", *, as_json: bool) -> None:
    if as_json:
        print_json(queue.model_dump(mode="json"))
    else:
        typer.echo(f"{queue.name} {_state(queue)}, {queue.queued} queued, {queue.running} running")


def _state(queue: "QueueRecord") -> str:
    words = [word for word, is_so in (("paused", queue.is_paused), ("draining", queue.is_draining)) if is_so]
    return " and ".join(words) or "open"


def _row(queue: "QueueRecord") -> tuple[str, ...]:
    return (
        queue.name,
        _state(queue),
        str(queue.queued),
        "-" if queue.oldest_age_s is None else f"{queue.oldest_age_s:.0f} s",
        str(queue.scheduled),
        str(queue.running),
        str(queue.waiting),
        "?" if queue.slots is None else str(queue.slots),
        queue.changed_by or "-",
        moment(queue.changed_at),
    )
