"""Lines: connections that stay open for one statement after the other, each a transaction of its own.

A pool asks its connections whether they live, begins and commits: three round trips around a statement of one. Here
the server's good-bye is read off the socket, where it lies since the server left.
"""

import select
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Executable, RowMapping
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

AUTOCOMMIT = "AUTOCOMMIT"


class AsyncLine:
    """One connection, for one caller at a time. It is made when first needed, and again after it broke."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._connection: AsyncConnection | None = None

    async def rows(
        self,
        statement: Executable,
        parameters: Mapping[str, Any] | None = None,  # Any: SQL values
    ) -> Sequence[RowMapping]:
        """Execute one statement and return its rows; raises SQLAlchemyError when it, or the database, will not."""
        connection = await self._connected()
        try:
            return (await connection.execute(statement, parameters)).mappings().all()
        except SQLAlchemyError:
            if connection.invalidated:
                await self.close()
            raise

    async def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.invalidate()
            await connection.close()

    async def _connected(self) -> AsyncConnection:
        if self._connection is not None and has_word((await self._connection.get_raw_connection()).driver_connection):
            await self.close()
        if self._connection is None:
            connection = await self._engine.connect()
            self._connection = await connection.execution_options(isolation_level=AUTOCOMMIT)
        return self._connection


def has_word(driver: Any) -> bool:  # Any: psycopg's connection, sync or async
    """Tell whether the server said something unasked: all it says of itself is that the connection ends."""
    return driver.closed or bool(select.select([driver.fileno()], [], [], 0)[0])
