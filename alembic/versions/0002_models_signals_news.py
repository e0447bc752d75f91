"""models, signals and news"""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "articles",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("key_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("publisher", sa.Text(), nullable=True),
        sa.Column("url", sa.Text(), nullable=True),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("summary", sa.Text(), server_default="", nullable=False),
        sa.Column("language", sa.Text(), nullable=True),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("articles_pkey")),
        sa.UniqueConstraint("key_sha256", name=op.f("articles_key_sha256_key")),
    )
    op.create_index("articles_published", "articles", [sa.literal_column("published_at DESC")], unique=False)
    op.create_table(
        "models",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("task", sa.Text(), nullable=False),
        sa.Column("stage", sa.Text(), server_default="candidate", nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("manifest", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("card", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("promoted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(stage = 'retired') = (retired_at IS NOT NULL)", name=op.f("models_retired_has_time_check")
        ),
        sa.CheckConstraint("source IN ('shipped', 'store')", name=op.f("models_source_check")),
        sa.CheckConstraint(
            "stage <> 'champion' OR promoted_at IS NOT NULL", name=op.f("models_champion_was_promoted_check")
        ),
        sa.CheckConstraint("stage IN ('candidate', 'champion', 'retired')", name=op.f("models_stage_check")),
        sa.CheckConstraint("task IN ('suggestion', 'sentiment')", name=op.f("models_task_check")),
        sa.PrimaryKeyConstraint("name", "version", name=op.f("models_pkey")),
    )
    op.create_index("models_champion", "models", ["name"], unique=True, postgresql_where=sa.text("stage = 'champion'"))
    op.create_table(
        "article_scores",
        sa.Column("article_id", sa.BigInteger(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("model_version", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("score", sa.Double(), nullable=False),
        sa.Column("p_negative", sa.Double(), nullable=True),
        sa.Column("p_neutral", sa.Double(), nullable=True),
        sa.Column("p_positive", sa.Double(), nullable=True),
        sa.Column("relevance", sa.Double(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("label IN ('negative', 'neutral', 'positive')", name=op.f("article_scores_label_check")),
        sa.CheckConstraint("relevance BETWEEN 0 AND 1", name=op.f("article_scores_relevance_check")),
        sa.CheckConstraint("score BETWEEN -1 AND 1", name=op.f("article_scores_score_check")),
        sa.ForeignKeyConstraint(
            ["article_id"], ["articles.id"], name=op.f("article_scores_article_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("article_id", "symbol", "model_version", name=op.f("article_scores_pkey")),
    )
    op.create_table(
        "article_symbols",
        sa.Column("article_id", sa.BigInteger(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["article_id"], ["articles.id"], name=op.f("article_symbols_article_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("article_id", "symbol", name=op.f("article_symbols_pkey")),
    )
    op.create_index(
        "article_symbols_symbol", "article_symbols", ["symbol", sa.literal_column("article_id DESC")], unique=False
    )
    op.create_table(
        "signals",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("job_id", sa.Uuid(), nullable=True),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("timeframe", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("p_buy", sa.Double(), nullable=False),
        sa.Column("p_hold", sa.Double(), nullable=False),
        sa.Column("p_sell", sa.Double(), nullable=False),
        sa.Column("expected_return_frac", sa.Double(), nullable=False),
        sa.Column("entry", sa.Double(), nullable=False),
        sa.Column("stop", sa.Double(), nullable=True),
        sa.Column("target", sa.Double(), nullable=True),
        sa.Column("size_frac", sa.Double(), nullable=False),
        sa.Column("confidence", sa.Double(), nullable=False),
        sa.Column("horizon_bars", sa.Integer(), nullable=False),
        sa.Column("as_of", sa.DateTime(timezone=True), nullable=False),
        sa.Column("is_in_sample", sa.Boolean(), nullable=False),
        sa.Column("models", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("announced_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("outcome_return_frac", sa.Double(), nullable=True),
        sa.Column("exit_price", sa.Double(), nullable=True),
        sa.Column("exit_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("scored_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tried_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("action IN ('buy', 'sell', 'hold')", name=op.f("signals_action_check")),
        sa.CheckConstraint("outcome IN ('target', 'stop', 'timeout')", name=op.f("signals_outcome_check")),
        sa.CheckConstraint("(outcome IS NULL) = (scored_at IS NULL)", name=op.f("signals_scored_has_outcome_check")),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("signals_job_id_fkey"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("signals_user_id_fkey"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("signals_pkey")),
        sa.UniqueConstraint("job_id", "symbol", name=op.f("signals_job_id_symbol_key")),
    )
    op.create_index(
        "signals_list",
        "signals",
        ["user_id", sa.literal_column("created_at DESC"), sa.literal_column("id DESC")],
        unique=False,
    )
    op.create_index(
        "signals_list_of_all",
        "signals",
        [sa.literal_column("created_at DESC"), sa.literal_column("id DESC")],
        unique=False,
    )
    op.create_index("signals_symbol", "signals", ["user_id", "symbol", sa.literal_column("as_of DESC")], unique=False)
    op.create_index(
        "signals_unannounced", "signals", ["created_at"], unique=False, postgresql_where=sa.text("announced_at IS NULL")
    )
    op.create_index(
        "signals_unscored",
        "signals",
        ["tried_at", "id"],
        unique=False,
        postgresql_where=sa.text("outcome IS NULL"),
    )
    op.create_index(
        "signals_unscored_series",
        "signals",
        ["user_id", "timeframe", "symbol"],
        unique=False,
        postgresql_where=sa.text("outcome IS NULL"),
    )


def downgrade() -> None:
    op.drop_index("signals_unscored_series", table_name="signals", postgresql_where=sa.text("outcome IS NULL"))
    op.drop_index("signals_unscored", table_name="signals", postgresql_where=sa.text("outcome IS NULL"))
    op.drop_index("signals_unannounced", table_name="signals", postgresql_where=sa.text("announced_at IS NULL"))
    op.drop_index("signals_symbol", table_name="signals")
    op.drop_index("signals_list_of_all", table_name="signals")
    op.drop_index("signals_list", table_name="signals")
    op.drop_table("signals")
    op.drop_index("article_symbols_symbol", table_name="article_symbols")
    op.drop_table("article_symbols")
    op.drop_table("article_scores")
    op.drop_index("models_champion", table_name="models", postgresql_where=sa.text("stage = 'champion'"))
    op.drop_table("models")
    op.drop_index("articles_published", table_name="articles")
    op.drop_table("articles")
