"""Who a token is made for: a name makes a user, an id only ever means the user who has it."""

from collections.abc import Iterator
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine

from backend.core.db.sessions import sync_engine
from backend.core.errors import Invalid
from backend.core.user import User
from backend.services.accounts import Token, create_token, find_user, list_tokens
from backend.settings.connections import normal_database_url
from tests.platform import Platform


@pytest.fixture
def engine(scratch_platform: Platform) -> Iterator[Engine]:
    engine = sync_engine(normal_database_url(scratch_platform.database_url))
    yield engine
    engine.dispose()


def user(engine: Engine, name_or_id: str) -> User:
    with engine.begin() as connection:
        return find_user(connection, name_or_id)


def owner(engine: Engine, token: Token) -> str:
    """Return the name of the user whom a token was made for."""
    return next(record.user for record in list_tokens(engine) if record.id == token.id)


def spellings(user_id: UUID) -> list[str]:
    return [str(user_id), str(user_id).upper(), user_id.hex]


def test_id_of_a_user_makes_a_token_for_that_user(engine: Engine) -> None:
    create_token(engine, user_name="ann", role="premium")
    ann = user(engine, "ann")
    for spelling in spellings(ann.id):
        assert owner(engine, create_token(engine, user_name=spelling, role=None)) == "ann"
    assert user(engine, str(ann.id)) == ann
    assert {record.user for record in list_tokens(engine)} == {"ann"}


def test_id_and_a_role_change_the_role_of_that_user(engine: Engine) -> None:
    create_token(engine, user_name="ann", role="free")
    ann = user(engine, "ann")
    create_token(engine, user_name=str(ann.id), role="admin")
    assert user(engine, "ann") == User(ann.id, "ann", "admin")


def test_id_of_nobody_never_becomes_a_name(engine: Engine) -> None:
    for spelling in spellings(uuid4()):
        with pytest.raises(Invalid, match="of nobody"):
            create_token(engine, user_name=spelling, role="free")
    assert list_tokens(engine) == []
