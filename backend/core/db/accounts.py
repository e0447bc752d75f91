"""The statements on users and their tokens."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Delete, Select, Text, cast, delete, func, insert, or_, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.sql.dml import ReturningInsert

from backend.core.db.tables import user_tokens, users


def users_by_tokens(token_ids: Collection[str]) -> Select[Any]:
    """Select the users who have these tokens, with what it takes to check a secret."""
    columns = (users, user_tokens.c.id.label("token_id"), user_tokens.c.secret_sha256)
    return select(*columns).join(user_tokens).where(user_tokens.c.id == func.any(cast(list(token_ids), ARRAY(Text))))


def user_by_name_or_id(name_or_id: str) -> Select[Any]:
    return select(users).where(or_(users.c.name == name_or_id, cast(users.c.id, Text) == name_or_id.lower()))


def add_user(user_id: UUID, name: str, role: str) -> ReturningInsert[Any]:
    """Insert a user; no row comes back when the name is taken."""
    statement = upsert(users).values(id=user_id, name=name, role=role)
    return statement.on_conflict_do_nothing(index_elements=["name"]).returning(users)


def set_role(user_id: UUID, role: str) -> Any:  # Any: SQLAlchemy's returning update has no short name
    return update(users).where(users.c.id == user_id).values(role=role).returning(users)


def add_token(token_id: str, user_id: UUID, secret_sha256: bytes) -> Any:  # Any: the same
    return insert(user_tokens).values(id=token_id, user_id=user_id, secret_sha256=secret_sha256)


def all_tokens() -> Select[Any]:
    """Select the tokens there are, oldest first, without what would let anybody use them."""
    columns = (user_tokens.c.id, users.c.name, users.c.role, user_tokens.c.created_at)
    return select(*columns).join(users).order_by(user_tokens.c.created_at)


def drop_token(token_id: str) -> Delete:
    return delete(user_tokens).where(user_tokens.c.id == token_id)
