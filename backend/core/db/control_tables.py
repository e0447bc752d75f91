"""The tables of what steers jobs: batches, schedules, queues, logs, webhooks."""

from sqlalchemy import (
    ARRAY,
    JSON,
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
from sqlalchemy.dialects.postgresql.base import ischema_names
from sqlalchemy.types import UserDefinedType

from backend.core.db.columns import created_at, job_id, metadata, user_id


class PgSnapshot(UserDefinedType[str]):
    """Which transactions were over at some moment: `pg_snapshot`."""

    cache_ok = True

    def get_col_spec(self, **_: object) -> str:
        return "pg_snapshot"


ischema_names["pg_snapshot"] = PgSnapshot  # so that Alembic can compare it

job_batches = Table(
    "job_batches",
    metadata,
    Column("id", Uuid, primary_key=True),
    user_id(),
    Column("name", Text),
    Column("job_count", Integer, nullable=False),
    Column("idempotency_key", Text),
    Column("request_hash", LargeBinary, nullable=False),
    created_at(),
    Column("finished_at", DateTime(timezone=True)),
    Column("announced_at", DateTime(timezone=True)),
    Column("reopened_count", Integer, nullable=False, server_default="0"),  # by retries; it tells one end from the next
    CheckConstraint("job_count > 0", name="job_count"),
    Index("job_batches_list", "user_id", desc("created_at"), desc("id")),
    Index("job_batches_open", "id", postgresql_where=text("finished_at IS NULL")),
    Index(
        "job_batches_unannounced",
        "finished_at",
        postgresql_where=text("finished_at IS NOT NULL AND announced_at IS NULL"),
    ),
    Index(
        "job_batches_idempotency",
        "user_id",
        "idempotency_key",
        unique=True,
        postgresql_where=text("idempotency_key IS NOT NULL"),
    ),
)

job_schedules = Table(
    "job_schedules",
    metadata,
    Column("id", Uuid, primary_key=True),
    user_id(),
    Column("name", Text, nullable=False),
    Column("job_type", Text, nullable=False),
    Column("payload", JSONB, nullable=False),
    Column("options", JSONB, nullable=False),
    Column("cron", Text, nullable=False),
    Column("time_zone", Text, nullable=False),
    Column("catch_up", Text, nullable=False),
    Column("is_paused", Boolean, nullable=False, server_default="false"),
    Column("starts_at", DateTime(timezone=True)),
    Column("ends_at", DateTime(timezone=True)),
    Column("next_fire_at", DateTime(timezone=True)),  # NULL: it will not fire again
    Column("last_fire_at", DateTime(timezone=True)),
    Column("last_job_id", Uuid),
    Column("last_error", JSONB),
    created_at(),
    Column("changed_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    CheckConstraint("catch_up IN ('skip', 'latest', 'all')", name="catch_up"),
    UniqueConstraint("user_id", "name"),
    Index("job_schedules_due", "next_fire_at", postgresql_where=text("next_fire_at IS NOT NULL AND NOT is_paused")),
)

queue_controls = Table(
    # A queue without a row is neither paused nor draining.
    "queue_controls",
    metadata,
    Column("queue", Text, primary_key=True),
    Column("is_paused", Boolean, nullable=False, server_default="false"),  # nothing is claimed
    Column("is_draining", Boolean, nullable=False, server_default="false"),  # nothing new is taken
    Column("changed_by", Uuid, ForeignKey("users.id", ondelete="SET NULL")),
    Column("changed_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)

job_logs = Table(
    "job_logs",
    metadata,
    Column("lease_token", Uuid, primary_key=True),
    Column("seq", Integer, primary_key=True),
    # In the order of a job's lines, whatever the clocks of its workers' hosts say.
    Column("id", BigInteger, Identity(always=True), nullable=False),
    job_id(),
    Column("attempt", SmallInteger, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("level", Text, nullable=False),
    Column("event", Text, nullable=False),
    Column("fields", JSON, nullable=False),  # not JSONB: fields are shown in the order they were logged
    Index("job_logs_job", "job_id", "id"),
)

job_metrics = Table(
    # Totals and gauges of jobs: see backend/core/db/job_metrics.py, which says what each `metric` counts.
    "job_metrics",
    metadata,
    Column("metric", Text, primary_key=True),
    Column("job_type", Text, primary_key=True),
    Column("label", Text, primary_key=True),
    Column("count", BigInteger, nullable=False, server_default="0"),
    Column("sum", Double, nullable=False, server_default="0"),
    Column("oldest_at", DateTime(timezone=True)),
    Column("changed_at", DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp()),
    postgresql_with={"fillfactor": 50},
)

job_metrics_cursor = Table(
    # One row: which ended jobs are counted. Its snapshot is Postgres's own type, which SQLAlchemy does not know.
    "job_metrics_cursor",
    metadata,
    Column("is_only", Boolean, primary_key=True, server_default="true"),
    Column("snapshot", PgSnapshot, nullable=False),
    Column("floor_at", DateTime(timezone=True), nullable=False),
    CheckConstraint("is_only", name="is_only"),
)

webhooks = Table(
    "webhooks",
    metadata,
    Column("id", Uuid, primary_key=True),
    user_id(),
    Column("url", Text, nullable=False),
    Column("description", Text, nullable=False, server_default=""),
    Column("states", ARRAY(Text), nullable=False),
    Column("job_types", ARRAY(Text)),  # NULL: all
    Column("secret", Text, nullable=False),
    Column("previous_secret", Text),
    Column("previous_secret_until", DateTime(timezone=True)),
    Column("is_enabled", Boolean, nullable=False, server_default="true"),
    Column("disabled_reason", Text),
    Column("failing_since", DateTime(timezone=True)),  # NULL: the last try went well, or there was none
    Column("failure_count", Integer, nullable=False, server_default="0"),
    created_at(),
    Column("changed_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Index("webhooks_user", "user_id"),
)

webhook_deliveries = Table(
    "webhook_deliveries",
    metadata,
    Column("id", Uuid, primary_key=True, server_default=func.gen_random_uuid()),
    Column("webhook_id", Uuid, ForeignKey("webhooks.id", ondelete="CASCADE"), nullable=False),
    Column("job_id", Uuid),  # no foreign key: the log outlives the job
    Column("event", Text, nullable=False),
    Column("body", JSONB, nullable=False),
    Column("state", Text, nullable=False, server_default="pending"),
    Column("attempt", SmallInteger, nullable=False, server_default="0"),
    Column("next_attempt_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("attempts", JSONB, nullable=False, server_default="[]"),
    created_at(),
    Column("ended_at", DateTime(timezone=True)),
    CheckConstraint("state IN ('pending', 'delivered', 'failed')", name="state"),
    CheckConstraint("(state = 'pending') = (ended_at IS NULL)", name="ended"),
    Index("webhook_deliveries_due", "next_attempt_at", postgresql_where=text("state = 'pending'")),
    Index("webhook_deliveries_prune", "ended_at", postgresql_where=text("ended_at IS NOT NULL")),
    Index("webhook_deliveries_turn", "webhook_id", "next_attempt_at", postgresql_where=text("state = 'pending'")),
    Index("webhook_deliveries_list", "webhook_id", desc("created_at"), desc("id")),
)
