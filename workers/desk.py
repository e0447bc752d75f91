"""Where one pool child takes jobs and hands them in: claims, and successes in the transaction of the next claim.

It keeps one connection, in autocommit: a claim is one statement. Whether that still lives is seen on its socket before
anything is claimed; an answer that is lost in the middle of a claim leaves the child not knowing what it holds.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pydantic_core import to_json
from sqlalchemy import Connection, RowMapping, insert

from backend.core.artifacts import StoredArtifact
from backend.core.db import claims
from backend.core.db.lines import AUTOCOMMIT, has_word
from backend.core.db.sessions import sync_engine
from backend.core.db.tables import artifacts
from backend.core.jobs.outcomes import Outcome, one_line
from backend.core.jobs.registry import JobSpec
from backend.settings import Settings
from workers.effects import write_effects
from workers.ending import Lease


@dataclass(frozen=True)
class Wish:
    """What a claim shall take: a type's best job, or so many where all of them are short."""

    spec: JobSpec
    at_once: int


@dataclass(frozen=True)
class Claim:
    lease: Lease
    payload: Mapping[str, Any]  # Any: JSON
    fan_out: Mapping[str, Any] | None  # Any: JSON; what an earlier attempt has fanned out into


@dataclass(frozen=True)
class Success:
    """One outcome, ready to be written: its result as JSON text, its artifacts stored."""

    lease: Lease
    outcome: Outcome
    result: str
    stored: Sequence[StoredArtifact] = ()


@dataclass(frozen=True)
class Finished:
    """What a finish came to: the new versions by job id, whether some lane was full, and the jobs claimed with it."""

    rows: Mapping[UUID, RowMapping]
    rings: bool
    next_claims: Sequence[Claim]


class Desk:
    def __init__(self, settings: Settings, *, worker_id: str) -> None:
        self._engine = sync_engine(settings.database, pool_size=1, options=claims.PLANNER_OPTIONS, pre_ping=False)
        self._connection: Connection | None = None
        self._lease_s = settings.jobs.lease_s
        self._me = {"worker_id": worker_id, "worker_pid": os.getpid()}

    def open(self) -> None:
        """Make sure that the database is there; raises SQLAlchemyError when it is not, and nothing was claimed."""
        self._connected()

    def claim(self, wish: Wish, *, waits: bool = True) -> Sequence[Claim]:
        """Return the best jobs of a queue, claimed. Raises SQLAlchemyError: it is not known what this child holds.

        waits: also for lanes that others hold at this moment, so that nothing is answered only where nothing is left.
        """
        asked = self._asked(wish)
        connection = self._connected()
        for statement in (claims.CLAIM, claims.CLAIM_WAITING) if waits else (claims.CLAIM,):
            rows = connection.execute(statement, asked).mappings().all()
            if rows:
                return [_claim_of(row) for row in rows]
        return ()

    def finish(self, done: Sequence[Success], then: Wish | None, *, is_again: bool = False) -> Finished:
        """Write successes down and claim what comes next, in one transaction. Raises SQLAlchemyError: nothing is known.

        is_again: an earlier try was not answered. What it claimed is found by asking what this process holds.
        """
        connection = self._connected()
        try:
            claimed: Sequence[RowMapping] = ()
            if then is None and not is_again and not any(map(_has_more, done)):  # one statement is a transaction
                rows = self._move(connection, done)
            else:
                connection.exec_driver_sql("BEGIN")
                rows = self._move(connection, done)
                moved = {row["id"] for row in rows}
                _write_all(connection, [success for success in done if success.lease.job.id in moved])
                claimed = self._claim_next(connection, then, is_again=is_again)
                connection.exec_driver_sql("COMMIT")
        except BaseException:  # whatever it was: what the transaction did so far must go
            self._disconnect()
            raise
        ours = {success.lease.token for success in done}
        next_claims = [_claim_of(row) for row in claimed if row["lease_token"] not in ours]
        return Finished({row["id"]: row for row in rows}, any(row["was_full"] for row in rows), next_claims)

    def close(self) -> None:
        self._disconnect()
        self._engine.dispose()

    def _move(self, connection: Connection, done: Sequence[Success]) -> Sequence[RowMapping]:
        return connection.execute(claims.FINISH, self._finish_parameters(done)).mappings().all()

    def _claim_next(self, connection: Connection, then: Wish | None, *, is_again: bool) -> Sequence[RowMapping]:
        held = connection.execute(claims.HELD, self._me).mappings().all() if is_again else ()
        if held or then is None:
            return held
        return connection.execute(claims.CLAIM_NEXT, self._asked(then)).mappings().all()

    def _asked(self, wish: Wish) -> Mapping[str, Any]:  # Any: SQL values
        limits = {"lease_s": self._lease_s, "hard_limit_s": wish.spec.hard_limit_s}
        return {"queue": wish.spec.queue, "at_most": wish.at_once, **limits, **self._me}

    def _finish_parameters(self, done: Sequence[Success]) -> Mapping[str, Any]:  # Any: the same
        done = sorted(
            done, key=lambda success: success.lease.job.id
        )  # whoever locks several jobs does it in this order
        told = [
            {
                "id": success.lease.job.id,
                "token": success.lease.token,
                "result": success.result,
                "summary": one_line(success.outcome.summary),
            }
            for success in done
        ]
        return {"done": to_json(told).decode(), **self._me}

    def _connected(self) -> Connection:
        if self._connection is not None and has_word(self._connection.connection.driver_connection):
            self._disconnect()  # nobody asked anything: it can only be good-bye
        if self._connection is None:
            self._connection = self._engine.connect().execution_options(isolation_level=AUTOCOMMIT)
        return self._connection

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.invalidate()
            self._connection.close()
            self._connection = None


def _claim_of(row: RowMapping) -> Claim:
    return Claim(Lease.of(row), row["payload"], row["fan_out"])


def _has_more(success: Success) -> bool:
    """Tell whether a success writes anything beside the job itself."""
    return bool(success.stored or success.outcome.rows or success.outcome.changes)


def _write_all(connection: Connection, done: Sequence[Success]) -> None:
    write_effects(connection, [(success.lease, success.outcome) for success in done])
    rows = [{"job_id": success.lease.job.id, **vars(artifact)} for success in done for artifact in success.stored]
    if rows:
        connection.execute(insert(artifacts), rows)
