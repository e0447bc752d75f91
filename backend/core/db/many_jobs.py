"""New jobs, one or thousands, as one statement: the rows, their notes in the outbox, and their users' lanes.

The rows travel as one JSON document: written by pydantic's serializer and read by Postgres, both in native code, they
cost half as much as an array a column does. The statement is a constant, so that servers can keep its plan.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic_core import to_json
from sqlalchemy import Column, Executable, text
from sqlalchemy.dialects import postgresql

from backend.core.db.hook_deliveries import deliveries_sql
from backend.core.db.tables import jobs
from backend.core.jobs.registry import Role

DIALECT: Any = postgresql.dialect()  # type: ignore[no-untyped-call]  # Any: SQLAlchemy's own type has no annotations
# What a new row may say. Whatever it leaves out has the table's own default.
INSERTED = (
    *("id", "job_type", "queue", "user_id", "state", "priority", "max_attempts", "run_at", "deadline_at"),
    *(
        "started_at",
        "finished_at",
        "progress",
        "summary",
        "is_short",
        "request_id",
        "batch_id",
        "schedule_id",
        "fire_at",
        "parent_id",
    ),
    *("parent_token", "child_index", "depth", "reuse_key", "reused_from", "reproduces"),
    *("idempotency_key", "request_hash", "payload", "result"),
)


@dataclass(frozen=True)
class Proof:
    """The token by which a user was known a moment ago, and the role that this gave."""

    token_id: str
    role: Role


@dataclass(frozen=True)
class NewJob:
    """A row to be (as `Submission.new_row` makes it), and how many of its lane's jobs may run; None: any number.

    The payload may be the model itself: it is then written to JSON without a detour. `proof` is what its user was
    known by: the row is left out if that does not hold any more.
    """

    values: Mapping[str, Any]  # Any: column values
    max_running: int | None = None
    proof: Proof | None = None


def insert_jobs(new: Iterable[NewJob]) -> Executable:
    """Insert jobs; answers with those that were added, as `SUMMARY` shows them, in no order.

    A row whose idempotency key (or whose schedule's firing) is already taken is left out, and one whose proof fails.
    Keys and lanes are locked in their order, and all jobs before any lane, so that statements like this one never wait
    for each other in a circle.
    Lanes that are there are kept FOR KEY SHARE: see `lanes`.
    """
    return INSERT_JOBS.bindparams(jobs=as_json(new))


def as_json(new: Iterable[NewJob]) -> str:
    """Return the document that `INSERT_JOBS` takes as its parameter `jobs`."""
    rows = [{**job.values, "max_running": job.max_running, **_proof(job)} for job in new]
    return to_json(rows, bytes_mode="hex").decode()


def _proof(job: NewJob) -> Mapping[str, str]:
    return {} if job.proof is None else {"token_id": job.proof.token_id, "token_role": job.proof.role}


def _type(column: Column[Any]) -> str:
    return "text" if _is_binary(column) else column.type.compile(DIALECT)


def _is_binary(column: Column[Any]) -> bool:
    return column.type.python_type is bytes


def _value(column: Column[Any]) -> str:
    given = f"decode(r.{column.name}, 'hex')" if _is_binary(column) else f"r.{column.name}"
    default: Any = getattr(column.server_default, "arg", None)  # Any: a text or an expression
    if default is None:
        return given
    return f"coalesce({given}, {default})" if not isinstance(default, str) else f"coalesce({given}, '{default}')"


_COLUMNS = [jobs.c[name] for name in INSERTED]
INSERT_JOBS = text(
    f"""
WITH given AS MATERIALIZED (
  SELECT * FROM jsonb_to_recordset(CAST(:jobs AS jsonb))
    AS r({", ".join(f"{column.name} {_type(column)}" for column in _COLUMNS)},
         max_running int, token_id text, token_role text)
), added AS (
  INSERT INTO jobs ({", ".join(INSERTED)})
  SELECT {", ".join(map(_value, _COLUMNS))}
  FROM given r
  WHERE r.token_id IS NULL OR EXISTS (
    SELECT 1 FROM user_tokens t JOIN users u ON u.id = t.user_id
    WHERE t.id = r.token_id AND u.id = r.user_id AND u.role = r.token_role)
  ORDER BY r.user_id, r.idempotency_key, r.id
  ON CONFLICT DO NOTHING
  RETURNING *
), note AS (
  INSERT INTO job_outbox (job_id, version) SELECT id, version FROM added
), hooked AS (
  {deliveries_sql("added")}
), wanted AS (
  SELECT DISTINCT ON (r.queue, r.user_id) r.queue, r.user_id, r.max_running
  FROM given r WHERE r.id IN (SELECT id FROM added) ORDER BY r.queue, r.user_id
), kept AS MATERIALIZED (
  SELECT l.queue, l.user_id FROM job_lanes l JOIN wanted w USING (queue, user_id)
  WHERE l.max_running IS NOT DISTINCT FROM w.max_running ORDER BY 1, 2 FOR KEY SHARE OF l
), lanes AS (
  INSERT INTO job_lanes (queue, user_id, max_running)
  SELECT * FROM wanted w
  WHERE NOT EXISTS (SELECT 1 FROM kept k WHERE k.queue = w.queue AND k.user_id = w.user_id)
  ORDER BY w.queue, w.user_id
  ON CONFLICT (queue, user_id) DO UPDATE SET max_running = excluded.max_running
)
SELECT {", ".join(f"a.{c.name}" for c in jobs.c if c.name not in {"payload", "result"})} FROM added a
"""  # noqa: S608 - made of the table's own names
)
"""`insert_jobs` for whoever sends it by other means: its one parameter, `jobs`, is what `as_json` gives."""
