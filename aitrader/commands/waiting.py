"""Waiting for a job where a person can see it: a bar on a terminal, plain lines elsewhere."""

import sys
from typing import TYPE_CHECKING

from aitrader.commands.output import console, say

if TYPE_CHECKING:
    from aitrader.client import Job


def wait_visibly(job: "Job", *, timeout_s: float | None = None) -> None:
    """Wait for the end of a job, whatever it is; progress goes to standard error."""
    if job.is_finished:
        return
    if sys.stderr.isatty():
        _with_bar(job, timeout_s)
    else:
        say(_line(job))
        job.wait(timeout_s, on_change=lambda changed: say(_line(changed)), raise_on_failure=False)


def _with_bar(job: "Job", timeout_s: float | None) -> None:
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415 - takes long to load

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console(stderr=True), transient=True) as progress:
        shown = progress.add_task(_state(job), total=1.0)

        def show(changed: "Job") -> None:
            progress.update(shown, description=_state(changed), completed=changed.progress, refresh=True)

        job.wait(timeout_s, on_change=show, raise_on_failure=False)


def _line(job: "Job") -> str:
    return f"{job.job_type} {job.id} {_state(job)}"


def _state(job: "Job") -> str:
    progress = f" {job.progress:.0%}" if job.state == "running" and job.progress > 0 else ""
    stage = f" ({job.stage})" if job.state == "running" and job.stage else ""
    return f"{job.state}{progress}{stage}"
