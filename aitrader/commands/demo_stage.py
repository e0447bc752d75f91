"""The stage of `aitrader demo`: a stack of its own, or the one that runs already."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import typer

from aitrader.client import Client
from aitrader.client.local_stack import admin_token
from aitrader.commands.output import print_table, say
from aitrader.commands.waiting import wait_visibly
from aitrader.demo import Screen, run_demo
from aitrader.errors import AitraderError, CommandFailed
from aitrader.stack.state import read_state
from aitrader.stack.up import OnReady, StackHandle, StackOptions, run_stack

SCREEN = Screen(
    say=typer.echo,
    show=lambda table: print_table(table.columns, table.rows),
    wait=wait_visibly,
)


def perform(options: StackOptions, *, leaves: bool) -> int:
    """Return the exit code of the demo: 0 when all jobs succeeded."""
    running = read_state(options.data_dir)
    if running is None:
        return run_stack(options, on_ready=_on_ready(leaves=leaves))
    if running.url is None or not running.is_ready:
        raise CommandFailed(f"a stack on {options.data_dir} (pid {running.pid}) is still starting: try again later")
    say(f"using the stack that runs on {options.data_dir} (pid {running.pid})")
    _perform_at(running.url, options.data_dir)
    typer.echo(f"\nThe stack goes on at {running.url}; its documentation is at {running.url}/docs")
    return 0


def _on_ready(*, leaves: bool) -> OnReady:
    async def show(handle: StackHandle) -> None:
        try:
            await _in_thread(lambda: _perform_at(handle.url, handle.data_dir))
        except AitraderError as error:
            say(f"error: {error}")
            handle.stop(1)
            return
        _say_where(handle)
        if leaves:
            handle.stop()
        else:
            typer.echo("Ctrl-C stops everything.")

    return show


def _perform_at(url: str, data_dir: Path) -> None:
    try:
        token = admin_token(data_dir)
    except OSError as error:
        raise CommandFailed(f"expected the admin token in {data_dir}, it cannot be read: {error.strerror}") from error
    with Client(url, token) as client:
        run_demo(client, SCREEN)


def _say_where(handle: StackHandle) -> None:
    typer.echo(f"\nAPI and its documentation: {handle.url}/docs")
    typer.echo(f"admin token: in the file {handle.admin_token_file}")
    if handle.flower_url is not None:
        typer.echo(f"Flower, the queues: {handle.flower_url} (user admin, password in {handle.flower_password_file})")


async def _in_thread(work: Callable[[], None]) -> None:
    """Do the work beside the event loop; a stop does not wait for it, as it would for a thread of a pool."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[None] = loop.create_future()

    def settle(error: AitraderError | None) -> None:
        if done.done():  # stopped meanwhile
            return
        if error is None:
            done.set_result(None)
        else:
            done.set_exception(error)

    def run() -> None:
        outcome: AitraderError | None = None
        try:
            work()
        except AitraderError as error:
            outcome = error
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(settle, outcome)

    threading.Thread(target=run, name="demo", daemon=True).start()
    await done
