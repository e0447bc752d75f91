import io

import pytest

from aitrader.client import Client
from aitrader.commands.waiting import wait_visibly


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def job(server, answer, told_job):
    server.answers = [
        answer(202, told_job(), {"ETag": '"a-1"'}),
        answer(200, told_job(state="running", version=2, progress=0.5, stage="[red] half"), {"ETag": '"a-2"'}),
        answer(200, told_job(state="failed", version=3), {"ETag": '"a-3"'}),
    ]
    with Client(server.url, "ait_me") as client:
        yield client.submit("probe", {})


def test_terminal_gets_a_bar_that_shows_the_stage_as_it_is(job, monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    wait_visibly(job)
    assert job.state == "failed"
    assert "\x1b" in terminal.getvalue()
    assert "running 50% ([red] half)" in terminal.getvalue()


def test_pipe_gets_a_plain_line_for_each_change(job, capsys):
    wait_visibly(job)
    said = capsys.readouterr()
    assert said.out == ""
    states = [line.removeprefix(f"probe {job.id} ") for line in said.err.splitlines()]
    assert states == ["queued", "running 50% ([red] half)", "failed"]


def test_finished_job_says_nothing(server, answer, told_job, capsys):
    server.answers = [answer(202, told_job(state="succeeded"))]
    with Client(server.url, "ait_me") as client:
        wait_visibly(client.submit("probe", {}))
    assert capsys.readouterr().err == ""
    assert len(server.heard) == 1
