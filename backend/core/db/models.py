"""The statements on the table of models: which there are, which serve, and who served before."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Select, Update, case, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.sql.dml import ReturningInsert, ReturningUpdate

from backend.core.db.research_tables import models

CLOCK = func.clock_timestamp()  # not now(): who waited for a lock began earlier than whom they waited for
FALLBACKS = 5
"""How many former champions are looked at when a champion's files are refused."""

LISTED = tuple(column for column in models.c if column.name != "card")


def list_models(name: str | None = None) -> Select[Any]:
    """Select all models, or all versions of one, without their cards; who serves first, then the newest."""
    statement = select(*LISTED).order_by(
        models.c.name, models.c.stage != "champion", models.c.promoted_at.desc().nulls_last(), models.c.version.desc()
    )
    return statement if name is None else statement.where(models.c.name == name)


def find_model(name: str, version: str) -> Select[Any]:
    return select(models).where(models.c.name == name, models.c.version == version)


def lock_versions(name: str) -> Select[Any]:
    """Select all versions of a model for a change of its champion; others who want one wait."""
    return select(*LISTED).where(models.c.name == name).order_by(models.c.version).with_for_update()


def serving_models(task: str) -> Select[Any]:
    """Select a task's champions, each followed by those that may stand in for it, the best first.

    Of former champions those that were promoted before it come first, since one from after was rolled back from;
    then who served last.
    """
    champion = models.alias("champion")
    was_before = models.c.promoted_at <= champion.c.promoted_at
    rank = func.row_number().over(
        partition_by=models.c.name,
        order_by=(models.c.stage != "champion", case((was_before, 0), else_=1), models.c.retired_at.desc()),
    )
    ranked = (
        select(*(models.c[name] for name in ("name", "version", "sha256", "source", "stage")), rank.label("rank"))
        .join(champion, (champion.c.name == models.c.name) & (champion.c.stage == "champion"))
        .where(models.c.task == task, models.c.stage != "candidate")
        .subquery()
    )
    return select(ranked).where(ranked.c.rank <= 1 + FALLBACKS).order_by(ranked.c.name, ranked.c.rank)


def add_model(values: Mapping[str, Any]) -> ReturningInsert[Any]:  # Any: column values
    """Insert a model unless it is there; a row comes back only when it was new."""
    return insert(models).values(**values).on_conflict_do_nothing().returning(models.c.version)


def retire_champion(name: str) -> Update:
    is_champion = (models.c.name == name) & (models.c.stage == "champion")
    return update(models).where(is_champion).values(stage="retired", retired_at=CLOCK)


def make_champion(name: str, version: str) -> ReturningUpdate[Any]:
    """Let a version serve, from now on."""
    return _serve(name, version).values(promoted_at=CLOCK).returning(*LISTED)


def restore_champion(name: str, version: str) -> ReturningUpdate[Any]:
    """Let a version serve again. When it was promoted stays, so that the next rollback goes further back."""
    return _serve(name, version).returning(*LISTED)


def _serve(name: str, version: str) -> Update:
    this = (models.c.name == name) & (models.c.version == version)
    return update(models).where(this).values(stage="champion", retired_at=None)
