"""Engines: how a process reaches Postgres."""

from sqlalchemy import Engine, create_engine
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

CONNECT_TIMEOUT_S = 5
# A session that hangs in a transaction pins dead rows and locks; it is ended instead.
SERVER_OPTIONS = "-c idle_in_transaction_session_timeout=60s -c timezone=UTC"


def async_engine(url: str, *, pool_size: int = 10) -> AsyncEngine:
    return create_async_engine(
        url,
        pool_size=pool_size,
        max_overflow=10,
        pool_timeout=10,
        pool_pre_ping=True,
        hide_parameters=True,  # errors go to logs, and parameters may be anybody's data
        connect_args={"connect_timeout": CONNECT_TIMEOUT_S, "options": SERVER_OPTIONS},
    )


def sync_engine(url: str, *, pool_size: int = 2, options: str = "", pre_ping: bool = True) -> Engine:
    """Return an engine; `options` are more of the server's, such as `-c enable_sort=off`."""
    return create_engine(
        url,
        pool_size=pool_size,
        max_overflow=2,
        pool_timeout=10,
        pool_pre_ping=pre_ping,
        hide_parameters=True,  # errors go to logs, and parameters may be anybody's data
        connect_args={"connect_timeout": CONNECT_TIMEOUT_S, "options": f"{SERVER_OPTIONS} {options}"},
    )
