"""Where the two servers are: connections.json, and checks that they answer."""

from pathlib import Path
from urllib.parse import SplitResult, quote, urlsplit

import psycopg
from psycopg import sql
from pydantic import BaseModel, ConfigDict

from aitrader.stack.errors import ServerUnreachable
from aitrader.stack.ports import LOOPBACK
from backend.core.private_files import write_private

DATABASE = "aitrader"
DATABASE_USER = "aitrader"
CONNECT_TIMEOUT_S = 3
DEFAULT_PORTS = {"postgresql": 5432, "postgres": 5432, "redis": 6379, "rediss": 6379}


class Connections(BaseModel):
    """The URLs of both servers, passwords included: write it to private files only."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    database_url: str
    redis_url: str

    def write(self, path: Path) -> None:
        write_private(path, self.model_dump_json(indent=2) + "\n")


def database_url(*, password: str, port: int, database: str = DATABASE) -> str:
    return f"postgresql://{DATABASE_USER}:{quote(password, safe='')}@{LOOPBACK}:{port}/{database}"


def redis_url(*, password: str, port: int) -> str:
    return f"redis://:{quote(password, safe='')}@{LOOPBACK}:{port}/0"


def plain_database_url(url: str) -> str:
    """Return the URL without SQLAlchemy's `+driver`, as any client reads it."""
    scheme, separator, rest = url.partition("://")
    return scheme.partition("+")[0] + separator + rest


def address(url: str) -> str:
    """Return host:port of a URL, and nothing of it that is secret."""
    try:
        parts: SplitResult = urlsplit(url)
        port = parts.port or DEFAULT_PORTS.get(parts.scheme.partition("+")[0])
    except ValueError:
        return "an address that cannot be read"
    return f"{parts.hostname or 'localhost'}:{port}"


async def database_problem(url: str) -> str | None:
    """Return None when the database answers a query, else why not."""
    try:
        async with await _connect(url) as connection:
            await connection.execute("SELECT 1")
    except psycopg.ProgrammingError:  # its text may quote the URL, password and all
        return "it is not a URL of the form postgresql://user:password@host:port/database"
    except psycopg.Error as error:
        return _one_line(error)
    return None


async def require_database(url: str) -> None:
    problem = await database_problem(url)
    if problem is not None:
        raise ServerUnreachable(f"expected PostgreSQL at {address(url)} (DATABASE_URL) to answer: {problem}")


async def require_redis(url: str) -> None:
    problem = await _redis_problem(url)
    if problem is not None:
        raise ServerUnreachable(f"expected Redis at {address(url)} (REDIS_URL) to answer: {problem}")


async def create_database(admin_url: str, name: str) -> None:
    """Create the database unless it exists."""
    async with await _connect(admin_url, autocommit=True) as connection:
        found = await connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,))
        if await found.fetchone() is None:
            await connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))


async def _connect(url: str, *, autocommit: bool = False) -> psycopg.AsyncConnection[tuple[object, ...]]:
    return await psycopg.AsyncConnection.connect(
        plain_database_url(url), autocommit=autocommit, connect_timeout=CONNECT_TIMEOUT_S
    )


async def _redis_problem(url: str) -> str | None:
    # Here, since it takes longer to load than both servers to start, and only a given server needs it.
    from redis.asyncio import Redis  # noqa: PLC0415
    from redis.exceptions import RedisError  # noqa: PLC0415

    try:
        client = Redis.from_url(url, socket_connect_timeout=CONNECT_TIMEOUT_S, socket_timeout=CONNECT_TIMEOUT_S)
    except ValueError:  # its text may quote the URL, password and all
        return "it is not a URL of the form redis://:password@host:port/0"
    try:
        await client.ping()
    except (RedisError, OSError) as error:
        return _one_line(error)
    finally:
        await client.aclose()
    return None


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
