"""`aitrader submit` and `aitrader jobs`: start jobs, look at them, steer them."""

import json
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aitrader.commands.bulk import change_many, chosen_by
from aitrader.commands.connect import connect
from aitrader.commands.output import AsJson, moment, print_json, print_table, say
from aitrader.commands.payloads import read_payload
from aitrader.commands.reproductions import require_same
from aitrader.commands.waiting import wait_visibly
from aitrader.errors import CommandFailed

if TYPE_CHECKING:
    from aitrader.client import Attempt, Job

app = typer.Typer(no_args_is_help=True, help="List, show, cancel and retry jobs.")

JobId = Annotated[str, typer.Argument(metavar="ID", help="The job's id.")]
MaybeJobId = Annotated[str | None, typer.Argument(metavar="[ID]", help="A job's id; without one, choose by options.")]
States = Annotated[list[str] | None, typer.Option("--state", help="All in this state; may be given several times.")]
Types = Annotated[list[str] | None, typer.Option("--type", help="All of this type; the same.")]
Before = Annotated[str | None, typer.Option(metavar="ISO", help="All created by then; UTC without a zone.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask; without it many jobs are counted first.")]
AllUsers = Annotated[bool, typer.Option("--all", help="All users' jobs, not only one's own (admins only).")]


def submit(
    job_type: Annotated[str, typer.Argument(metavar="TYPE", help="backtest, pattern_scan, ...")],
    *,
    payload: Annotated[str, typer.Option(metavar="JSON|@FILE|@-", help="The payload, or where it is (@- is stdin).")],
    priority: Annotated[int | None, typer.Option(min=0, max=9, help="0 runs first, 9 last; usually 5.")] = None,
    run_at: Annotated[str | None, typer.Option(metavar="ISO", help="Not before this time; UTC without a zone.")] = None,
    max_attempts: Annotated[int | None, typer.Option(min=1, max=20, help="The type's own, when left out.")] = None,
    deadline: Annotated[str | None, typer.Option(metavar="ISO", help="Failed if it has not ended by then.")] = None,
    expires_in: Annotated[float | None, typer.Option(metavar="S", help="The same, in seconds from now.")] = None,
    no_reuse: Annotated[bool, typer.Option("--no-reuse", help="Run it even if an earlier result is the same.")] = False,
    idempotency_key: Annotated[str | None, typer.Option(help="Sent twice, it starts one job.")] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for the end; exit 0 only if the job succeeded.")] = False,
    timeout: Annotated[float | None, typer.Option(min=0, metavar="S", help="With --wait: seconds at most.")] = None,
    as_json: AsJson = False,
) -> None:
    """Start a job; print its id, or with --wait what it gave."""
    if timeout is not None and not wait:
        raise typer.BadParameter("--timeout needs --wait")
    body, due, ends = read_payload(payload), _time(run_at, "--run-at"), _time(deadline, "--deadline")
    with connect() as client:
        job = client.submit(
            job_type,
            body,
            priority=priority,
            run_at=due,
            max_attempts=max_attempts,
            deadline_at=ends,
            expires_in_s=expires_in,
            reuse="never" if no_reuse else None,
            idempotency_key=idempotency_key,
        )
        if wait:
            _wait(job, timeout)
            _show(job, as_json=as_json)
            job.wait()  # it ended already: this tells how
        elif as_json:
            _show(job, as_json=True)
        else:
            typer.echo(job.id)
            say(f"accepted, {job.state}; `aitrader jobs show {job.id}` tells how it is")


@app.command("list")
def list_jobs(
    *,
    state: Annotated[list[str] | None, typer.Option(help="Only in this state; may be given several times.")] = None,
    job_type: Annotated[str | None, typer.Option("--type", help="Only of this type.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many, the newest first.")] = 50,
    all_users: AllUsers = False,
    as_json: AsJson = False,
) -> None:
    """List jobs, the newest first."""
    with connect() as client:
        found = client.jobs(state=state, job_type=job_type, limit=limit, all_users=all_users)
    if as_json:
        print_json([job.record.model_dump(mode="json", exclude={"payload", "result"}) for job in found])
    else:
        columns = ("ID", "TYPE", "STATE", "PROGRESS", "ATTEMPT", "CREATED (UTC)", "FINISHED (UTC)", "SUMMARY")
        print_table(columns, map(_row, found))


