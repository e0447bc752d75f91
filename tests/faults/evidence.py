"""All that is known when a run is over: rows, the ledger, and what users were told."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tests.faults.crowd import Promises
from tests.faults.ledger import Entry, history
from tests.faults.sampler import Sampler
from tests.faults.stage import Held, Stage


@dataclass(frozen=True)
class Evidence:
    jobs: Mapping[str, Mapping[str, Any]]
    attempts: Mapping[str, Sequence[Mapping[str, Any]]]
    history: Mapping[str, Sequence[Entry]]
    effects: Mapping[str, Sequence[int]]
    """By job, the transactions that wrote one."""
    caps: Mapping[tuple[str, str], int | None]
    promises: Promises
    stall_s: float = 0.0
    load_per_core: float = 0.0
    hurt: Sequence[Held] = field(default=())
    outages: Sequence[tuple[datetime, datetime]] = field(default=())

    @classmethod
    def of(cls, stage: Stage, promises: Promises, sampler: Sampler) -> "Evidence":
        jobs = stage.rows(
            "SELECT id::text AS id, job_type, state, attempt, max_attempts, version, finished_at, error, "
            "cancel_requested_at, (result->>'attempt')::int AS result_attempt, result IS NULL AS has_no_result, "
            "user_id::text AS user_id, queue FROM jobs"
        )
        attempts = stage.rows(
            "SELECT job_id::text AS job_id, attempt, outcome, lease_token::text AS token, worker_pid AS pid, "
            "started_at, ended_at FROM job_attempts ORDER BY started_at"
        )
        effects = stage.rows("SELECT job_id::text AS job_id, xid::text AS xid FROM fault_effects")
        lanes = stage.rows("SELECT queue, user_id::text AS user_id, max_running FROM job_lanes")
        return cls(
            jobs={row["id"]: row for row in jobs},
            attempts=_grouped(attempts),
            history=history(stage.rows("SELECT * FROM fault_ledger")),
            effects={job_id: [int(row["xid"]) for row in rows] for job_id, rows in _grouped(effects).items()},
            caps={(row["queue"], row["user_id"]): row["max_running"] for row in lanes},
            promises=promises,
            stall_s=sampler.stall_s,
            load_per_core=sampler.load_per_core,
            hurt=stage.hurt,
            outages=stage.outages,
        )


def _grouped(rows: Sequence[Mapping[str, Any]]) -> Mapping[str, Sequence[Mapping[str, Any]]]:
    groups: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        groups[row["job_id"]].append(row)
    return groups
