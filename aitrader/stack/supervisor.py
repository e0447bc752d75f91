"""Start components in order, keep them up, stop them in reverse order, leave nothing behind."""

import asyncio
import signal
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self

from aitrader.stack.component import Component, Program
from aitrader.stack.data_dir import DataDir
from aitrader.stack.errors import CleanupFailed, ComponentFailed
from aitrader.stack.leftovers import kill_leftovers
from aitrader.stack.log_files import LogFile
from aitrader.stack.process import ChildProcess, exit_text
from aitrader.stack.state import ComponentState
from aitrader.stack.supervised import SupervisedComponent, last_lines
from aitrader.stack.terminal import Terminal
from aitrader.stack.watchdog import Watchdog

PROGRAM_GRACE_S = 5.0


class Supervisor:
    """Use as `async with`; on leaving, everything that was started has ended.

    Must run in the main thread: the kernel ties PR_SET_PDEATHSIG to the thread that started the child.
    """

    def __init__(
        self,
        *,
        data_dir: DataDir,
        run_id: str,
        environ: Mapping[str, str],
        terminal: Terminal,
        on_change: Callable[[], None] = lambda: None,
    ) -> None:
        self._data_dir = data_dir
        self._run_id = run_id
        self._environ = environ
        self._terminal = terminal
        self._on_change = on_change
        self._phases: list[list[SupervisedComponent]] = []
        self._hurry = asyncio.Event()
        self._watchdog: Watchdog | None = None

    async def __aenter__(self) -> Self:
        self._watchdog = await Watchdog.start(self._run_id, self._environ)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stop()

    async def start(self, *components: Component) -> None:
        """Start the components beside each other; return when all are ready, raise when one fails."""
        phase = [self._supervise(component) for component in components]
        self._phases.append(phase)
        try:
            async with asyncio.TaskGroup() as group:
                for supervised in phase:
                    group.create_task(supervised.start())
        except ExceptionGroup as failures:
            understood = failures.subgroup(ComponentFailed)
            if understood is None:
                raise
            raise understood.exceptions[0] from None  # the others were cancelled by the first, or say the same

    async def run(self, program: Program, *, timeout_s: float) -> None:
        """Run a program to its end; raise ComponentFailed unless that is exit code 0, in time."""
        log = LogFile(self._data_dir.log(program.name))

        def on_line(line: bytes) -> None:
            log.write(line)
            self._terminal.component_line(program.name, line)

        process = await ChildProcess.start(program, self._run_id, on_line)
        code: int | None = None
        try:
            async with asyncio.timeout(timeout_s):
                code = await process.wait()
        except TimeoutError:
            pass
        finally:
            await process.end(signal.SIGTERM, grace_s=PROGRAM_GRACE_S, hurry=self._hurry)
            log.close()
        if code != 0:
            how = f"did not end within {timeout_s:g} s" if code is None else f"failed with {exit_text(code)}"
            raise ComponentFailed(f"{program.name} {how}{last_lines(log)}")

    def states(self) -> tuple[ComponentState, ...]:
        """Return a snapshot of every component, in the order of their start."""
        return tuple(supervised.state() for phase in self._phases for supervised in phase)

    def hurry(self) -> None:
        """Give up all patience: what is being stopped is killed."""
        self._hurry.set()

    def _supervise(self, component: Component) -> SupervisedComponent:
        return SupervisedComponent(
            component,
            run_id=self._run_id,
            log=LogFile(self._data_dir.log(component.name)),
            terminal=self._terminal,
            on_change=self._on_change,
        )

    async def _stop(self) -> None:
        problems: list[BaseException] = []
        for phase in reversed(self._phases):
            stops = (supervised.stop(self._hurry) for supervised in reversed(phase))
            outcomes = await asyncio.gather(*stops, return_exceptions=True)
            problems += [outcome for outcome in outcomes if outcome is not None]
        stubborn = await asyncio.to_thread(kill_leftovers, self._run_id)
        if self._watchdog is not None:
            await self._watchdog.dismiss()
        if stubborn:
            raise CleanupFailed(f"expected every process of this run to have ended, not so: {stubborn}")
        if problems:
            raise problems[0]
