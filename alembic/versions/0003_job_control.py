"""job control"""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:  # noqa: PLR0915 - a list, to be read from top to bottom
    op.create_table(
        "job_outbox",
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column(
            "changed_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.PrimaryKeyConstraint("job_id", name=op.f("job_outbox_pkey")),
        postgresql_with={"fillfactor": 50, "autovacuum_vacuum_scale_factor": 0, "autovacuum_vacuum_threshold": 1000},
    )
    op.create_table(
        "job_batches",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("job_count", sa.Integer(), nullable=False),
        sa.Column("idempotency_key", sa.Text(), nullable=True),
        sa.Column("request_hash", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("announced_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reopened_count", sa.Integer(), server_default="0", nullable=False),
        sa.CheckConstraint("job_count > 0", name=op.f("job_batches_job_count_check")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("job_batches_user_id_fkey"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("job_batches_pkey")),
    )
    op.create_index(
        "job_batches_idempotency",
        "job_batches",
        ["user_id", "idempotency_key"],
        unique=True,
        postgresql_where=sa.text("idempotency_key IS NOT NULL"),
    )
    op.create_index(
        "job_batches_list",
        "job_batches",
        ["user_id", sa.literal_column("created_at DESC"), sa.literal_column("id DESC")],
        unique=False,
    )
    op.create_index(
        "job_batches_open", "job_batches", ["id"], unique=False, postgresql_where=sa.text("finished_at IS NULL")
    )
    op.create_index(
        "job_batches_unannounced",
        "job_batches",
        ["finished_at"],
        unique=False,
        postgresql_where=sa.text("finished_at IS NOT NULL AND announced_at IS NULL"),
    )
    op.create_table(
        "job_schedules",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("job_type", sa.Text(), nullable=False),
        sa.Column("payload", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("options", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("cron", sa.Text(), nullable=False),
        sa.Column("time_zone", sa.Text(), nullable=False),
        sa.Column("catch_up", sa.Text(), nullable=False),
        sa.Column("is_paused", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_fire_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_fire_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_job_id", sa.Uuid(), nullable=True),
        sa.Column("last_error", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("catch_up IN ('skip', 'latest', 'all')", name=op.f("job_schedules_catch_up_check")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("job_schedules_user_id_fkey"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("job_schedules_pkey")),
        sa.UniqueConstraint("user_id", "name", name=op.f("job_schedules_user_id_name_key")),
    )
    op.create_index(
        "job_schedules_due",
        "job_schedules",
        ["next_fire_at"],
        unique=False,
        postgresql_where=sa.text("next_fire_at IS NOT NULL AND NOT is_paused"),
    )
    op.create_table(
        "queue_controls",
        sa.Column("queue", sa.Text(), nullable=False),
        sa.Column("is_paused", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("is_draining", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("changed_by", sa.Uuid(), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["changed_by"], ["users.id"], name=op.f("queue_controls_changed_by_fkey"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("queue", name=op.f("queue_controls_pkey")),
    )
    op.create_table(
        "webhooks",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.Column("states", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("job_types", sa.ARRAY(sa.Text()), nullable=True),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("previous_secret", sa.Text(), nullable=True),
        sa.Column("previous_secret_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("is_enabled", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("disabled_reason", sa.Text(), nullable=True),
        sa.Column("failing_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failure_count", sa.Integer(), server_default="0", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("webhooks_user_id_fkey"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("webhooks_pkey")),
    )
    op.create_index("webhooks_user", "webhooks", ["user_id"], unique=False)
    op.create_table(
        "job_logs",
        sa.Column("lease_token", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column("attempt", sa.SmallInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("fields", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("job_logs_job_id_fkey"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("lease_token", "seq", name=op.f("job_logs_pkey")),
    )
    op.create_index("job_logs_job", "job_logs", ["job_id", "id"], unique=False)
    op.create_table(
        "job_metrics",
        sa.Column("metric", sa.Text(), nullable=False),
        sa.Column("job_type", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("count", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("sum", sa.Double(), server_default="0", nullable=False),
        sa.Column("oldest_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "changed_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.PrimaryKeyConstraint("metric", "job_type", "label", name=op.f("job_metrics_pkey")),
        postgresql_with={"fillfactor": 50},
    )
    op.execute(
        "CREATE TABLE job_metrics_cursor (is_only boolean DEFAULT true CONSTRAINT job_metrics_cursor_pkey PRIMARY KEY"
        " CONSTRAINT job_metrics_cursor_is_only_check CHECK (is_only),"
        " snapshot pg_snapshot NOT NULL, floor_at timestamptz NOT NULL)"
    )
    op.execute("INSERT INTO job_metrics_cursor (snapshot, floor_at) VALUES ('1:1:', '-infinity')")
    op.create_table(
        "webhook_deliveries",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("webhook_id", sa.Uuid(), nullable=False),
        sa.Column("job_id", sa.Uuid(), nullable=True),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("body", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("state", sa.Text(), server_default="pending", nullable=False),
        sa.Column("attempt", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("attempts", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(state = 'pending') = (ended_at IS NULL)", name=op.f("webhook_deliveries_ended_check")),
        sa.CheckConstraint("state IN ('pending', 'delivered', 'failed')", name=op.f("webhook_deliveries_state_check")),
        sa.ForeignKeyConstraint(
            ["webhook_id"], ["webhooks.id"], name=op.f("webhook_deliveries_webhook_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("webhook_deliveries_pkey")),
    )
    op.create_index(
        "webhook_deliveries_due",
        "webhook_deliveries",
        ["next_attempt_at"],
        unique=False,
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.create_index(
        "webhook_deliveries_prune",
        "webhook_deliveries",
        ["ended_at"],
        unique=False,
        postgresql_where=sa.text("ended_at IS NOT NULL"),
    )
    op.create_index(
        "webhook_deliveries_turn",
        "webhook_deliveries",
        ["webhook_id", "next_attempt_at"],
        unique=False,
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.create_index(
        "webhook_deliveries_list",
        "webhook_deliveries",
        ["webhook_id", sa.literal_column("created_at DESC"), sa.literal_column("id DESC")],
        unique=False,
    )
    op.add_column("jobs", sa.Column("deadline_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("jobs", sa.Column("counters", postgresql.JSONB(astext_type=sa.Text()), nullable=True))
    op.add_column("jobs", sa.Column("summary", sa.Text(), nullable=True))
    op.add_column("jobs", sa.Column("is_short", sa.Boolean(), server_default="false", nullable=False))
    op.add_column("jobs", sa.Column("request_id", sa.Text(), nullable=True))
    op.add_column("jobs", sa.Column("batch_id", sa.Uuid(), nullable=True))
    op.add_column("jobs", sa.Column("schedule_id", sa.Uuid(), nullable=True))
    op.add_column("jobs", sa.Column("fire_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("jobs", sa.Column("parent_id", sa.Uuid(), nullable=True))
    op.add_column("jobs", sa.Column("parent_token", sa.Uuid(), nullable=True))
    op.add_column("jobs", sa.Column("child_index", sa.Integer(), nullable=True))
    op.add_column("jobs", sa.Column("depth", sa.SmallInteger(), server_default="0", nullable=False))
    op.add_column("jobs", sa.Column("fan_out", postgresql.JSONB(astext_type=sa.Text()), nullable=True))
    op.add_column("jobs", sa.Column("reuse_key", sa.LargeBinary(), nullable=True))
    op.add_column("jobs", sa.Column("reused_from", sa.Uuid(), nullable=True))
    op.drop_index(op.f("jobs_unannounced"), table_name="jobs", postgresql_where=sa.text("announced_version < version"))
    op.create_index(
        "jobs_batch", "jobs", ["batch_id", "state"], unique=False, postgresql_where=sa.text("batch_id IS NOT NULL")
    )
    op.create_index(
        "jobs_deadline",
        "jobs",
        ["deadline_at"],
        unique=False,
        postgresql_where=sa.text("deadline_at IS NOT NULL AND finished_at IS NULL"),
    )
    op.create_index(
        "jobs_open_children",
        "jobs",
        ["parent_id"],
        unique=False,
        postgresql_where=sa.text("parent_id IS NOT NULL AND finished_at IS NULL"),
    )
    op.create_index(
        "jobs_parent", "jobs", ["parent_id", "state"], unique=False, postgresql_where=sa.text("parent_id IS NOT NULL")
    )
    op.create_index(
        "jobs_reuse",
        "jobs",
        ["user_id", "reuse_key"],
        unique=False,
        postgresql_where=sa.text("reuse_key IS NOT NULL AND state = 'succeeded'"),
    )
    op.create_index(
        "jobs_reused_from", "jobs", ["reused_from"], unique=False, postgresql_where=sa.text("reused_from IS NOT NULL")
    )
    op.create_index(
        "jobs_schedule",
        "jobs",
        ["schedule_id", "fire_at"],
        unique=True,
        postgresql_where=sa.text("schedule_id IS NOT NULL"),
    )
    op.create_index("jobs_waiting", "jobs", ["id"], unique=False, postgresql_where=sa.text("state = 'waiting'"))
    op.create_check_constraint(
        op.f("jobs_waiting_has_fan_out_check"), "jobs", "state <> 'waiting' OR fan_out IS NOT NULL"
    )
    op.create_check_constraint(op.f("jobs_child_has_depth_check"), "jobs", "(parent_id IS NULL) = (depth = 0)")
    op.create_check_constraint(
        op.f("jobs_scheduled_has_fire_time_check"), "jobs", "(schedule_id IS NULL) = (fire_at IS NULL)"
    )
    op.create_check_constraint(op.f("jobs_summary_is_short_check"), "jobs", "octet_length(summary) <= 200")
    op.execute(
        "INSERT INTO job_outbox (job_id, version) SELECT id, version FROM jobs WHERE announced_version < version"
    )
    op.drop_column("jobs", "announced_version")


def downgrade() -> None:
    op.add_column(
        "jobs",
        sa.Column("announced_version", sa.INTEGER(), server_default=sa.text("0"), autoincrement=False, nullable=False),
    )
    op.execute("UPDATE jobs SET announced_version = version WHERE id NOT IN (SELECT job_id FROM job_outbox)")
    op.drop_index("jobs_waiting", table_name="jobs", postgresql_where=sa.text("state = 'waiting'"))
    op.drop_index("jobs_schedule", table_name="jobs", postgresql_where=sa.text("schedule_id IS NOT NULL"))
    op.drop_index("jobs_reused_from", table_name="jobs", postgresql_where=sa.text("reused_from IS NOT NULL"))
    op.drop_index(
        "jobs_reuse", table_name="jobs", postgresql_where=sa.text("reuse_key IS NOT NULL AND state = 'succeeded'")
    )
    op.drop_index(
        "jobs_open_children",
        table_name="jobs",
        postgresql_where=sa.text("parent_id IS NOT NULL AND finished_at IS NULL"),
    )
    op.drop_index("jobs_parent", table_name="jobs", postgresql_where=sa.text("parent_id IS NOT NULL"))
    op.drop_index(
        "jobs_deadline", table_name="jobs", postgresql_where=sa.text("deadline_at IS NOT NULL AND finished_at IS NULL")
    )
    op.drop_index("jobs_batch", table_name="jobs", postgresql_where=sa.text("batch_id IS NOT NULL"))
    op.create_index(
        op.f("jobs_unannounced"),
        "jobs",
        ["changed_at"],
        unique=False,
        postgresql_where=sa.text("announced_version < version"),
    )
    op.drop_column("jobs", "reused_from")
    op.drop_column("jobs", "reuse_key")
    op.drop_column("jobs", "fan_out")
    op.drop_column("jobs", "depth")
    op.drop_column("jobs", "child_index")
    op.drop_column("jobs", "parent_token")
    op.drop_column("jobs", "parent_id")
    op.drop_column("jobs", "fire_at")
    op.drop_column("jobs", "schedule_id")
    op.drop_column("jobs", "batch_id")
    op.drop_column("jobs", "request_id")
    op.drop_column("jobs", "is_short")
    op.drop_column("jobs", "summary")
    op.drop_column("jobs", "counters")
    op.drop_column("jobs", "deadline_at")
    op.drop_index("webhook_deliveries_list", table_name="webhook_deliveries")
    op.drop_index(
        "webhook_deliveries_prune",
        table_name="webhook_deliveries",
        postgresql_where=sa.text("ended_at IS NOT NULL"),
    )
    op.drop_index(
        "webhook_deliveries_turn", table_name="webhook_deliveries", postgresql_where=sa.text("state = 'pending'")
    )
    op.drop_index(
        "webhook_deliveries_due", table_name="webhook_deliveries", postgresql_where=sa.text("state = 'pending'")
    )
    op.drop_table("webhook_deliveries")
    op.drop_index("job_logs_job", table_name="job_logs")
    op.drop_table("job_logs")
    op.drop_index("webhooks_user", table_name="webhooks")
    op.drop_table("webhooks")
    op.drop_table("job_metrics_cursor")
    op.drop_table("job_metrics")
    op.drop_table("queue_controls")
    op.drop_index(
        "job_schedules_due",
        table_name="job_schedules",
        postgresql_where=sa.text("next_fire_at IS NOT NULL AND NOT is_paused"),
    )
    op.drop_table("job_schedules")
    op.drop_index(
        "job_batches_unannounced",
        table_name="job_batches",
        postgresql_where=sa.text("finished_at IS NOT NULL AND announced_at IS NULL"),
    )
    op.drop_index("job_batches_open", table_name="job_batches", postgresql_where=sa.text("finished_at IS NULL"))
    op.drop_index("job_batches_list", table_name="job_batches")
    op.drop_index(
        "job_batches_idempotency", table_name="job_batches", postgresql_where=sa.text("idempotency_key IS NOT NULL")
    )
    op.drop_table("job_batches")
    op.drop_table("job_outbox")