@app.command()
def show(job_id: JobId, *, all_users: AllUsers = False, as_json: AsJson = False) -> None:
    """Show a job: how it is, what it gave, and every attempt."""
    with connect() as client:
        job = client.job(job_id, all_users=all_users)
        _show(job, as_json=as_json)


@app.command()
def cancel(
    job_id: MaybeJobId = None,
    *,
    state: States = None,
    job_type: Types = None,
    created_before: Before = None,
    yes: Yes = False,
    all_users: AllUsers = False,
    as_json: AsJson = False,
) -> None:
    """Cancel a job, or all that match: at once while they wait, at their next check while they run."""
    with connect() as client:
        if job_id is not None:
            _refuse_filter(state, job_type, created_before)
            _tell(client.job(job_id, all_users=all_users).cancel(), as_json=as_json)
            return
        chosen = chosen_by(state, job_type, _time(created_before, "--created-before"))
        change_many("cancel", client.cancel_jobs, chosen, yes=yes, all_users=all_users, as_json=as_json)


@app.command()
def retry(
    job_id: MaybeJobId = None,
    *,
    state: States = None,
    job_type: Types = None,
    created_before: Before = None,
    yes: Yes = False,
    all_users: AllUsers = False,
    as_json: AsJson = False,
) -> None:
    """Queue a failed or cancelled job once more, or all that match."""
    with connect() as client:
        if job_id is not None:
            _refuse_filter(state, job_type, created_before)
            _tell(client.job(job_id, all_users=all_users).retry(), as_json=as_json)
            return
        chosen = chosen_by(state, job_type, _time(created_before, "--created-before"))
        change_many("retry", client.retry_jobs, chosen, yes=yes, all_users=all_users, as_json=as_json)


@app.command()
def reproduce(
    job_id: JobId,
    *,
    wait: Annotated[
        bool, typer.Option("--wait", help="Wait for the end; exit 0 only if the bytes are the same.")
    ] = False,
    timeout: Annotated[float | None, typer.Option(min=0, metavar="S", help="With --wait: seconds at most.")] = None,
    as_json: AsJson = False,
) -> None:
    """Run the record of a succeeded backtest again, as a new job that says whether the bytes are the same."""
    if timeout is not None and not wait:
        raise typer.BadParameter("--timeout needs --wait")
    with connect() as client:
        job = client.job(job_id).reproduce()
        if not wait:
            _tell(job, as_json=as_json)
            return
        _wait(job, timeout)
        _show(job, as_json=as_json)
        job.wait()
        require_same(job)


@app.command()
def logs(
    job_id: JobId,
    *,
    attempt: Annotated[int | None, typer.Option(min=0, help="Only of this attempt.")] = None,
    level: Annotated[str | None, typer.Option(help="debug, info, warning, error or critical, and those above.")] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with new lines until the job ends.")] = False,
    all_users: AllUsers = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object a line.")] = False,
) -> None:
    """Print what a job logged, the oldest line first."""
    with connect() as client:
        job = client.job(job_id, all_users=all_users)
        try:
            for line in (job.follow_logs if follow else job.logs)(attempt=attempt, level=level):
                typer.echo(line.model_dump_json() if as_json else line.text)
        except KeyboardInterrupt:
            return  # how following may end, too
        if follow:
            say(f"{job.state}" + (f": {job.error.message} ({job.error.code})" if job.error is not None else ""))


