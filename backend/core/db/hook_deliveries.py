"""What is to be delivered when a job ends: written by the very statement that ends it, so none is lost or made up.

`statements.noted(change, is_end=True)` has it for SQLAlchemy. A statement in plain SQL that ends jobs has one more CTE,
`hooked AS (` + `deliveries_sql("ended")` + `)`: `ended` is the CTE that ends them, and returns the columns `NEEDED`.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, FromClause, Insert, column, func, insert, literal, select, table
from sqlalchemy.dialects import postgresql

from backend.core.db.control_tables import webhook_deliveries, webhooks
from backend.core.db.tables import jobs
from backend.core.jobs.job import JobSummary
from backend.core.jobs.lifecycle import TERMINAL

DIALECT: Any = postgresql.dialect()  # type: ignore[no-untyped-call]  # Any: SQLAlchemy's own type has no annotations
TOLD = tuple(name for name in JobSummary.model_fields if name != "user_id")
"""What a delivery says of a job: what an event on `/ws` says."""
NEEDED = ("user_id", *TOLD)
"""The columns that the statement needs of the jobs that ended."""


def hook_deliveries(job_ids: Sequence[UUID]) -> Insert:
    """Insert the deliveries for jobs that have just ended, for who cannot do it in the statement that ends them."""
    return deliveries_of(jobs, jobs.c.id.in_(job_ids))


def deliveries_of(ended: FromClause, *conditions: ColumnElement[bool]) -> Insert:
    """Insert a delivery for each of these jobs and each webhook of its owner that wants to hear of it."""
    job = ended.c
    event = literal("job.").concat(job.state)
    data = [part for name in TOLD for part in (literal(name), job[name])]
    body = func.jsonb_build_object("type", event, "timestamp", job.finished_at, "data", func.jsonb_build_object(*data))
    wanted = (
        select(webhooks.c.id, job.id, event, body)
        .select_from(ended)
        .join(webhooks, webhooks.c.user_id == job.user_id)
        .where(
            job.state.in_(sorted(TERMINAL)),
            webhooks.c.is_enabled,
            job.state == func.any(webhooks.c.states),
            webhooks.c.job_types.is_(None) | (job.job_type == func.any(webhooks.c.job_types)),
            *conditions,
        )
    )
    return insert(webhook_deliveries).from_select(["webhook_id", "job_id", "event", "body"], wanted)


def deliveries_sql(cte: str) -> str:
    """Return the same as plain SQL over a CTE that returns rows of `jobs`; it has no parameters."""
    ended = table(cte, *(column(name, jobs.c[name].type) for name in NEEDED))
    return str(deliveries_of(ended).compile(dialect=DIALECT, compile_kwargs={"literal_binds": True}))
