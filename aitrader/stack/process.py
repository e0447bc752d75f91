"""One running child process: started through the launcher, its output read to the last line."""

import asyncio
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress

from aitrader.stack.component import Program
from aitrader.stack.leftovers import COMPONENT_VARIABLE, RUN_VARIABLE, kill_leftovers
from aitrader.stack.privileges import launch_command

LONGEST_LINE = 64 * 1024
DRAIN_S = 1.0  # how long output may still come after the process has ended


class ChildProcess:
    """A program that was started; always `end` it, also when it ended by itself."""

    def __init__(
        self, program: Program, run_id: str, process: asyncio.subprocess.Process, output: asyncio.Task[None]
    ) -> None:
        self._program = program
        self._run_id = run_id
        self._process = process
        self._output = output
        self._started_at = time.monotonic()

    @classmethod
    async def start(cls, program: Program, run_id: str, on_line: Callable[[bytes], None]) -> "ChildProcess":
        """Start the program in a process group of its own, within the supervisor's session."""
        read_end, write_end = os.pipe()
        # A pipe of our own: asyncio's would make wait() last until every heir of the pipe is gone too.
        output = asyncio.create_task(_pump(read_end, on_line))
        try:
            process = await asyncio.create_subprocess_exec(
                *launch_command(program.run_mode, program.argv),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=write_end,
                stderr=write_end,
                env={**program.environ, RUN_VARIABLE: run_id, COMPONENT_VARIABLE: program.name},
                cwd=program.cwd,
                process_group=0,
            )
        finally:
            os.close(write_end)
        return cls(program, run_id, process, output)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        return self._process.returncode

    @property
    def uptime_s(self) -> float:
        return time.monotonic() - self._started_at

    async def wait(self) -> int:
        """Return the exit code once the process has ended; below 0 it is a signal's number."""
        return await self._process.wait()

    async def end(self, how: signal.Signals, *, grace_s: float, hurry: asyncio.Event) -> None:
        """Ask the process to end, kill it when the grace or the patience is over, and clear what it left."""
        if self.exit_code is None:
            self._send(how)
            await self._exit_or(hurry, grace_s)
        if self.exit_code is None:
            self._send(signal.SIGKILL)
            await self.wait()
        await self.clear()

    async def clear(self) -> None:
        """Kill the ended process's own children and read its last output."""
        with suppress(ProcessLookupError, PermissionError):  # macOS: EPERM when only zombies are left
            os.killpg(self.pid, signal.SIGKILL)
        await asyncio.to_thread(kill_leftovers, self._run_id, self._program.name)
        await asyncio.wait({self._output}, timeout=DRAIN_S)
        self._output.cancel()
        await asyncio.wait({self._output})

    def _send(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            self._process.send_signal(number)

    async def _exit_or(self, hurry: asyncio.Event, grace_s: float) -> None:
        either = {asyncio.create_task(self.wait()), asyncio.create_task(hurry.wait())}
        try:
            await asyncio.wait(either, timeout=grace_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in either:
                task.cancel()
            await asyncio.gather(*either, return_exceptions=True)


def exit_text(code: int) -> str:
    """Return an exit code in words."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"signal {signal.Signals(-code).name}"
    except ValueError:
        return f"signal {-code}"


async def _pump(descriptor: int, on_line: Callable[[bytes], None]) -> None:
    reader = asyncio.StreamReader()
    with os.fdopen(descriptor, "rb", buffering=0) as pipe:
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), pipe
        )
        try:
            await _split_lines(reader, on_line)
        finally:
            transport.close()


async def _split_lines(reader: asyncio.StreamReader, on_line: Callable[[bytes], None]) -> None:
    unfinished = b""
    try:
        while chunk := await reader.read(LONGEST_LINE):
            *lines, unfinished = (unfinished + chunk).split(b"\n")
            for line in lines:
                on_line(line)
            if len(unfinished) > LONGEST_LINE:
                on_line(unfinished)
                unfinished = b""
    finally:
        if unfinished:
            on_line(unfinished)
