"""PostgreSQL and Valkey alone, under the supervisor.

    python -m aitrader.stack.servers DIR

prints one line of JSON, {"database_url": ..., "redis_url": ...}, when both are ready, and stays until
SIGTERM, SIGINT or the end of its standard input (when that is a pipe); then it stops both.
"""

import argparse
import asyncio
import os
import stat
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from aitrader.stack.component import Component
from aitrader.stack.connections import (
    DATABASE,
    Connections,
    create_database,
    database_url,
    plain_database_url,
    require_database,
    require_redis,
)
from aitrader.stack.errors import StackError
from aitrader.stack.postgres import PostgresHome, postgres_component, prepare_postgres
from aitrader.stack.privileges import RunMode
from aitrader.stack.run import Run, run_on
from aitrader.stack.stop_signals import StopRequest
from aitrader.stack.terminal import Terminal
from aitrader.stack.valkey import valkey_component


@dataclass(frozen=True, kw_only=True)
class ServerOptions:
    """Which servers to use; port 0 is any free port, a URL of None is a server of our own."""

    postgres_port: int = 0
    redis_port: int = 0
    database_url: str | None = None
    redis_url: str | None = None
    run_mode: RunMode | None = None  # None: as whom PostgreSQL runs is found out

    @classmethod
    def from_environ(cls, environ: Mapping[str, str], *, postgres_port: int = 0, redis_port: int = 0) -> Self:
        """Return options that use the servers named by DATABASE_URL and REDIS_URL, where these are set."""
        return cls(
            postgres_port=postgres_port,
            redis_port=redis_port,
            database_url=environ.get("DATABASE_URL") or None,
            redis_url=environ.get("REDIS_URL") or None,
        )


async def start_servers(run: Run, options: ServerOptions) -> Connections:
    """Return where both servers are, once they serve and the database exists."""
    own: list[Component] = []
    admin_url: str | None = None
    if options.database_url is None:
        component, admin_url, main_url = await _own_postgres(run, options)
        own.append(component)
    else:
        await require_database(options.database_url)
        main_url = plain_database_url(options.database_url)
    if options.redis_url is None:
        component, redis_url = _own_valkey(run, options)
        own.append(component)
    else:
        await require_redis(options.redis_url)
        redis_url = options.redis_url
    await run.supervisor.start(*own)
    if admin_url is not None:
        await create_database(admin_url, DATABASE)
    connections = Connections(database_url=main_url, redis_url=redis_url)
    connections.write(run.data_dir.connections)
    return connections


async def _own_postgres(run: Run, options: ServerOptions) -> tuple[Component, str, str]:
    last_port = None if run.previous is None else run.previous.postgres_port
    port = run.ports.choose(options.postgres_port, option="--postgres-port", preferred=last_port)
    home: PostgresHome = await prepare_postgres(run.supervisor, run.data_dir, run_mode=options.run_mode)
    component, admin_url = postgres_component(run.data_dir, home, port=port)
    run.publish(postgres_port=port)
    return component, admin_url, database_url(password=home.password, port=port)


def _own_valkey(run: Run, options: ServerOptions) -> tuple[Component, str]:
    last_port = None if run.previous is None else run.previous.redis_port
    port = run.ports.choose(options.redis_port, option="--redis-port", preferred=last_port)
    component, url = valkey_component(run.data_dir, port=port)
    run.publish(redis_port=port)
    return component, url


def main(arguments: list[str] | None = None, *, run_mode: RunMode | None = None) -> int:
    """Return the exit code of the command."""
    parser = argparse.ArgumentParser(prog="python -m aitrader.stack.servers", description=__doc__)
    parser.add_argument("data_dir", type=Path)
    parser.add_argument("--verbose", action="store_true", help="show what the servers write")
    options = parser.parse_args(arguments)
    terminal = Terminal(sys.stderr, echo_start=False, verbose=options.verbose)
    try:
        asyncio.run(_serve(options.data_dir, terminal, run_mode))
    except StackError as error:
        terminal.say(f"error: {error}")
        return 1
    return 0


async def _serve(path: Path, terminal: Terminal, run_mode: RunMode | None) -> None:
    async with run_on(path, terminal) as run:
        _stop_at_end_of_input(run.stop)
        connections = await run.stop.unless_made(start_servers(run, ServerOptions(run_mode=run_mode)))
        if connections is None:
            return
        run.publish(is_ready=True)
        sys.stdout.write(connections.model_dump_json() + "\n")
        sys.stdout.flush()
        await run.stop.wait()


def _stop_at_end_of_input(stop: StopRequest) -> None:
    descriptor = sys.stdin.fileno()
    mode = os.fstat(descriptor).st_mode
    if not (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)):
        return  # a terminal of a job in the background, or /dev/null: its end means nothing
    loop = asyncio.get_running_loop()

    def on_input() -> None:
        if not os.read(descriptor, 1024):
            loop.remove_reader(descriptor)
            stop.make()

    loop.add_reader(descriptor, on_input)


if __name__ == "__main__":
    sys.exit(main())
