"""One component under supervision: brought up, kept up, ended."""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime

from aitrader.stack.backoff import Backoff
from aitrader.stack.component import Component
from aitrader.stack.errors import ComponentFailed
from aitrader.stack.log_files import LogFile
from aitrader.stack.process import ChildProcess, exit_text
from aitrader.stack.state import ComponentState, ComponentStatus
from aitrader.stack.terminal import Terminal

FIRST_POLL_S = 0.02  # a server of ours answers within a few of these; a slow start is asked less and less often
LONGEST_POLL_S = 0.5
POLL_GROWTH = 1.3
READINESS_PROBE_S = 5.0  # a single probe that hangs is no answer


class SupervisedComponent:
    """Owns at most one process of its component at any time."""

    def __init__(
        self,
        component: Component,
        *,
        run_id: str,
        log: LogFile,
        terminal: Terminal,
        on_change: Callable[[], None],
    ) -> None:
        self._component = component
        self._run_id = run_id
        self._log = log
        self._terminal = terminal
        self._on_change = on_change
        self._status = ComponentStatus.STARTING
        self._process: ChildProcess | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._started_at = datetime.now(UTC)
        self._restarts = 0
        self._backoff = Backoff()

    async def start(self) -> None:
        """Return when the component is ready; raise ComponentFailed when it ends or takes too long before."""
        for attempts_left in reversed(range(self._component.start_attempts)):
            try:
                await self._bring_up()
                break
            except ComponentFailed:
                if attempts_left == 0:
                    raise
                await asyncio.sleep(self._backoff.pause_s(uptime_s=0))
        self._keeper = asyncio.create_task(self._keep_up())

    async def stop(self, hurry: asyncio.Event) -> None:
        """End the component; once `hurry` is set, without waiting for it."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.wait({self._keeper})
        if self._process is not None:
            self._set(ComponentStatus.STOPPING)
            await self._end_process(hurry)
        self._set(ComponentStatus.STOPPED)
        self._log.close()

    def state(self) -> ComponentState:
        return ComponentState(
            name=self._component.name,
            status=self._status,
            pid=None if self._process is None else self._process.pid,
            started_at=self._started_at,
            restarts=self._restarts,
            log=self._log.path,
        )

    async def _keep_up(self) -> None:
        while True:
            assert self._process is not None
            code = await self._process.wait()
            uptime_s = self._process.uptime_s
            await self._process.clear()
            self._process = None
            pause_s = self._backoff.pause_s(uptime_s)
            self._set(ComponentStatus.RESTARTING)
            self._terminal.say(
                f"{self._component.name} died ({exit_text(code)}, after {uptime_s:.1f} s); "
                f"starting it again in {pause_s:.2g} s, its log is {self._log.path}"
            )
            await asyncio.sleep(pause_s)
            await self._restart()

    async def _restart(self) -> None:
        while True:
            self._restarts += 1
            try:
                await self._bring_up()
            except ComponentFailed as failure:
                pause_s = self._backoff.pause_s(uptime_s=0)
                first_line = str(failure).splitlines()[0]
                self._terminal.say(f"{first_line}; starting it again in {pause_s:.2g} s")
                await asyncio.sleep(pause_s)
            else:
                return

    async def _bring_up(self) -> None:
        self._started_at = datetime.now(UTC)
        try:
            self._process = await ChildProcess.start(self._component.program, self._run_id, self._on_line)
        except OSError as error:  # no memory or no process slot now; there may be some later
            raise ComponentFailed(f"{self._component.name} could not be started: {error}") from error
        self._set(ComponentStatus.STARTING)
        problem = await self._why_not_ready(self._process)
        if problem is not None:
            await self._end_process(hurry=asyncio.Event())
            raise ComponentFailed(f"{self._component.name} {problem}{self._last_lines()}")
        self._set(ComponentStatus.READY)

    async def _why_not_ready(self, process: ChildProcess) -> str | None:
        give_up_at = time.monotonic() + self._component.ready_timeout_s
        ended = asyncio.create_task(process.wait())
        pause_s = FIRST_POLL_S
        try:
            while True:
                missing = await self._probe()
                if process.exit_code is not None:
                    return f"ended with {exit_text(process.exit_code)} before it was ready"
                if missing is None:
                    return None
                if time.monotonic() >= give_up_at:
                    return f"was not ready within {self._component.ready_timeout_s:g} s: {missing}"
                await asyncio.wait({ended}, timeout=pause_s)
                pause_s = min(pause_s * POLL_GROWTH, LONGEST_POLL_S)
        finally:
            ended.cancel()

    async def _probe(self) -> str | None:
        try:
            async with asyncio.timeout(READINESS_PROBE_S):
                return await self._component.readiness()
        except TimeoutError:
            return f"no answer within {READINESS_PROBE_S:g} s"

    async def _end_process(self, hurry: asyncio.Event) -> None:
        assert self._process is not None
        await self._process.end(self._component.stop_signal, grace_s=self._component.stop_grace_s, hurry=hurry)
        self._process = None

    def _last_lines(self) -> str:
        return last_lines(self._log)

    def _on_line(self, line: bytes) -> None:
        self._log.write(line)
        self._terminal.component_line(self._component.name, line)

    def _set(self, status: ComponentStatus) -> None:
        self._status = status
        self._on_change()


def last_lines(log: LogFile) -> str:
    """Return the end of a log as an appendix to an error message."""
    lines = "".join(f"\n    {line}" for line in log.tail()) or "\n    (it wrote nothing)"
    return f"; its last lines ({log.path}):{lines}"
