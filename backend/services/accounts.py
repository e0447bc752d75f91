"""Users and their bearer tokens: made, checked, listed, revoked.

A token reads `ait_<id>_<secret>`. The database keeps the id and the secret's SHA-256; the token itself is shown once.
A fast hash is right here: the secret has 256 random bits, so there is nothing to guess from a dictionary.
"""

import argparse
import hashlib
import hmac
import re
import secrets
import sys
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Self, get_args
from uuid import UUID

from sqlalchemy import Connection, Engine, RowMapping
from sqlalchemy.ext.asyncio import AsyncEngine

from backend.core.db import accounts
from backend.core.db.lines import AsyncLine
from backend.core.db.many_jobs import Proof
from backend.core.db.sessions import sync_engine
from backend.core.errors import Invalid, NotFound, Unauthenticated
from backend.core.ids import new_id
from backend.core.jobs.registry import Role
from backend.core.private_files import write_private
from backend.core.user import User
from backend.services.coalescing import Coalescer
from backend.settings import Settings

ADMIN_NAME = "admin"
MAX_LOOKS = 200
MAX_KNOWN = 10_000
REMEMBER_S = 10.0
"""How long a token's user is remembered; what is done by memory alone is checked by the statement that does it."""
USER_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")


@dataclass(frozen=True)
class TokenRecord:
    """What is known about a token after it was shown."""

    id: str
    user: str
    role: str
    created_at: datetime


@dataclass(frozen=True, repr=False)
class Token:
    id: str
    secret: str

    @classmethod
    def new(cls) -> Self:
        return cls(secrets.token_hex(8), secrets.token_urlsafe(32))

    @classmethod
    def parse(cls, text: str) -> Self:
        prefix, _, rest = text.partition("_")
        token_id, _, secret = rest.partition("_")
        if prefix != "ait" or not re.fullmatch(r"[0-9a-f]{16}", token_id) or not secret.isascii():
            raise Unauthenticated("the bearer token is not one of ours: expected ait_<id>_<secret>")
        return cls(token_id, secret)

    @property
    def text(self) -> str:
        return f"ait_{self.id}_{self.secret}"

    @property
    def secret_sha256(self) -> bytes:
        return hashlib.sha256(self.secret.encode()).digest()


@dataclass(frozen=True)
class Known:
    """A user as known a moment ago, and the proof that whoever trusts in that must have checked."""

    user: User
    proof: Proof
    until: float


