"""The supervisor over tiny real processes."""

import asyncio
import io
import os
import signal
import sys
from pathlib import Path

import psutil
import pytest

from aitrader.stack.component import Component, Program
from aitrader.stack.data_dir import open_data_dir
from aitrader.stack.environment import child_environ
from aitrader.stack.errors import ComponentFailed
from aitrader.stack.leftovers import leftovers
from aitrader.stack.state import ComponentStatus
from aitrader.stack.supervisor import Supervisor
from aitrader.stack.terminal import Terminal

RUN_ID = f"test-{os.getpid()}"
SERVE = "import pathlib, signal, sys; pathlib.Path(sys.argv[1]).touch(); signal.pause()"
IGNORE_TERM = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + SERVE


class House:
    """A data folder, a terminal that can be read, and components made in one line."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.data_dir = open_data_dir(folder / "data")
        self.output = io.StringIO()

    def supervisor(self, *, verbose=False):
        return Supervisor(
            data_dir=self.data_dir,
            run_id=RUN_ID,
            environ=child_environ(self.data_dir),
            terminal=Terminal(self.output, echo_start=False, verbose=verbose),
        )

    def program(self, name, code, *arguments):
        argv = (sys.executable, "-I", "-c", code, *arguments)
        return Program(name=name, argv=argv, environ=child_environ(self.data_dir), cwd=self.data_dir.path)

    def component(self, name, code=SERVE, **options):
        mark = self.folder / f"{name}.ready"

        async def readiness():
            return None if mark.exists() else f"{mark.name} is missing"

        return Component(program=self.program(name, code, str(mark)), readiness=readiness, **options)

    def log(self, name):
        return self.data_dir.log(name).read_text()


@pytest.fixture
def house(tmp_path):
    yield House(tmp_path)
    assert leftovers(RUN_ID) == []


async def soon(eventually, condition):
    return await asyncio.to_thread(eventually, condition)


def test_a_component_runs_in_its_own_group_of_the_supervisors_session(house):
    async def scene():
        async with house.supervisor() as supervisor:
            await supervisor.start(house.component("api"))
            (state,) = supervisor.states()
            assert state.status is ComponentStatus.READY
            assert os.getpgid(state.pid) == state.pid
            assert os.getsid(state.pid) == os.getsid(0)
            assert psutil.Process(state.pid).environ()["AITRADER_DATA_DIR"] == str(house.data_dir.path)

    asyncio.run(scene())


def test_output_goes_to_the_log_and_to_a_verbose_terminal_with_its_name_before_it(house):
    async def scene():
        async with house.supervisor(verbose=True) as supervisor:
            await supervisor.start(house.component("api", "print('hello', flush=True); " + SERVE))

    asyncio.run(scene())
    assert house.log("api") == "hello\n"
    assert house.output.getvalue() == "[api] hello\n"


def test_a_quiet_terminal_shows_nothing_of_a_start_that_succeeds(house):
    async def scene():
        async with house.supervisor() as supervisor:
            await supervisor.start(house.component("api", "print('hello', flush=True); " + SERVE))

    asyncio.run(scene())
    assert house.output.getvalue() == ""


def test_a_component_that_ends_before_it_is_ready_fails_the_start_with_its_last_lines(house):
    async def scene():
        async with house.supervisor() as supervisor:
            await supervisor.start(
                house.component("api"),
                house.component("worker", "print('no database'); raise SystemExit(3)"),
            )

    with pytest.raises(ComponentFailed, match=r"worker ended with exit code 3(?s:.*)no database"):
        asyncio.run(scene())


def test_a_component_that_never_becomes_ready_fails_the_start_and_says_what_was_missing(house):
    async def scene():
        async with house.supervisor() as supervisor:
            await supervisor.start(house.component("api", "import signal; signal.pause()", ready_timeout_s=0.3))

    with pytest.raises(ComponentFailed, match=r"api was not ready within 0\.3 s: api\.ready is missing"):
        asyncio.run(scene())


def test_a_start_that_may_be_tried_again_succeeds_the_second_time(house):
    code = (
        "import os, sys; first = not os.path.exists('tried'); open('tried', 'w').close(); "
        "sys.exit(1) if first else None; " + SERVE
    )

    async def scene():
        async with house.supervisor() as supervisor:
            await supervisor.start(house.component("postgres", code, start_attempts=2))

    asyncio.run(scene())


def test_phases_stop_in_reverse_order(house):
    code = (
        "import os, pathlib, signal, sys\n"
        "def on_term(number, frame):\n"
        "    with open('order', 'a') as order: order.write(sys.argv[1] + '\\n')\n"
        "    sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, on_term)\n"
        "pathlib.Path(sys.argv[1]).touch()\n"
        "while True: signal.pause()\n"
    )

    async def scene():
        async with house.supervisor() as supervisor:
            for name in ("first", "second", "third"):
                await supervisor.start(house.component(name, code))

    asyncio.run(scene())
    order = (house.data_dir.path / "order").read_text().splitlines()
    assert [Path(line).stem for line in order] == ["third", "second", "first"]


def test_a_component_that_ignores_term_is_killed_after_its_grace(house):
    async def scene():
        async with house.supervisor() as supervisor:
            await supervisor.start(house.component("api", IGNORE_TERM, stop_grace_s=0.2))

    asyncio.run(scene())


def test_in_a_hurry_no_grace_is_given(house):
    async def scene():
        async with asyncio.timeout(20), house.supervisor() as supervisor:
            await supervisor.start(house.component("api", IGNORE_TERM, stop_grace_s=3600))
            supervisor.hurry()

    asyncio.run(scene())


def test_a_killed_component_is_started_again_with_one_line_that_says_so(house, eventually):
    async def scene():
        async with house.supervisor() as supervisor:
            await supervisor.start(house.component("api"))
            (before,) = supervisor.states()
            os.kill(before.pid, signal.SIGKILL)
            await soon(eventually, lambda: supervisor.states()[0].restarts == 1)
            await soon(eventually, lambda: supervisor.states()[0].status is ComponentStatus.READY)
            assert supervisor.states()[0].pid != before.pid

    asyncio.run(scene())
    (line,) = house.output.getvalue().splitlines()
    assert line.startswith("api died (signal SIGKILL, after ")
    assert "starting it again in 0.25 s" in line


def test_a_component_whose_restart_fails_is_tried_again(house, eventually):
    code = (
        "import os, sys\n"
        "starts = len(os.listdir('starts')); open(f'starts/{starts}', 'w').close()\n"
        "if starts == 1: sys.exit('not this time')\n"
    ) + SERVE
    (house.data_dir.path / "starts").mkdir()

    async def scene():
        async with house.supervisor() as supervisor:
            await supervisor.start(house.component("api", code))
            (house.folder / "api.ready").unlink()
            os.kill(supervisor.states()[0].pid, signal.SIGKILL)
            await soon(eventually, lambda: supervisor.states()[0].restarts == 2)
            await soon(eventually, lambda: supervisor.states()[0].status is ComponentStatus.READY)

    asyncio.run(scene())
    assert "api ended with exit code 1 before it was ready" in house.output.getvalue()


def test_what_a_dead_component_left_in_other_sessions_is_killed_before_its_restart(house, eventually, is_gone):
    code = (
        "import os, subprocess, sys\n"
        "child = subprocess.Popen(['sleep', '600'], start_new_session=True)\n"
        "open('child', 'a').write(f'{child.pid}\\n')\n"
    ) + SERVE

    async def scene():
        async with house.supervisor() as supervisor:
            await supervisor.start(house.component("worker", code))
            left = psutil.Process(int((house.data_dir.path / "child").read_text()))
            os.kill(supervisor.states()[0].pid, signal.SIGKILL)
            await soon(eventually, lambda: supervisor.states()[0].restarts == 1)
            assert is_gone(left)

    asyncio.run(scene())


def test_a_program_that_fails_is_reported_with_its_last_lines(house):
    async def scene():
        async with house.supervisor() as supervisor:
            await supervisor.run(house.program("migrate", "raise SystemExit('no such table')"), timeout_s=30)

    with pytest.raises(ComponentFailed, match=r"migrate failed with exit code 1(?s:.*)no such table"):
        asyncio.run(scene())


def test_a_program_that_does_not_end_in_time_is_ended_and_reported(house):
    async def scene():
        async with house.supervisor() as supervisor:
            program = house.program("migrate", "import signal; signal.pause()")
            await supervisor.run(program, timeout_s=0.3)

    with pytest.raises(ComponentFailed, match=r"migrate did not end within 0\.3 s"):
        asyncio.run(scene())


def test_a_line_without_end_does_not_grow_in_memory(house):
    code = "import sys; sys.stdout.write('x' * 1_000_000); sys.stdout.flush(); " + SERVE

    async def scene():
        async with house.supervisor() as supervisor:
            await supervisor.start(house.component("api", code))

    asyncio.run(scene())
    lines = house.log("api").split()
    assert sum(map(len, lines)) == 1_000_000
    assert max(map(len, lines)) <= 2 * 64 * 1024
