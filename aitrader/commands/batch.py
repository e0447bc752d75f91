"""`aitrader batch`: start many jobs at once from a file, look at them, wait for them, cancel them."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aitrader.commands.connect import connect
from aitrader.commands.output import AsJson, moment, print_json, print_table, say
from aitrader.errors import CommandFailed

if TYPE_CHECKING:
    from aitrader.client import Batch

app = typer.Typer(no_args_is_help=True, help="Start many jobs at once; list, show, await and cancel batches.")

BatchId = Annotated[str, typer.Argument(metavar="ID", help="The batch's id.")]
AllUsers = Annotated[bool, typer.Option("--all", help="All users' batches, not only one's own (admins only).")]
Timeout = Annotated[float | None, typer.Option(min=0, metavar="S", help="Seconds to wait at most.")]


@app.command()
def submit(
    source: Annotated[str, typer.Argument(metavar="FILE", help="JSON Lines, a job each; - is standard input.")],
    *,
    name: Annotated[str | None, typer.Option(help="What to call the batch.")] = None,
    idempotency_key: Annotated[str | None, typer.Option(help="Sent twice, it starts one batch.")] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for the end; exit 0 only if all succeeded.")] = False,
    timeout: Timeout = None,
    as_json: AsJson = False,
) -> None:
    """Start all jobs of a file, or none. A line reads {"job_type": "...", "payload": {...}}."""
    if timeout is not None and not wait:
        raise typer.BadParameter("--timeout needs --wait")
    jobs = _read(source)
    with connect() as client:
        batch = client.submit_batch(jobs, name=name, idempotency_key=idempotency_key)
        if wait:
            _wait(batch, timeout, as_json=as_json)
        elif as_json:
            _show(batch, as_json=True)
        else:
            typer.echo(batch.id)
            say(f"accepted, {batch.job_count} jobs; `aitrader batch show {batch.id}` tells how they are")


@app.command("list")
def list_batches(
    *,
    limit: Annotated[int, typer.Option(min=1, help="How many, the newest first.")] = 50,
    all_users: AllUsers = False,
    as_json: AsJson = False,
) -> None:
    """List batches, the newest first."""
    with connect() as client:
        found = client.batches(limit=limit, all_users=all_users)
    if as_json:
        print_json([batch.record.model_dump(mode="json", exclude={"jobs"}) for batch in found])
        return
    columns = ("ID", "NAME", "JOBS", "ENDED", "FAILED", "CREATED (UTC)", "FINISHED (UTC)")
    print_table(columns, map(_row, found))


@app.command()
def show(batch_id: BatchId, *, all_users: AllUsers = False, as_json: AsJson = False) -> None:
    """Show a batch: how many of its jobs are in each state."""
    with connect() as client:
        _show(client.batch(batch_id, all_users=all_users), as_json=as_json)


@app.command()
def wait(batch_id: BatchId, *, timeout: Timeout = None, all_users: AllUsers = False, as_json: AsJson = False) -> None:
    """Wait until all jobs of a batch have ended; exit 0 only if all succeeded."""
    with connect() as client:
        _wait(client.batch(batch_id, all_users=all_users), timeout, as_json=as_json)


@app.command()
def cancel(batch_id: BatchId, *, all_users: AllUsers = False, as_json: AsJson = False) -> None:
    """Cancel a batch: at once its jobs that wait, at their next check those that run."""
    with connect() as client:
        _show(client.batch(batch_id, all_users=all_users).cancel(), as_json=as_json)


def _read(source: str) -> list[dict[str, Any]]:  # Any: a JSON value
    """Return the jobs of a file, a line each; empty lines are none."""
    name = "standard input" if source == "-" else source
    try:
        text = sys.stdin.read() if source == "-" else Path(source).read_text(encoding="utf-8")
    except OSError as error:
        raise CommandFailed(f"expected jobs in {name}, it cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise CommandFailed(f"expected UTF-8 text in {name}, it is not at byte {error.start}") from error
    lines = [(number, line) for number, line in enumerate(text.split("\n"), start=1) if line.strip()]
    if not lines:
        raise CommandFailed(f"expected jobs in {name}, it has none")
    return [_job(name, number, line) for number, line in lines]


def _job(name: str, number: int, line: str) -> dict[str, Any]:  # Any: a JSON value
    try:
        found: Any = json.loads(line)  # Any: the same
    except json.JSONDecodeError as error:
        raise CommandFailed(f"expected JSON in line {number} of {name}, it is not: {error.msg}") from error
    if not isinstance(found, dict):
        raise CommandFailed(f"expected a JSON object in line {number} of {name}, it was {type(found).__name__}")
    return found


def _wait(batch: "Batch", timeout_s: float | None, *, as_json: bool) -> None:
    try:
        batch.wait(timeout_s, on_change=lambda changed: say(_line(changed)))
    except KeyboardInterrupt:
        told = f"no longer waiting; batch {batch.id} goes on: `aitrader batch show {batch.id}`"
        raise CommandFailed(told) from None
    _show(batch, as_json=as_json)
    if batch.counts.succeeded != batch.job_count:
        raise CommandFailed(f"{batch.job_count - batch.counts.succeeded} of {batch.job_count} jobs did not succeed")


def _line(batch: "Batch") -> str:
    states = batch.counts.model_dump()
    return f"batch {batch.id} " + ", ".join(f"{number} {state}" for state, number in states.items() if number)


def _show(batch: "Batch", *, as_json: bool) -> None:
    record = batch.record
    if as_json:
        print_json(record.model_dump(mode="json"))
        return
    facts = {
        "id": record.id,
        "name": record.name or "-",
        "jobs": str(record.job_count),
        **{state: str(number) for state, number in record.counts.model_dump().items() if number},
        "created": moment(record.created_at),
        "finished": moment(record.finished_at),
    }
    for name, fact in facts.items():
        typer.echo(f"{name:<10} {fact}")


def _row(batch: "Batch") -> tuple[str, ...]:
    record = batch.record
    return (
        record.id,
        record.name or "",
        str(record.job_count),
        str(record.counts.ended),
        str(record.counts.failed),
        moment(record.created_at),
        moment(record.finished_at),
    )