class Authenticator:
    """Knows users by their tokens. Questions that come together are one look into the database."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._line = AsyncLine(engine)
        self._looks = Coalescer(self._rows_of, at_most=MAX_LOOKS)
        self._known: OrderedDict[bytes, Known] = OrderedDict()

    async def user_of(self, text: str) -> User:
        """Return the user whom a bearer token belongs to."""
        token = Token.parse(text)
        user = _checked(token, await self._looks.ask(token.id))
        until = time.monotonic() + REMEMBER_S
        self._known[_digest(text)] = Known(user, Proof(token.id, user.role), until)
        if len(self._known) > MAX_KNOWN:
            self._known.popitem(last=False)
        return user

    def remembered(self, text: str) -> Known | None:
        """Return who had this token a moment ago: only for a write that takes the proof along; see `NewJob`."""
        known = self._known.get(_digest(text))
        return known if known is not None and time.monotonic() < known.until else None

    async def close(self) -> None:
        await self._line.close()

    async def _rows_of(self, token_ids: Sequence[str]) -> Sequence[RowMapping | None]:
        rows = await self._line.rows(accounts.users_by_tokens(set(token_ids)))
        by_id = {row["token_id"]: row for row in rows}
        return [by_id.get(token_id) for token_id in token_ids]


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def create_token(engine: Engine, *, user_name: str, role: Role | None) -> Token:
    """Return a new token for a user, who is made when new (role `free` if none is given).

    An id stands for the user who has it. It never becomes a name: one word would then mean two users.
    """
    _require_name_and_role(user_name, role)
    with engine.begin() as connection:
        user = _with_role(connection, _find_or_add(connection, user_name, role), role)
        token = Token.new()
        connection.execute(accounts.add_token(token.id, user.id, token.secret_sha256))
    return token


def list_tokens(engine: Engine) -> list[TokenRecord]:
    """Return all tokens there are, without their secrets."""
    with engine.connect() as connection:
        rows = connection.execute(accounts.all_tokens()).mappings().all()
    return [TokenRecord(row["id"], row["name"], row["role"], row["created_at"]) for row in rows]


def revoke_token(engine: Engine, token_id: str) -> None:
    """Make a token worthless, now."""
    with engine.begin() as connection:
        if connection.execute(accounts.drop_token(token_id)).rowcount == 0:
            raise NotFound(f"there is no token with the id {token_id!r}")


def find_user(connection: Connection, name_or_id: str) -> User:
    """Return the user of that name or id."""
    row = connection.execute(accounts.user_by_name_or_id(name_or_id)).mappings().one_or_none()
    if row is None:
        raise NotFound(f"there is no user with the name or id {name_or_id!r}; `aitrader token create` makes one")
    return User(row["id"], row["name"], row["role"])


def ensure_admin_token(engine: Engine, file: Path) -> None:
    """Leave a working admin token in a private file; one that works already stays."""
    if file.exists() and _works(engine, file.read_text().strip()):
        return
    token = create_token(engine, user_name=ADMIN_NAME, role="admin")
    write_private(file, token.text + "\n")


def _works(engine: Engine, text: str) -> bool:
    try:
        token = Token.parse(text)
        with engine.connect() as connection:
            row = connection.execute(accounts.users_by_tokens([token.id])).mappings().one_or_none()
        return _checked(token, row).is_admin
    except Unauthenticated:
        return False


def _checked(token: Token, row: RowMapping | None) -> User:
    if row is None or not hmac.compare_digest(row["secret_sha256"], token.secret_sha256):
        raise Unauthenticated("the bearer token is not known, or was revoked")
    return User(row["id"], row["name"], row["role"])


def _require_name_and_role(user_name: str, role: str | None) -> None:
    if not USER_NAME.fullmatch(user_name):
        raise Invalid(f"a user name has 1 to 64 letters, digits or . _ @ -, it was {user_name[:80]!r}")
    if role is not None and role not in get_args(Role):
        raise Invalid(f"a role is one of {', '.join(get_args(Role))}, it was {role!r}")


def _find_or_add(connection: Connection, user_name: str, role: Role | None) -> User:
    user_id = _as_id(user_name)
    if user_id is not None:
        return _find_by_id(connection, user_id)
    added = connection.execute(accounts.add_user(new_id(), user_name, role or "free")).mappings().one_or_none()
    if added is not None:
        return User(added["id"], added["name"], added["role"])
    return find_user(connection, user_name)


def _find_by_id(connection: Connection, user_id: UUID) -> User:
    try:
        return find_user(connection, str(user_id))
    except NotFound as error:
        raise Invalid(f"expected a name, or the id of a user there is; it was the id {user_id}, of nobody") from error


def _as_id(user_name: str) -> UUID | None:
    try:
        return UUID(user_name)
    except ValueError:
        return None


def _with_role(connection: Connection, user: User, role: Role | None) -> User:
    if role is None or role == user.role:
        return user
    connection.execute(accounts.set_role(user.id, role))
    return User(user.id, user.name, role)


def main() -> int:
    """Write a working admin token into a file: how the local stack lets its owner in."""
    parser = argparse.ArgumentParser(prog="python -m backend.services.accounts")
    commands = parser.add_subparsers(required=True)
    ensure = commands.add_parser("ensure-admin", help="leave a working admin token in FILE (mode 0600)")
    ensure.add_argument("file", type=Path)
    file: Path = parser.parse_args().file
    engine = sync_engine(Settings().database)
    try:
        ensure_admin_token(engine, file)
    finally:
        engine.dispose()
    return 0


if __name__ == "__main__":
    sys.exit(main())
