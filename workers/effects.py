"""What a handler wants written, written: in the transaction that finishes its job, or not at all."""

from collections import defaultdict
from collections.abc import Sequence
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, and_, bindparam, update
from sqlalchemy.dialects.postgresql import insert

from backend.core.db.columns import metadata
from backend.core.jobs.outcomes import Change, Outcome, Row
from workers.ending import Lease


def write_effects(connection: Connection, outcomes: Sequence[tuple[Lease, Outcome]]) -> None:
    """Write the outcomes' rows and changes: in batches, so only changes of the same columns keep their order."""
    wanted = [(row, lease) for lease, outcome in outcomes for row in outcome.rows]
    for (table_name, or_skip), rows in groupby(wanted, key=lambda pair: (pair[0].table, pair[0].or_skip)):
        table = metadata.tables[table_name]
        statement = insert(table).on_conflict_do_nothing() if or_skip else insert(table)
        connection.execute(statement, [_filled_in(row, lease) for row, lease in rows])
    _write_changes(connection, [change for _, outcome in outcomes for change in outcome.changes])


def _write_changes(connection: Connection, changes: Sequence[Change]) -> None:
    """Send the changes of each table and columns as one batch."""
    by_shape: dict[tuple[str, tuple[str, ...], tuple[str, ...]], list[Change]] = defaultdict(list)
    for change in changes:
        by_shape[change.table, tuple(sorted(change.key)), tuple(sorted(change.values))].append(change)
    for (table_name, key, names), alike in by_shape.items():
        table = metadata.tables[table_name]
        this_row = and_(*(table.c[name] == bindparam(f"key_{name}") for name in key))
        statement = update(table).where(this_row).values({name: bindparam(f"new_{name}") for name in names})
        connection.execute(statement, [_parameters(change) for change in alike])


def _parameters(change: Change) -> dict[str, Any]:  # Any: column values
    key = {f"key_{name}": value for name, value in change.key.items()}
    return key | {f"new_{name}": value for name, value in change.values.items()}


def _filled_in(row: Row, lease: Lease) -> dict[str, Any]:  # Any: column values
    """Return the row with the job and its owner, where the table has columns for them."""
    columns = metadata.tables[row.table].c
    known = {"job_id": lease.job.id, "user_id": lease.job.user_id}
    return {name: value for name, value in known.items() if name in columns} | dict(row.values)
