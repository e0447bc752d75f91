"""The statements on the lines that jobs log."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Select, select, text

from backend.core.db.control_tables import job_logs

ADD_LINES = text(
    """
INSERT INTO job_logs (lease_token, seq, job_id, attempt, at, level, event, fields)
SELECT j.lease_token, l.seq, j.id, j.attempt, l.at, l.level, l.event, l.fields
FROM jobs j, json_to_recordset(CAST(:lines AS json))
  AS l (seq int, at timestamptz, level text, event text, fields json)
WHERE j.id = :job_id AND j.lease_token = :token
ORDER BY l.seq
ON CONFLICT (lease_token, seq) DO UPDATE SET fields = excluded.fields
"""
)
"""Store lines of an attempt under its lease: one that is lost stores nothing. Storing a line again is harmless."""


def lines_of(job_id: UUID, *, attempt: int | None, levels: Sequence[str] | None, after: int, limit: int) -> Select[Any]:
    """Select lines in the order they were stored, after the one with the id `after`."""
    statement = select(job_logs).where(job_logs.c.job_id == job_id, job_logs.c.id > after)
    if attempt is not None:
        statement = statement.where(job_logs.c.attempt == attempt)
    if levels is not None:
        statement = statement.where(job_logs.c.level.in_(levels))
    return statement.order_by(job_logs.c.id).limit(limit)
