"""The use cases of models: which there are, which serve, and changing that."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import RowMapping, Select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.sql.dml import ReturningUpdate
from starlette.concurrency import run_in_threadpool

from backend.core.db import models as sql
from backend.core.errors import Conflict, Forbidden, NotFound, Unavailable
from backend.core.logging import get_logger
from backend.core.model_shelf import ModelRecord, ModelShelf
from backend.core.user import User
from model_files import ModelRefused

log = get_logger(__name__)


class NoPreviousChampion(Conflict):
    code = "no_previous_champion"


class Models:
    """All models, for every user to see; who serves is for admins to say."""

    def __init__(self, engine: AsyncEngine, shelf: ModelShelf) -> None:
        self._engine = engine
        self._shelf = shelf

    async def list(self) -> Sequence[RowMapping]:
        return await self._select(sql.list_models())

    async def versions(self, name: str) -> Sequence[RowMapping]:
        """Return all versions of a model, who serves first."""
        found = await self._select(sql.list_models(name))
        if not found:
            raise NotFound(f"there is no model called {name!r}")
        return found

    async def get(self, name: str, version: str) -> RowMapping:
        async with self._engine.connect() as connection:
            return await _found(connection, name, version)

    async def promote(self, user: User, name: str, version: str) -> RowMapping:
        """Let a version serve from the next job on; asking for what serves already changes nothing.

        Raises ModelRefused, and changes nothing, when its files are not what they were when it was made.
        """
        _require_admin(user)
        async with self._engine.connect() as connection:
            wanted = await _found(connection, name, version)
        if wanted["stage"] == "champion":
            return wanted
        await self._check(ModelRecord.of(wanted))
        async with self._engine.begin() as connection:
            versions = (await connection.execute(sql.lock_versions(name))).mappings().all()
            champion = _champion(versions)
            if champion is not None and champion["version"] == version:  # somebody else was faster
                return champion
            return await _crown(connection, name, sql.make_champion(name, version))

    async def rollback(self, user: User, name: str) -> RowMapping:
        """Let the version serve that did before the one that serves now; twice goes two back."""
        _require_admin(user)
        versions = await self.versions(name)
        previous = _previous(name, versions)
        await self._check(ModelRecord.of(previous))
        async with self._engine.begin() as connection:
            now = (await connection.execute(sql.lock_versions(name))).mappings().all()
            if _champion_version(now) != _champion_version(versions):
                raise Conflict(f"somebody else changed which version of {name} serves; look, and ask again")
            return await _crown(connection, name, sql.restore_champion(name, previous["version"]))

    async def _select(self, statement: Select[Any]) -> Sequence[RowMapping]:
        async with self._engine.connect() as connection:
            rows: Sequence[RowMapping] = (await connection.execute(statement)).mappings().all()
        return rows

    async def _check(self, record: ModelRecord) -> None:
        try:
            await run_in_threadpool(self._shelf.check, record)
        except ModelRefused as error:
            log.warning("model_refused", model=str(record), error=str(error))
            raise
        except OSError as error:
            raise Unavailable(f"the files of {record} cannot be reached: {type(error).__name__}") from error


async def _found(connection: AsyncConnection, name: str, version: str) -> RowMapping:
    row: RowMapping | None = (await connection.execute(sql.find_model(name, version))).mappings().one_or_none()
    if row is None:
        raise NotFound(f"there is no model {name!r} of version {version!r}")
    return row


async def _crown(connection: AsyncConnection, name: str, statement: ReturningUpdate[Any]) -> RowMapping:
    """Retire who serves and let another serve, in the caller's transaction, which holds the lock."""
    await connection.execute(sql.retire_champion(name))
    crowned: RowMapping = (await connection.execute(statement)).mappings().one()
    log.info("model_promoted", model=name, version=crowned["version"])
    return crowned


def _champion(versions: Sequence[RowMapping]) -> RowMapping | None:
    return next((row for row in versions if row["stage"] == "champion"), None)


def _champion_version(versions: Sequence[RowMapping]) -> str | None:
    champion = _champion(versions)
    return None if champion is None else str(champion["version"])


def _previous(name: str, versions: Sequence[RowMapping]) -> RowMapping:
    """Return who served last of those promoted before the champion; those after it were rolled back from."""
    champion = _champion(versions)
    before = [
        row
        for row in versions
        if row["stage"] == "retired" and champion is not None and row["promoted_at"] < champion["promoted_at"]
    ]
    if not before:
        raise NoPreviousChampion(f"no version of {name} served before the one that serves now; nothing was changed")
    return max(before, key=lambda row: row["retired_at"])


def _require_admin(user: User) -> None:
    if not user.is_admin:
        raise Forbidden("only an admin may say which model serves")
