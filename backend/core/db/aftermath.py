"""What follows from a job's end: for its parent, for its children, for its batch.

All of it can be found out from the rows, so it is done after the commit of the end, by whoever made it, in small
steps that each change nothing when somebody else was faster. A process that dies in between leaves it to the relay,
which looks for the same things.

`settling` yields statements, is sent their rows, and returns what changed: async and sync sessions both run it, each
statement in a transaction of its own. That is what makes the last two children to end agree: each looks after its own
commit, so whoever looks last sees both.
"""

from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self
from uuid import UUID

from sqlalchemy import Engine, Executable, RowMapping

from backend.core.db import batches, families
from backend.core.db.lines import AUTOCOMMIT
from backend.core.jobs.batch import BatchSummary, batch_of
from backend.core.jobs.job import JobSummary, summary_of

AT_ONCE = 1_000

Steps = Generator[Executable, Sequence[RowMapping], None]


@dataclass(frozen=True)
class Ended:
    """A job that has ended, as far as its relatives are concerned."""

    id: UUID
    parent_id: UUID | None
    batch_id: UUID | None
    has_children: bool
    """Whether some of its children may be unfinished: only a job that was waiting can have such."""

    @classmethod
    def of(cls, job: JobSummary) -> Self:
        """Return a job that ended when it ran."""
        return cls(job.id, job.parent_id, job.batch_id, has_children=False)

    @classmethod
    def of_row(cls, row: Mapping[Any, Any]) -> Self:  # Any: a database row
        return cls(row["id"], row["parent_id"], row["batch_id"], has_children=row["fan_out"] is not None)


@dataclass
class Aftermath:
    """What was changed, to be told."""

    jobs: list[JobSummary] = field(default_factory=list)
    progress: list[JobSummary] = field(default_factory=list)
    bells: dict[UUID, str] = field(default_factory=dict)
    """The queues to ring in, by the jobs that were queued there."""
    batches: list[BatchSummary] = field(default_factory=list)


def settling(ended: Iterable[Ended], found: Aftermath) -> Steps:
    """Settle what follows from these ends, and from the ends that follow from those."""
    while news := [one for one in ended if one.parent_id or one.batch_id or one.has_children]:
        parents = sorted({one.parent_id for one in news if one.parent_id is not None})
        further: list[RowMapping] = []
        if parents:
            looked_at = yield families.PARENTS.bindparams(ids=parents)
            further += yield from _move_parents(looked_at, found)
        abandoning = [one.id for one in news if one.has_children]
        if abandoning:
            further += yield from _abandon(abandoning, found)
        complete = sorted({one.batch_id for one in news if one.batch_id is not None})
        if complete:
            yield from _finish((yield batches.complete_batches(complete, AT_ONCE)), found)
        ended = [Ended.of_row(row) for row in further]


def sweeping_parents(limit: int, found: Aftermath) -> Steps:
    """Move the parents that nobody told of their last child's end."""
    due = yield families.DUE_PARENTS.bindparams(limit=limit)
    failed = yield from _move_parents(due, found)
    yield from settling([Ended.of_row(row) for row in failed], found)


def sweeping_children(limit: int, found: Aftermath) -> Steps:
    """Cancel the unfinished children that nobody waits for."""
    cancelled = yield from _abandon(None, found, limit)
    yield from settling([Ended.of_row(row) for row in cancelled], found)


def sweeping_batches(limit: int, found: Aftermath) -> Steps:
    """Finish the batches whose last job's end nobody followed up."""
    yield from _finish((yield batches.complete_batches(None, limit)), found)


def run(engine: Engine, steps: Steps) -> None:
    """Run the steps in sync sessions."""
    rows: Sequence[RowMapping] | None = None
    while True:
        try:
            statement = next(steps) if rows is None else steps.send(rows)
        except StopIteration:
            return
        with engine.connect().execution_options(isolation_level=AUTOCOMMIT) as connection:
            rows = connection.execute(statement).mappings().all()


def _move_parents(
    parents: Sequence[RowMapping], found: Aftermath
) -> Generator[Executable, Sequence[RowMapping], list[RowMapping]]:
    """Fail, wake or update each parent; return those that failed."""
    failed: list[RowMapping] = []
    for parent in parents:
        if parent["bad_id"] is not None:
            moved = yield families.fail_parent(parent["id"], parent["token"], _child_failed(parent))
            failed += moved
            found.jobs += map(summary_of, moved)
        elif parent["is_done"]:
            moved = yield families.wake_parent(parent["id"], parent["token"])
            found.jobs += map(summary_of, moved)
            found.bells |= {row["id"]: row["queue"] for row in moved}
        elif parent["is_stale"]:
            moved = yield families.report_children(parent["id"], parent["token"])
            found.progress += map(summary_of, moved)
    return failed


def _abandon(
    parent_ids: Sequence[UUID] | None, found: Aftermath, limit: int | None = None
) -> Generator[Executable, Sequence[RowMapping], list[RowMapping]]:
    """Cancel children that nobody waits for; return those that have ended with that."""
    most = limit if limit is not None else AT_ONCE * len(parent_ids or ())
    cancelled = yield families.cancel_abandoned(parent_ids, most)
    asked = yield families.ask_abandoned(parent_ids, most)
    found.jobs += map(summary_of, [*cancelled, *asked])
    return list(cancelled)


def _finish(complete: Sequence[RowMapping], found: Aftermath) -> Steps:
    finished: list[RowMapping] = []
    for batch in complete:
        finished += yield batches.finish_batch(batch["id"], batch["reopened_count"])
    if finished:
        counts = yield batches.state_counts([batch["id"] for batch in finished])
        found.batches += with_counts(finished, counts)


def with_counts(rows: Iterable[RowMapping], counts: Sequence[RowMapping]) -> list[BatchSummary]:
    """Return batches with how many of their jobs are in each state."""
    return [batch_of(row, {n["state"]: n["jobs"] for n in counts if n["batch_id"] == row["id"]}) for row in rows]


def _child_failed(parent: RowMapping) -> Mapping[str, str]:
    error: Mapping[str, str] | None = parent["bad_error"]
    reason = "" if error is None else f": {error['message']} ({error['code']})"
    child = f"child {parent['bad_index']} ({parent['bad_type']} {parent['bad_id']})"
    ended = "failed" if parent["bad_state"] == "failed" else "was cancelled"
    return {"code": "child_failed", "message": f"{child} {ended}{reason}"[:2_000]}