@app.command()
def artifact(
    job_id: JobId,
    name: Annotated[str, typer.Argument(metavar="NAME", help="One of the result's `artifacts`, such as tearsheet.")],
    *,
    file_format: Annotated[str | None, typer.Option("--format", help="json, csv, parquet or html.")] = None,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Where to write it; else it is printed.")] = None,
    all_users: AllUsers = False,
) -> None:
    """Fetch a large result of a job: rows as JSON, CSV or Parquet, the tearsheet as HTML."""
    asked = file_format if file_format is not None or out is None else _format_of(out)
    with connect() as client:
        content = client.job(job_id, all_users=all_users).download(name, asked)
    if out is None:
        sys.stdout.buffer.write(content)
        return
    try:
        out.write_bytes(content)
    except OSError as error:
        raise CommandFailed(f"{out} cannot be written: {error.strerror}") from error
    say(f"{out}: {len(content):,} bytes")


def _format_of(file: Path) -> str | None:
    suffix = file.suffix.lower().lstrip(".")
    return suffix if suffix in {"json", "csv", "parquet", "html"} else None


def _refuse_filter(*parts: object) -> None:
    if any(parts):
        raise typer.BadParameter("give an ID, or choose by --state, --type and --created-before, not both")


def _time(given: str | None, option: str) -> datetime | None:
    try:
        return None if given is None else datetime.fromisoformat(given)
    except ValueError:
        expected = "expected a time such as 2026-03-01T09:30:00+00:00"
        raise typer.BadParameter(f"{expected}, it was {given!r}", param_hint=option) from None


def _wait(job: "Job", timeout_s: float | None) -> None:
    try:
        wait_visibly(job, timeout_s=timeout_s)
    except KeyboardInterrupt:
        told = (
            f"no longer waiting; job {job.id} goes on: `aitrader jobs show {job.id}`, `aitrader jobs cancel {job.id}`"
        )
        raise CommandFailed(told) from None


def _tell(job: "Job", *, as_json: bool) -> None:
    if as_json:
        print_json(job.record.model_dump(mode="json"))
    elif job.record.cancel_requested_at is not None and not job.is_finished:
        typer.echo(f"{job.id} {job.state}, asked to stop")
    else:
        typer.echo(f"{job.id} {job.state}")


def _show(job: "Job", *, as_json: bool) -> None:
    if as_json:
        print_json(job.record.model_dump(mode="json"))
        return
    record = job.record
    facts = {
        "id": record.id,
        "type": record.job_type,
        "state": record.state,
        "progress": f"{record.progress:.0%}" + (f" ({record.stage})" if record.stage else ""),
        "counters": ", ".join(f"{name} {value}" for name, value in (record.counters or {}).items()) or "-",
        "summary": record.summary or "-",
        "reuses": record.reused_from or "-",
        "reproduces": record.reproduces or "-",
        "priority": str(record.priority),
        "attempt": f"{record.attempt} of {record.max_attempts}",
        "created": moment(record.created_at),
        "runs from": moment(record.run_at),
        "deadline": moment(record.deadline_at),
        "started": moment(record.started_at),
        "finished": moment(record.finished_at),
        "error": "-" if record.error is None else f"{record.error.message} ({record.error.code})",
    }
    for name, fact in facts.items():
        typer.echo(f"{name:<10} {fact}")
    for attempt in job.attempts():
        typer.echo(f"attempt {attempt.attempt:<2} {_attempt(attempt)}")
    typer.echo(f"payload    {json.dumps(record.payload)}")
    if record.result is not None:
        typer.echo(f"result     {json.dumps(record.result, indent=2)}")


def _attempt(attempt: "Attempt") -> str:
    span = f"{moment(attempt.started_at)} to {moment(attempt.ended_at)}"
    error = "" if attempt.error is None else f": {attempt.error.message} ({attempt.error.code})"
    return f"{attempt.outcome} on {attempt.worker_id}, {span}{error}"


def _row(job: "Job") -> tuple[str, ...]:
    record = job.record
    return (
        record.id,
        record.job_type,
        record.state,
        f"{record.progress:.0%}",
        f"{record.attempt}/{record.max_attempts}",
        moment(record.created_at),
        moment(record.finished_at),
        (record.summary or "") if record.error is None else record.error.code,
    )
