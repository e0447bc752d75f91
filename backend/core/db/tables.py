"""The tables, as SQLAlchemy Core sees them. Alembic's migrations are checked against this file.

Money is `numeric`, times are `timestamptz`. Bar prices are `double precision`: they are measurements that
engines compute with, and must come back as the bits that went in (docs/adr/0004).
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Double,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Numeric,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    desc,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from backend.core.db.columns import created_at, job_id, metadata, user_id
from backend.core.jobs.lifecycle import TERMINAL, JobState

SCHEMA_REVISION = "0004"
"""The newest migration. A database at another one is not served."""


def _quoted(states: frozenset[JobState]) -> str:
    return ", ".join(f"'{state}'" for state in sorted(states))


users = Table(
    "users",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("role", Text, nullable=False),
    created_at(),
    CheckConstraint("role IN ('free', 'premium', 'admin')", name="role"),
)

user_tokens = Table(
    "user_tokens",
    metadata,
    Column("id", Text, primary_key=True),
    user_id(),
    Column("secret_sha256", LargeBinary, nullable=False),
    created_at(),
    Index("user_tokens_user", "user_id"),
)

jobs = Table(
    "jobs",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("job_type", Text, nullable=False),
    Column("queue", Text, nullable=False),
    user_id(),
    Column("state", Text, nullable=False),
    Column("priority", SmallInteger, nullable=False, server_default="5"),
    Column("attempt", SmallInteger, nullable=False, server_default="0"),
    Column("max_attempts", SmallInteger, nullable=False),
    Column("version", Integer, nullable=False, server_default="1"),
    Column("changed_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    created_at(),
    Column("run_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("deadline_at", DateTime(timezone=True)),
    Column("started_at", DateTime(timezone=True)),
    Column("finished_at", DateTime(timezone=True)),
    Column("lease_token", Uuid),
    Column("lease_until", DateTime(timezone=True)),
    Column("attempt_ends_by", DateTime(timezone=True)),
    Column("worker_id", Text),
    Column("worker_pid", Integer),
    Column("cancel_requested_at", DateTime(timezone=True)),
    Column("progress", Double, nullable=False, server_default="0"),
    Column("stage", Text),
    Column("counters", JSONB),
    Column("summary", Text),
    Column("is_short", Boolean, nullable=False, server_default="false"),
    # Where a job comes from. No foreign keys: relatives may be pruned before it, and inserts stay cheap.
    Column("request_id", Text),
    Column("batch_id", Uuid),
    Column("schedule_id", Uuid),
    Column("fire_at", DateTime(timezone=True)),
    Column("parent_id", Uuid),
    Column("parent_token", Uuid),
    Column("child_index", Integer),
    Column("depth", SmallInteger, nullable=False, server_default="0"),
    Column("fan_out", JSONB),
    Column("reuse_key", LargeBinary),
    Column("reused_from", Uuid),
    Column("reproduces", Uuid),
    Column("idempotency_key", Text),
    Column("request_hash", LargeBinary, nullable=False),
    Column("payload", JSONB, nullable=False),
    Column("result", JSONB),
    Column("error", JSONB),
    CheckConstraint(f"state IN ({_quoted(frozenset(JobState))})", name="state"),
    CheckConstraint("priority BETWEEN 0 AND 9", name="priority"),
    CheckConstraint("max_attempts > 0", name="max_attempts"),
    CheckConstraint("progress BETWEEN 0 AND 1", name="progress"),
    CheckConstraint("(state = 'running') = (lease_token IS NOT NULL)", name="running_has_lease"),
    CheckConstraint(f"(state IN ({_quoted(TERMINAL)})) = (finished_at IS NOT NULL)", name="terminal_is_finished"),
    CheckConstraint("NOT (state = 'queued' AND cancel_requested_at IS NOT NULL)", name="queued_is_wanted"),
    CheckConstraint("state <> 'waiting' OR fan_out IS NOT NULL", name="waiting_has_fan_out"),
    CheckConstraint("(parent_id IS NULL) = (depth = 0)", name="child_has_depth"),
    CheckConstraint("(schedule_id IS NULL) = (fire_at IS NULL)", name="scheduled_has_fire_time"),
    CheckConstraint("octet_length(summary) <= 200", name="summary_is_short"),
    Index(
        "jobs_claim",
        "queue",
        "user_id",
        "priority",
        "run_at",
        "id",
        postgresql_where=text("state = 'queued'"),
    ),
    Index("jobs_due", "run_at", postgresql_where=text("state = 'scheduled'")),
    # No index on lease_until: renewals, the most frequent write of all, stay heap-only updates.
    Index("jobs_running", "queue", "user_id", postgresql_where=text("state = 'running'")),
    Index(
        "jobs_idempotency",
        "user_id",
        "idempotency_key",
        unique=True,
        postgresql_where=text("idempotency_key IS NOT NULL"),
    ),
    Index("jobs_list", "user_id", desc("created_at"), desc("id")),
    Index("jobs_unfinished", "user_id", desc("created_at"), postgresql_where=text("finished_at IS NULL")),
    Index("jobs_list_all", desc("created_at"), desc("id")),
    Index("jobs_deadline", "deadline_at", postgresql_where=text("deadline_at IS NOT NULL AND finished_at IS NULL")),
    # With the state, so that "is any of them unfinished?" is a probe, however many have ended.
    Index("jobs_batch", "batch_id", "state", postgresql_where=text("batch_id IS NOT NULL")),
    Index("jobs_parent", "parent_id", "state", postgresql_where=text("parent_id IS NOT NULL")),
    Index(
        "jobs_open_children",
        "parent_id",
        postgresql_where=text("parent_id IS NOT NULL AND finished_at IS NULL"),
    ),
    Index("jobs_waiting", "id", postgresql_where=text("state = 'waiting'")),
    Index("jobs_schedule", "schedule_id", "fire_at", unique=True, postgresql_where=text("schedule_id IS NOT NULL")),
    Index("jobs_reuse", "user_id", "reuse_key", postgresql_where=text("reuse_key IS NOT NULL AND state = 'succeeded'")),
    Index("jobs_reused_from", "reused_from", postgresql_where=text("reused_from IS NOT NULL")),
    Index("jobs_prune", "finished_at", postgresql_where=text("finished_at IS NOT NULL")),
    postgresql_with={
        "fillfactor": 70,
        "autovacuum_vacuum_scale_factor": 0,
        "autovacuum_vacuum_threshold": 500,
    },
)

job_attempts = Table(
    "job_attempts",
    metadata,
    # The lease token, not the number: an attempt given back by a graceful stop has its number used again.
    Column("lease_token", Uuid, primary_key=True),
    job_id(),
    Column("attempt", SmallInteger, nullable=False),
    Column("worker_id", Text, nullable=False),
    Column("worker_pid", Integer, nullable=False),
    Column("started_at", DateTime(timezone=True), nullable=False),
    Column("ended_at", DateTime(timezone=True), nullable=False),
    Column("outcome", Text, nullable=False),
    Column("error", JSONB),
    Index("job_attempts_job", "job_id", "started_at"),
)

job_lanes = Table(
    "job_lanes",
    metadata,
    Column("queue", Text, primary_key=True),
    Column("user_id", Uuid, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    Column("max_running", Integer),  # NULL: no cap
    Column("running", Integer, nullable=False, server_default="0"),
    Column("last_claimed_at", DateTime(timezone=True), nullable=False, server_default=text("'epoch'")),
    CheckConstraint("running >= 0", name="running"),
    Index("job_lanes_claim", "queue", "running", "last_claimed_at"),
    postgresql_with={"fillfactor": 50},
)

job_outbox = Table(
    # Changes of jobs that nobody was told of yet: written with the change, deleted once it was published.
    "job_outbox",
    metadata,
    Column("job_id", Uuid, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("changed_at", DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp()),
    postgresql_with={
        "fillfactor": 50,
        "autovacuum_vacuum_scale_factor": 0,
        "autovacuum_vacuum_threshold": 1_000,
    },
)

artifacts = Table(
    "artifacts",
    metadata,
    job_id(primary_key=True),
    Column("name", Text, primary_key=True),
    Column("path", Text, nullable=False),
    Column("row_count", BigInteger, nullable=False),
    Column("byte_count", BigInteger, nullable=False),
    Column("sha256", LargeBinary, nullable=False),
    created_at(),
)

backtest_results = Table(
    "backtest_results",
    metadata,
    job_id(primary_key=True),
    user_id(),
    Column("symbol", Text, nullable=False),
    Column("timeframe", Text, nullable=False),
    Column("strategy_kind", Text, nullable=False),
    Column("strategy", JSONB, nullable=False),
    Column("first_bar_at", DateTime(timezone=True), nullable=False),
    Column("last_bar_at", DateTime(timezone=True), nullable=False),
    Column("initial_cash", Numeric, nullable=False),
    Column("final_equity", Numeric, nullable=False),
    Column("total_fees", Numeric, nullable=False),
    Column("total_return_frac", Double, nullable=False),
    Column("cagr_frac", Double),
    Column("sharpe", Double),
    Column("sortino", Double),
    Column("max_drawdown_frac", Double),
    Column("trade_count", Integer, nullable=False),
    Column("win_rate_frac", Double),
    Column("profit_factor", Double),
    Column("data_fingerprint", Text, nullable=False),
    created_at(),
    Index("backtest_results_list", "user_id", desc("created_at")),
)

probe_effects = Table(
    "probe_effects",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),  # no unique key: a double effect must show
    job_id(),
    Column("attempt", SmallInteger, nullable=False),
    created_at(),
    Index("probe_effects_job", "job_id"),
)

bar_series = Table(
    "bar_series",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("owner_id", Uuid, ForeignKey("users.id", ondelete="CASCADE")),  # NULL: shared by all users
    Column("symbol", Text, nullable=False),
    Column("timeframe", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("revision", Integer, nullable=False, server_default="1"),
    Column("bar_count", BigInteger, nullable=False),
    Column("first_at", DateTime(timezone=True)),
    Column("last_at", DateTime(timezone=True)),
    Column("updated_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    UniqueConstraint("owner_id", "symbol", "timeframe", postgresql_nulls_not_distinct=True),
)

bars = Table(
    "bars",
    metadata,
    Column("series_id", BigInteger, ForeignKey("bar_series.id", ondelete="CASCADE"), primary_key=True),
    Column("time", DateTime(timezone=True), primary_key=True),
    Column("open", Double, nullable=False),
    Column("high", Double, nullable=False),
    Column("low", Double, nullable=False),
    Column("close", Double, nullable=False),
    Column("volume", Double, nullable=False),
    CheckConstraint("low <= LEAST(open, close) AND GREATEST(open, close) <= high AND low > 0", name="ordered"),
)

# The rest of the schema, so that whoever has this metadata has all of it.
from backend.core.db import control_tables as _control_tables  # noqa: E402, F401
from backend.core.db import research_tables as _research_tables  # noqa: E402, F401
