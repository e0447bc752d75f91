"""A real HTTP server that answers as a test tells it to."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest


@dataclass
class Answer:
    status: int = 200
    body: object = None
    headers: dict[str, str] = field(default_factory=dict)
    breaks: bool = False  # the connection, before a word is said


@dataclass
class Heard:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class ScriptedServer:
    """Gives its answers in turn, the last of them for ever, and remembers what it heard."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.heard: list[Heard] = []
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(self))
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,))
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_port}"

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


def _handler_of(server: ScriptedServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            server.heard.append(Heard(self.command, self.path, dict(self.headers), body))
            answer = server.answers.pop(0) if len(server.answers) > 1 else server.answers[0]
            if answer.breaks:
                self.close_connection = True
                return
            content = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
            content = b"" if answer.status == 304 else content
            self.send_response(answer.status)
            for name, value in {"Content-Type": "application/json", **answer.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = _answer  # noqa: N815 - the library's names

        def log_message(self, *_: object) -> None:
            return

    return Handler


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    scripted = ScriptedServer()
    yield scripted
    scripted.close()


@pytest.fixture(name="answer")
def answer_fixture() -> type[Answer]:
    return Answer


@pytest.fixture
def told_job():
    """Return a maker of jobs as a server tells of them."""

    def make(**changes: object) -> dict[str, object]:
        job = {
            "id": "01a1fb81-9356-73ae-b27c-74c11694f551",
            "job_type": "probe",
            "user_id": "01a1fb81-9356-73ae-b27c-74c11694f552",
            "state": "queued",
            "priority": 5,
            "attempt": 0,
            "max_attempts": 3,
            "progress": 0.0,
            "stage": None,
            "error": None,
            "created_at": "2026-03-01T09:00:00Z",
            "run_at": "2026-03-01T09:00:00Z",
            "started_at": None,
            "finished_at": None,
            "cancel_requested_at": None,
            "version": 1,
            "payload": {},
            "result": None,
            "something_newer": "is ignored",
        }
        return job | changes

    return make
