"""The whole stack: servers, schema, admin, then the product's processes; up until told to stop."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from aitrader.stack.applications import Applications, http_url
from aitrader.stack.component import Component
from aitrader.stack.connections import Connections
from aitrader.stack.errors import StackError
from aitrader.stack.ports import LOOPBACK
from aitrader.stack.run import Run, run_on
from aitrader.stack.servers import ServerOptions, start_servers
from aitrader.stack.stop_signals import StopRequest
from aitrader.stack.terminal import Terminal
from backend.settings.connections import default_data_dir

API_PORT = 8000
FLOWER_PORT = 5555
TASK_TIMEOUT_S = 300.0


@dataclass(frozen=True, kw_only=True)
class StackOptions:
    """What to start and where; port 0 is any free port."""

    host: str = LOOPBACK
    port: int = API_PORT
    data_dir: Path = field(default_factory=default_data_dir)
    workers: int = 2
    with_flower: bool = True
    flower_port: int | None = None  # None: the usual one, or a free one when that is taken
    servers: ServerOptions = field(default_factory=ServerOptions)
    echo_start: bool = False  # show what components write until the stack is ready
    verbose: bool = False  # ... and after that too


@dataclass(frozen=True, kw_only=True)
class StackHandle:
    """A stack that is ready, as `on_ready` sees it."""

    url: str
    flower_url: str | None
    data_dir: Path
    admin_token_file: Path
    flower_password_file: Path
    connections: Connections
    stop_request: StopRequest

    def stop(self, exit_code: int = 0) -> None:
        """Have the stack stop, and run_stack return that exit code."""
        self.stop_request.make(exit_code)


OnReady = Callable[[StackHandle], Awaitable[None]]


def run_stack(options: StackOptions, *, on_ready: OnReady | None = None) -> int:
    """Return the exit code of a whole stack's life: 0 when it was told to stop, 1 when it could not run.

    `on_ready` is awaited once everything serves; the stack stays up after it, and stops if it raises. Nothing
    is written to standard output.
    """
    terminal = Terminal(sys.stderr, echo_start=options.echo_start, verbose=options.verbose)
    try:
        return asyncio.run(_live(options, terminal, on_ready))
    except StackError as error:
        terminal.say(f"error: {error}")
        return 1


async def _live(options: StackOptions, terminal: Terminal, on_ready: OnReady | None) -> int:
    async with run_on(options.data_dir, terminal) as run:
        handle = await run.stop.unless_made(_start(run, options))
        if handle is not None:
            terminal.stack_is_ready()
            run.publish(is_ready=True)
            if on_ready is not None:
                await run.stop.unless_made(_await(on_ready(handle)))
            await run.stop.wait()
        terminal.say("stopping")
    return run.stop.exit_code


async def _start(run: Run, options: StackOptions) -> StackHandle:
    port = run.ports.choose(options.port, option="--port", host=options.host)
    flower_port = _flower_port(run, options)
    url = http_url(options.host, port)
    flower_url = None if flower_port is None else http_url(LOOPBACK, flower_port)
    run.publish(url=url, flower_url=flower_url)
    run.terminal.say("starting the servers")
    connections = await start_servers(run, options.servers)
    applications = Applications(
        data_dir=run.data_dir,
        connections=connections,
        host=options.host,
        port=port,
        workers=options.workers,
        flower_url=flower_url,
    )
    run.terminal.say("bringing the database up to date")
    await run.supervisor.run(applications.migrate(), timeout_s=TASK_TIMEOUT_S)
    await run.supervisor.run(applications.ensure_admin(), timeout_s=TASK_TIMEOUT_S)
    components = _components(applications, flower_port)
    run.terminal.say(f"starting {', '.join(component.name for component in components)}")
    await run.supervisor.start(*components)
    return StackHandle(
        url=url,
        flower_url=flower_url,
        data_dir=run.data_dir.path,
        admin_token_file=run.data_dir.admin_token,
        flower_password_file=run.data_dir.flower_password,
        connections=connections,
        stop_request=run.stop,
    )


def _components(applications: Applications, flower_port: int | None) -> list[Component]:
    components = [applications.api(), applications.worker(), applications.relay()]
    if flower_port is not None:
        components.append(applications.flower(flower_port))
    return components


def _flower_port(run: Run, options: StackOptions) -> int | None:
    if not options.with_flower:
        return None
    if options.flower_port is None:
        return run.ports.choose(0, option="--flower-port", preferred=FLOWER_PORT)
    return run.ports.choose(options.flower_port, option="--flower-port")


async def _await(work: Awaitable[None]) -> None:
    await work
