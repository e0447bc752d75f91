"""The client and the command line, as users of the shared installation have them."""

import io
import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from aitrader.cli import main
from aitrader.client import Client
from tests.platform import Platform, clean_environment


@dataclass(frozen=True)
class Answer:
    returncode: int
    stdout: str
    stderr: str


CommandLine = Callable[..., Answer]


@pytest.fixture
def client(platform: Platform) -> Iterator[Client]:
    """The client of a new user."""
    with Client(platform.url, platform.token(f"free-{uuid.uuid4().hex[:8]}")) as made:
        yield made


@pytest.fixture
def admin_client(platform: Platform) -> Iterator[Client]:
    with Client(platform.url, platform.token(f"admin-{uuid.uuid4().hex[:8]}", "admin")) as made:
        yield made


@pytest.fixture(scope="session")
def operator(platform: Platform) -> dict[str, str]:
    """The environment of an admin."""
    return {"AITRADER_URL": platform.url, "AITRADER_TOKEN": platform.token("operator", "admin")}


@pytest.fixture
def aitrader(
    operator: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> CommandLine:
    """Run the command line as an admin, within this process: it is the same code, without the second of a start."""

    def run(*arguments: str, given: str = "", **changes: str) -> Answer:
        with monkeypatch.context() as patch:
            for name, value in (operator | changes).items():
                patch.setenv(name, value)
            patch.setenv("AITRADER_DATA_DIR", os.environ["AITRADER_DATA_DIR"])
            patch.setattr("sys.argv", ["aitrader", *arguments])
            patch.setattr("sys.stdin", io.StringIO(given))
            capsys.readouterr()
            with pytest.raises(SystemExit) as ended:
                main()
        said = capsys.readouterr()
        return Answer(int(ended.value.code or 0), said.out, said.err)

    return run


@pytest.fixture
def aitrader_process(operator: dict[str, str]) -> CommandLine:
    """Run the command line as an admin, in a process of its own."""

    def run(*arguments: str, given: str | None = None, **changes: str) -> Answer:
        answer = subprocess.run(
            [sys.executable, "-m", "aitrader", *arguments],
            env=clean_environment(**operator, AITRADER_DATA_DIR=os.environ["AITRADER_DATA_DIR"], **changes),
            input=given,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return Answer(answer.returncode, answer.stdout, answer.stderr)

    return run
