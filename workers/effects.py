"""What a handler wants written, written: in the transaction that finishes its job, or not at all."""

from itertools import groupby
from typing import Any

from sqlalchemy import Connection, and_, update
from sqlalchemy.dialects.postgresql import insert

from backend.core.db.columns import metadata
from backend.core.jobs.outcomes import Outcome, Row
from workers.ending import Lease


def write_effects(connection: Connection, lease: Lease, outcome: Outcome) -> None:
    """Write the outcome's rows and changes; rows of one table that stand together go in as one batch."""
    for (table_name, or_skip), rows in groupby(outcome.rows, key=lambda row: (row.table, row.or_skip)):
        table = metadata.tables[table_name]
        statement = insert(table).on_conflict_do_nothing() if or_skip else insert(table)
        connection.execute(statement, [_filled_in(row, lease) for row in rows])
    for change in outcome.changes:
        table = metadata.tables[change.table]
        this_row = and_(*(table.c[name] == value for name, value in change.key.items()))
        connection.execute(update(table).where(this_row).values(**change.values))


def _filled_in(row: Row, lease: Lease) -> dict[str, Any]:  # Any: column values
    """Return the row with the job and its owner, where the table has columns for them."""
    columns = metadata.tables[row.table].c
    known = {"job_id": lease.job.id, "user_id": lease.job.user_id}
    return {name: value for name, value in known.items() if name in columns} | dict(row.values)
