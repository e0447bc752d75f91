"""The embedded Redis-protocol server."""

import asyncio
from collections.abc import Mapping

from aitrader.stack.binaries import find_valkey
from aitrader.stack.component import Component, Program
from aitrader.stack.connections import redis_url
from aitrader.stack.data_dir import DataDir
from aitrader.stack.environment import server_environ
from aitrader.stack.ports import LOOPBACK
from backend.core.private_files import kept_password, private_folder, write_private

# Every write is on disk within a second; queues must never be evicted, so a full server says no instead.
SETTINGS = {
    "bind": LOOPBACK,
    "protected-mode": "yes",
    "daemonize": "no",
    "databases": "16",
    "appendonly": "yes",
    "appendfsync": "everysec",
    "save": '""',
    "maxmemory-policy": "noeviction",
    "loglevel": "notice",
}
# A title is written over the process's environment, by which it is found. (Redis before 6.2 cannot be told.)
VALKEY_SETTINGS = {"set-proc-title": "no"}


def valkey_component(data_dir: DataDir, *, port: int) -> tuple[Component, str]:
    """Return the component and the URL at which it will serve, its configuration written."""
    program = find_valkey()
    folder = private_folder(data_dir.valkey)
    password = kept_password(data_dir.redis_password)
    config = folder / "valkey.conf"
    settings = SETTINGS if program.name == "redis-server" else {**SETTINGS, **VALKEY_SETTINGS}
    write_private(config, config_text(settings, port=port, folder=str(folder), password=password))
    url = redis_url(password=password, port=port)

    async def readiness() -> str | None:
        return await _why_not_serving(port, password)

    component = Component(
        program=Program(name="valkey", argv=(str(program), str(config)), environ=server_environ(data_dir), cwd=folder),
        readiness=readiness,
        start_attempts=3,
    )
    return component, url


def config_text(settings: Mapping[str, str], *, port: int, folder: str, password: str) -> str:
    """Return the server's configuration file."""
    lines = [f"{name} {value}" for name, value in settings.items()]
    lines += [f"port {port}", f"dir {_quoted(folder)}", f"requirepass {_quoted(password)}"]
    return "\n".join(lines) + "\n"


async def _why_not_serving(port: int, password: str) -> str | None:
    try:
        reader, writer = await asyncio.open_connection(LOOPBACK, port)
    except OSError as error:
        return str(error)
    try:
        writer.write(f"AUTH {password}\r\nPING\r\n".encode())
        answers = [await reader.readline() for _ in range(2)]
    except OSError as error:
        return str(error)
    finally:
        writer.close()
    # While it loads its file, a server answers "-LOADING ..." to a ping.
    return None if answers == [b"+OK\r\n", b"+PONG\r\n"] else f"it answered {answers!r} to AUTH and PING"


def _quoted(text: str) -> str:
    escaped = "".join(f"\\{character}" if character in '\\"' else character for character in text)
    return f'"{escaped}"'
