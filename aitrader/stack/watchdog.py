"""A process that outlives the supervisor by a moment, to kill what is left of its run."""

import asyncio
import sys
from collections.abc import Mapping

from aitrader.stack import leftovers


class Watchdog:
    """The supervisor's end of it: started before any component, dismissed after the last one."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def start(cls, run_id: str, environ: Mapping[str, str]) -> "Watchdog":
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-I", leftovers.__file__, run_id),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            env=environ,
            process_group=0,  # Ctrl-C at the terminal is for the supervisor alone
        )
        return cls(process)

    async def dismiss(self) -> None:
        """Wait until the watchdog has swept once more and gone."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        await self._process.wait()
