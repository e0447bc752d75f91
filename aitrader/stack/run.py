"""One run of a stack on a data folder: the lock, the supervisor, the stop request and the published state."""

import os
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from aitrader.stack.data_dir import DataDir, exclusive, open_data_dir
from aitrader.stack.environment import child_environ
from aitrader.stack.errors import StackRunning
from aitrader.stack.leftovers import kill_leftovers
from aitrader.stack.ports import Ports
from aitrader.stack.state import StackState, read_last_state, write_state
from aitrader.stack.stop_signals import StopRequest, stop_on_signals
from aitrader.stack.supervisor import Supervisor
from aitrader.stack.terminal import Terminal


class Run:
    """What the plots in servers.py and up.py act upon."""

    def __init__(self, data_dir: DataDir, terminal: Terminal, stop: StopRequest) -> None:
        self.data_dir = data_dir
        self.terminal = terminal
        self.stop = stop
        self.previous = read_last_state(data_dir)
        self._state = StackState(pid=os.getpid(), run_id=secrets.token_hex(16), started_at=datetime.now(UTC))
        self.supervisor = Supervisor(
            data_dir=data_dir,
            run_id=self._state.run_id,
            environ=child_environ(data_dir),
            terminal=terminal,
            on_change=self._publish_change,
        )
        self.ports = Ports()

    def publish(self, **facts: object) -> None:
        """Write the state file, with the facts that became known."""
        changes = {**facts, "components": self.supervisor.states()}
        self._state = self._state.model_copy(update=changes)
        write_state(self.data_dir, self._state)

    def _publish_change(self) -> None:
        with suppress(OSError):  # a full disk makes `aitrader status` lag, it does not end supervision
            self.publish()


@asynccontextmanager
async def run_on(path: Path, terminal: Terminal) -> AsyncIterator[Run]:
    """Yield a run that owns the data folder; on leaving, all that it started has ended."""
    data_dir = open_data_dir(path)
    with _sole_owner(data_dir), stop_on_signals() as stop:
        run = Run(data_dir, terminal, stop)
        if run.previous is not None:
            kill_leftovers(run.previous.run_id)  # of a supervisor killed a moment ago
        stop.on_haste(run.supervisor.hurry)
        run.publish()
        async with run.supervisor:
            yield run


@contextmanager
def _sole_owner(data_dir: DataDir) -> Iterator[None]:
    with ExitStack() as stack:
        try:
            stack.enter_context(exclusive(data_dir))
        except StackRunning as error:
            raise StackRunning(f"{error}{_who(read_last_state(data_dir))}; stop it first") from None
        yield


def _who(state: StackState | None) -> str:
    if state is None:
        return ""
    where = "" if state.url is None else f", {state.url}"
    return f" (pid {state.pid}{where})"
