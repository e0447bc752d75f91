"""first tables"""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "users",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("role IN ('free', 'premium', 'admin')", name=op.f("users_role_check")),
        sa.PrimaryKeyConstraint("id", name=op.f("users_pkey")),
        sa.UniqueConstraint("name", name=op.f("users_name_key")),
    )
    op.create_table(
        "bar_series",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("timeframe", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), server_default="1", nullable=False),
        sa.Column("bar_count", sa.BigInteger(), nullable=False),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f("bar_series_owner_id_fkey"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("bar_series_pkey")),
        sa.UniqueConstraint(
            "owner_id",
            "symbol",
            "timeframe",
            name=op.f("bar_series_owner_id_symbol_timeframe_key"),
            postgresql_nulls_not_distinct=True,
        ),
    )
    op.create_table(
        "job_lanes",
        sa.Column("queue", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("max_running", sa.Integer(), nullable=True),
        sa.Column("running", sa.Integer(), server_default="0", nullable=False),
        sa.Column("last_claimed_at", sa.DateTime(timezone=True), server_default=sa.text("'epoch'"), nullable=False),
        sa.CheckConstraint("running >= 0", name=op.f("job_lanes_running_check")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("job_lanes_user_id_fkey"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("queue", "user_id", name=op.f("job_lanes_pkey")),
        postgresql_with={"fillfactor": 50},
    )
    op.create_index("job_lanes_claim", "job_lanes", ["queue", "running", "last_claimed_at"], unique=False)
    op.create_table(
        "jobs",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("job_type", sa.Text(), nullable=False),
        sa.Column("queue", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("priority", sa.SmallInteger(), server_default="5", nullable=False),
        sa.Column("attempt", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("max_attempts", sa.SmallInteger(), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("announced_version", sa.Integer(), server_default="0", nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("run_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease_token", sa.Uuid(), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempt_ends_by", sa.DateTime(timezone=True), nullable=True),
        sa.Column("worker_id", sa.Text(), nullable=True),
        sa.Column("worker_pid", sa.Integer(), nullable=True),
        sa.Column("cancel_requested_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("progress", sa.Double(), server_default="0", nullable=False),
        sa.Column("stage", sa.Text(), nullable=True),
        sa.Column("idempotency_key", sa.Text(), nullable=True),
        sa.Column("request_hash", sa.LargeBinary(), nullable=False),
        sa.Column("payload", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("result", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("error", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.CheckConstraint(
            "(state = 'running') = (lease_token IS NOT NULL)", name=op.f("jobs_running_has_lease_check")
        ),
        sa.CheckConstraint(
            "(state IN ('cancelled', 'failed', 'succeeded')) = (finished_at IS NOT NULL)",
            name=op.f("jobs_terminal_is_finished_check"),
        ),
        sa.CheckConstraint(
            "NOT (state = 'queued' AND cancel_requested_at IS NOT NULL)",
            name=op.f("jobs_queued_is_wanted_check"),
        ),
        sa.CheckConstraint(
            "state IN ('cancelled', 'failed', 'queued', 'running', 'scheduled', 'succeeded', 'waiting')",
            name=op.f("jobs_state_check"),
        ),
        sa.CheckConstraint("max_attempts > 0", name=op.f("jobs_max_attempts_check")),
        sa.CheckConstraint("priority BETWEEN 0 AND 9", name=op.f("jobs_priority_check")),
        sa.CheckConstraint("progress BETWEEN 0 AND 1", name=op.f("jobs_progress_check")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("jobs_user_id_fkey"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("jobs_pkey")),
        postgresql_with={
            "fillfactor": 70,
            "autovacuum_vacuum_scale_factor": 0,
            "autovacuum_vacuum_threshold": 500,
        },
    )
    op.create_index(
        "jobs_claim",
        "jobs",
        ["queue", "user_id", "priority", "run_at", "id"],
        unique=False,
        postgresql_where=sa.text("state = 'queued'"),
    )
    op.create_index("jobs_due", "jobs", ["run_at"], unique=False, postgresql_where=sa.text("state = 'scheduled'"))
    op.create_index(
        "jobs_idempotency",
        "jobs",
        ["user_id", "idempotency_key"],
        unique=True,
        postgresql_where=sa.text("idempotency_key IS NOT NULL"),
    )
    op.create_index(
        "jobs_list",
        "jobs",
        ["user_id", sa.literal_column("created_at DESC"), sa.literal_column("id DESC")],
        unique=False,
    )
    op.create_index(
        "jobs_list_all",
        "jobs",
        [sa.literal_column("created_at DESC"), sa.literal_column("id DESC")],
        unique=False,
    )
    op.create_index(
        "jobs_unfinished",
        "jobs",
        ["user_id", sa.literal_column("created_at DESC")],
        unique=False,
        postgresql_where=sa.text("finished_at IS NULL"),
    )
    op.create_index(
        "jobs_prune",
        "jobs",
        ["finished_at"],
        unique=False,
        postgresql_where=sa.text("finished_at IS NOT NULL"),
    )
    op.create_index(
        "jobs_running",
        "jobs",
        ["queue", "user_id"],
        unique=False,
        postgresql_where=sa.text("state = 'running'"),
    )
    op.create_index(
        "jobs_unannounced",
        "jobs",
        ["changed_at"],
        unique=False,
        postgresql_where=sa.text("announced_version < version"),
    )
    op.create_table(
        "user_tokens",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("secret_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("user_tokens_user_id_fkey"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("user_tokens_pkey")),
    )
    op.create_index("user_tokens_user", "user_tokens", ["user_id"], unique=False)
    op.create_table(
        "artifacts",
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("row_count", sa.BigInteger(), nullable=False),
        sa.Column("byte_count", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("artifacts_job_id_fkey"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("job_id", "name", name=op.f("artifacts_pkey")),
    )
    op.create_table(
        "backtest_results",
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("timeframe", sa.Text(), nullable=False),
        sa.Column("strategy_kind", sa.Text(), nullable=False),
        sa.Column("strategy", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("first_bar_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_bar_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("initial_cash", sa.Numeric(), nullable=False),
        sa.Column("final_equity", sa.Numeric(), nullable=False),
        sa.Column("total_fees", sa.Numeric(), nullable=False),
        sa.Column("total_return_frac", sa.Double(), nullable=False),
        sa.Column("cagr_frac", sa.Double(), nullable=True),
        sa.Column("sharpe", sa.Double(), nullable=True),
        sa.Column("sortino", sa.Double(), nullable=True),
        sa.Column("max_drawdown_frac", sa.Double(), nullable=True),
        sa.Column("trade_count", sa.Integer(), nullable=False),
        sa.Column("win_rate_frac", sa.Double(), nullable=True),
        sa.Column("profit_factor", sa.Double(), nullable=True),
        sa.Column("data_fingerprint", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("backtest_results_job_id_fkey"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("backtest_results_user_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("job_id", name=op.f("backtest_results_pkey")),
    )
    op.create_index(
        "backtest_results_list",
        "backtest_results",
        ["user_id", sa.literal_column("created_at DESC")],
        unique=False,
    )
    op.create_table(
        "bars",
        sa.Column("series_id", sa.BigInteger(), nullable=False),
        sa.Column("time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("open", sa.Double(), nullable=False),
        sa.Column("high", sa.Double(), nullable=False),
        sa.Column("low", sa.Double(), nullable=False),
        sa.Column("close", sa.Double(), nullable=False),
        sa.Column("volume", sa.Double(), nullable=False),
        sa.CheckConstraint(
            "low <= LEAST(open, close) AND GREATEST(open, close) <= high AND low > 0",
            name=op.f("bars_ordered_check"),
        ),
        sa.ForeignKeyConstraint(["series_id"], ["bar_series.id"], name=op.f("bars_series_id_fkey"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("series_id", "time", name=op.f("bars_pkey")),
    )
    op.create_table(
        "job_attempts",
        sa.Column("lease_token", sa.Uuid(), nullable=False),
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column("attempt", sa.SmallInteger(), nullable=False),
        sa.Column("worker_id", sa.Text(), nullable=False),
        sa.Column("worker_pid", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("error", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("job_attempts_job_id_fkey"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("lease_token", name=op.f("job_attempts_pkey")),
    )
    op.create_index("job_attempts_job", "job_attempts", ["job_id", "started_at"], unique=False)
    op.create_table(
        "probe_effects",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column("attempt", sa.SmallInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("probe_effects_job_id_fkey"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("probe_effects_pkey")),
    )
    op.create_index("probe_effects_job", "probe_effects", ["job_id"], unique=False)


def downgrade() -> None:
    op.drop_index("probe_effects_job", table_name="probe_effects")
    op.drop_table("probe_effects")
    op.drop_index("job_attempts_job", table_name="job_attempts")
    op.drop_table("job_attempts")
    op.drop_table("bars")
    op.drop_index("backtest_results_list", table_name="backtest_results")
    op.drop_table("backtest_results")
    op.drop_table("artifacts")
    op.drop_index("user_tokens_user", table_name="user_tokens")
    op.drop_table("user_tokens")
    op.drop_index("jobs_unannounced", table_name="jobs", postgresql_where=sa.text("announced_version < version"))
    op.drop_index("jobs_running", table_name="jobs", postgresql_where=sa.text("state = 'running'"))
    op.drop_index("jobs_prune", table_name="jobs", postgresql_where=sa.text("finished_at IS NOT NULL"))
    op.drop_index("jobs_unfinished", table_name="jobs", postgresql_where=sa.text("finished_at IS NULL"))
    op.drop_index("jobs_list_all", table_name="jobs")
    op.drop_index("jobs_list", table_name="jobs")
    op.drop_index("jobs_idempotency", table_name="jobs", postgresql_where=sa.text("idempotency_key IS NOT NULL"))
    op.drop_index("jobs_due", table_name="jobs", postgresql_where=sa.text("state = 'scheduled'"))
    op.drop_index("jobs_claim", table_name="jobs", postgresql_where=sa.text("state = 'queued'"))
    op.drop_table("jobs")
    op.drop_index("job_lanes_claim", table_name="job_lanes")
    op.drop_table("job_lanes")
    op.drop_table("bar_series")
    op.drop_table("users")
