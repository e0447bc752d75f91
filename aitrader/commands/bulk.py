"""Changing many jobs from the command line: counted first, shown, confirmed, done."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

import typer

from aitrader.commands.output import print_json, say
from aitrader.errors import CommandFailed

if TYPE_CHECKING:
    from aitrader.client import BulkResult


def chosen_by(
    states: list[str] | None, job_types: list[str] | None, created_before: datetime | None
) -> Mapping[str, Any]:  # Any: the client's own parameters
    """Return the filter that these options make; none of them would mean every job, which nobody types by accident."""
    if not (states or job_types or created_before):
        raise typer.BadParameter("give an ID, or choose by --state, --type or --created-before")
    return {"states": states or (), "job_types": job_types or (), "created_before": created_before}


def change_many(
    verb: str,
    change: "Callable[..., BulkResult]",
    chosen: Mapping[str, Any],  # Any: the same
    *,
    yes: bool,
    all_users: bool,
    as_json: bool,
) -> None:
    """Count, ask the person at the terminal unless told `yes`, and change as many as were counted."""
    matched = change(**chosen, all_users=all_users).matched
    if matched and not yes and not typer.confirm(f"{verb} {matched} jobs?", err=True):
        raise CommandFailed("nothing was changed")
    result = change(**chosen, all_users=all_users, confirm=matched)
    if as_json:
        print_json(result.model_dump(mode="json"))
        return
    told = {
        "cancelled": result.cancelled,
        "asked to stop": result.asked_to_stop,
        "queued": result.queued,
        "had moved on": result.skipped,
    }
    typer.echo(f"{result.matched} matched" + "".join(f", {count} {what}" for what, count in told.items() if count))
    if not matched:
        say("no job matches; nothing was changed")
