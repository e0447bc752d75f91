"""Jobs that go on as children: the handler's `FanOut` becomes rows, and the ended children come back to its merge step.

Parent and children are one transaction, fenced by the lease: a worker that dies leaves all of it, or nothing. Nobody
holds a slot while a parent waits. Who wakes it: backend/core/db/aftermath.py.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine, RowMapping, select

from backend.core.db.many_jobs import NewJob, insert_jobs
from backend.core.db.tables import jobs, users
from backend.core.errors import Forbidden
from backend.core.ids import new_ids
from backend.core.jobs.job import JobError, summary_of
from backend.core.jobs.lifecycle import JobState, Move
from backend.core.jobs.outcomes import ChildJob, EndedChild, FanOut, InvalidJob, Outcome
from backend.core.jobs.payload import Contract
from backend.core.jobs.registry import JOB_TYPES
from backend.core.jobs.submission import JobOptions, Submission, lane_cap
from backend.core.user import User
from backend.settings import JobSettings
from workers.announce import Herald
from workers.context import Context
from workers.desk import Claim
from workers.ending import Ended, Ending, Lease, end_attempt
from workers.handlers import HANDLERS, MERGES

MOST_CHILDREN = 1_000
DEEPEST = 2
TOLD_AT_ONCE = 200


class FanOuts:
    def __init__(self, engine: Engine, herald: Herald, limits: JobSettings) -> None:
        self._engine = engine
        self._herald = herald
        self._limits = limits

    def handle(
        self,
        claim: Claim,
        payload: Any,  # Any: the type's own payload model
        context: Context,
    ) -> Outcome | FanOut:
        """Call the type's handler, or its merge step where the children of an earlier attempt have ended."""
        job = claim.lease.job
        if claim.fan_out is None:
            return HANDLERS[job.job_type](payload, context)
        children = self._ended_children(job.id, claim.fan_out)
        return MERGES[job.job_type](payload, claim.fan_out["state"], children, context)

    def record(self, lease: Lease, fan_out: FanOut) -> Ended | None:
        """Let the job wait for its new children; None when the lease was not ours any more."""
        state = _json_of(fan_out.state)
        if lease.job.job_type not in MERGES:
            raise TypeError(f"a {lease.job.job_type} fanned out, and has no merge step")
        with self._engine.begin() as connection:
            try:
                children = self._children(connection, lease, fan_out)
                _require_fitting(state, self._limits.max_result_bytes)
            except (InvalidJob, Forbidden) as error:
                told = {"code": error.code, "message": str(error)}
                return end_attempt(connection, lease, Ending(Move.FAIL, "failed", told))
            ended = end_attempt(connection, lease, _fanning_out(lease, fan_out, state))
            if ended is None or ended.job.state != JobState.WAITING:
                return ended
            added = connection.execute(insert_jobs(children)).mappings().all()
        self._tell(added)
        return ended

    def _children(self, connection: Connection, lease: Lease, fan_out: FanOut) -> list[NewJob]:
        """Return the rows of the children: the parent's user, and its priority and attempts unless said otherwise."""
        if not 1 <= len(fan_out.children) <= MOST_CHILDREN:
            told = f"a job has 1 to {MOST_CHILDREN} children, this one has {len(fan_out.children)}"
            raise InvalidJob("fan_out_too_wide", told)
        parent = connection.execute(_parent_of(lease)).mappings().one()
        if parent["depth"] >= DEEPEST:
            raise InvalidJob("fan_out_too_deep", f"children may have children, but theirs none; depth was {DEEPEST}")
        user = User(parent["user_id"], parent["name"], parent["role"])
        kin = {
            "parent_id": lease.job.id,
            "parent_token": lease.token,
            "depth": parent["depth"] + 1,
            "request_id": parent["request_id"],
        }
        cap = lane_cap(user, self._limits)
        rows = [_row(child, lease, user) for child in fan_out.children]
        ids = new_ids(len(rows))
        return [
            NewJob(row | kin | {"id": job_id, "child_index": index}, cap)
            for index, (job_id, row) in enumerate(zip(ids, rows, strict=True))
        ]

    def _ended_children(self, job_id: UUID, fan_out: Mapping[str, Any]) -> Sequence[EndedChild]:  # Any: JSON
        mine = (jobs.c.parent_id == job_id) & (jobs.c.parent_token == UUID(fan_out["token"]))
        columns = (jobs.c.child_index, jobs.c.job_type, jobs.c.state, jobs.c.result, jobs.c.error)
        with self._engine.connect() as connection:
            statement = select(*columns).where(mine).order_by(jobs.c.child_index)
            rows = connection.execute(statement).mappings().all()
        if len(rows) != fan_out["children"]:
            told = f"{fan_out['children']} children were started, {len(rows)} are left: the others were pruned"
            raise InvalidJob("children_gone", told)
        return [_ended_child(row) for row in rows]

    def _tell(self, children: Sequence[RowMapping]) -> None:
        """Tell of new children some at a time; the bells come last, so that no claim is told before."""
        told = [summary_of(row) for row in children]
        for start in range(0, len(told), TOLD_AT_ONCE):
            self._herald.tell(told[start : start + TOLD_AT_ONCE])
        self._herald.tell([], [row["queue"] for row in children])


def _fanning_out(lease: Lease, fan_out: FanOut, state: Any) -> Ending:  # Any: a JSON value
    kept = {
        "token": str(lease.token),
        "children": len(fan_out.children),
        "on_child_failure": fan_out.on_child_failure,
        "state": state,
    }
    changes = {"attempt": lease.job.attempt - 1, "progress": 0.0, "stage": None, "fan_out": kept}
    return Ending(Move.FAN_OUT, "fanned_out", changes=changes)


def _parent_of(lease: Lease) -> Any:  # Any: a Select of these columns
    columns = (jobs.c.depth, jobs.c.request_id, jobs.c.user_id, users.c.name, users.c.role)
    return select(*columns).join_from(jobs, users, users.c.id == jobs.c.user_id).where(jobs.c.id == lease.job.id)


def _row(child: ChildJob, lease: Lease, user: User) -> dict[str, Any]:  # Any: column values
    spec = JOB_TYPES[child.job_type]
    if type(child.payload) is not spec.payload:
        expected, given = spec.payload.__name__, type(child.payload).__name__
        raise TypeError(f"a child of type {child.job_type} needs a {expected}, it was given a {given}")
    options = JobOptions(
        priority=lease.job.priority if child.priority is None else child.priority,
        max_attempts=child.max_attempts or lease.job.max_attempts,
    )
    return Submission(spec, child.payload, options).new_columns(user, None) | {"payload": child.payload}


def _ended_child(row: RowMapping) -> EndedChild:
    error = None if row["error"] is None else JobError.model_validate(row["error"])
    return EndedChild(row["child_index"], row["job_type"], JobState(row["state"]), row["result"], error)


def _json_of(state: Contract | Mapping[str, Any]) -> Any:  # Any: a JSON value
    """Return the state as the merge step will be given it; TypeError or ValueError when it is not JSON."""
    if isinstance(state, Contract):
        return state.model_dump(mode="json")
    return json.loads(json.dumps(dict(state), allow_nan=False))


def _require_fitting(state: Any, limit: int) -> None:  # Any: a JSON value
    size = len(json.dumps(state))
    if size > limit:
        raise InvalidJob("fan_out_too_large", f"the state of the fan-out has {size} bytes, {limit} are allowed")
