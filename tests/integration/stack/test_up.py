"""The whole stack's plot, with small stand-ins for the product's own processes and everything else real."""

import base64
import json
import signal
import socket
import urllib.error
import urllib.request
from contextlib import closing, nullcontext

import psycopg
import pytest

from aitrader.stack.servers import ServerOptions
from aitrader.stack.state import read_state
from aitrader.stack.up import FLOWER_PORT, StackOptions, run_stack

UP = """
import json, os, sys
from pathlib import Path
from aitrader.stack.servers import ServerOptions
from aitrader.stack.up import StackOptions, run_stack

async def on_ready(handle):
    print(json.dumps({"url": handle.url, "flower_url": handle.flower_url}), flush=True)

options = StackOptions(
    data_dir=Path(sys.argv[1]), servers=ServerOptions.from_environ(os.environ), **json.loads(sys.argv[2])
)
sys.exit(run_stack(options, on_ready=on_ready))
"""

API = """
import json, os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

class Answers(BaseHTTPRequestHandler):
    def do_GET(self):
        report = {"workers": status("worker"), "relay": status("relay")}
        self.send_response(200 if self.path in ("/readyz", "/health/services") else 404)
        self.end_headers()
        self.wfile.write(json.dumps(report).encode())

def status(name):
    return {"status": "ok" if Path(os.environ["AITRADER_DATA_DIR"], name).exists() else "missing"}

ThreadingHTTPServer((os.environ["HOST"], int(os.environ["PORT"])), Answers).serve_forever()
"""
MIGRATE = """
import os, psycopg
with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
    connection.execute("CREATE TABLE IF NOT EXISTS migrated (at timestamptz)")
    connection.execute("INSERT INTO migrated VALUES (now())")
"""
ACCOUNTS = """
import sys
from pathlib import Path
assert sys.argv[1] == "ensure-admin"
Path(sys.argv[2]).write_text("token")
"""
SERVICE = """
import os, signal, subprocess, sys
from pathlib import Path
if os.environ.get("BROKEN") == "{name}":
    sys.exit("{name} has no model files")
subprocess.Popen(["sleep", "600"], start_new_session=True)  # as a pool's process that went its own way
Path("{name}").touch()
signal.pause()
"""
FLOWERS_APP = """
import os
from celery import Celery
app = Celery("stand_in", broker=os.environ["REDIS_URL"])
"""
STAND_INS = {
    "backend/__main__.py": API,
    "backend/core/db/migrate.py": MIGRATE,
    "backend/services/accounts.py": ACCOUNTS,
    "workers/__main__.py": SERVICE.format(name="worker"),
    "workers/relay.py": SERVICE.format(name="relay"),
    "workers/app.py": FLOWERS_APP,
}


@pytest.fixture(scope="module")
def stand_ins(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stand_ins")
    for name, code in STAND_INS.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(code)
    for package in ("backend", "backend/core", "backend/core/db", "backend/services", "workers"):
        (folder / package / "__init__.py").touch()
    return folder


@pytest.fixture(scope="module")
def given_servers(running_servers, tmp_path_factory):
    folder = tmp_path_factory.mktemp("given")
    with running_servers(folder / "data", folder) as command:
        connections = command.connections()
        yield {"DATABASE_URL": connections["database_url"], "REDIS_URL": connections["redis_url"]}


@pytest.fixture
def stack(running, stand_ins, tmp_path):
    """Return a starter of stacks in processes of their own."""

    def start(*, environ, **options):
        options = json.dumps({"port": 0, "with_flower": False, **options})
        return running(tmp_path / "data", tmp_path, UP, options, PYTHONPATH=str(stand_ins), **environ)

    return start


@pytest.fixture
def exit_code_of(stand_ins, tmp_path, monkeypatch, processes_of):
    """Yield a function that runs a stack within this process, for speed, and returns its exit code."""
    monkeypatch.setenv("PYTHONPATH", str(stand_ins))

    def run(given, on_ready=None, **options):
        options = {"port": 0, "with_flower": False, "data_dir": tmp_path / "data", **options}
        return run_stack(StackOptions(servers=ServerOptions.from_environ(given), **options), on_ready=on_ready)

    yield run
    assert processes_of(tmp_path / "data") == []


def http_status(url, *, user=None, password=None):
    request = urllib.request.Request(url)
    if user is not None:
        credentials = base64.b64encode(f"{user}:{password}".encode()).decode()
        request.add_header("Authorization", f"Basic {credentials}")
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=10) as response:
            return response.status
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def listening_socket(port=0):
    server = socket.socket()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind(("127.0.0.1", port))
    server.listen()
    return closing(server)


def usual_flower_port_taken():
    try:
        return listening_socket(FLOWER_PORT)
    except OSError:  # somebody else has taken it already
        return nullcontext()


def test_everything_comes_up_in_order_is_reported_and_ends_without_a_trace(stack, processes_of, is_gone, tmp_path):
    data_dir = tmp_path / "data"
    with usual_flower_port_taken(), stack(environ={}, with_flower=True) as command:
        ready = json.loads(command.line())
        state = read_state(data_dir)
        assert (state.pid, state.url, state.is_ready) == (command.pid, ready["url"], True)
        statuses = {component.name: component.status for component in state.components}
        assert statuses == dict.fromkeys(["postgres", "valkey", "api", "worker", "relay", "flower"], "ready")
        database_url = json.loads((data_dir / "connections.json").read_text())["database_url"]
        with psycopg.connect(database_url) as connection:
            assert connection.execute("SELECT count(*) FROM migrated").fetchone() == (1,)
        assert (data_dir / "admin.token").read_text() == "token"
        assert not ready["flower_url"].endswith(f":{FLOWER_PORT}")
        assert http_status(ready["flower_url"]) == 401
        password = (data_dir / "flower.password").read_text().strip()
        assert http_status(ready["flower_url"], user="admin", password=password) == 200
        family = command.family()
        command.send(signal.SIGINT)
        assert command.exit_code() == 0
        assert all(map(is_gone, family))
        assert processes_of(data_dir) == []
    assert read_state(data_dir) is None


def test_a_second_stack_names_the_first_and_killing_that_ends_the_products_processes(
    stack, given_servers, exit_code_of, capsys
):
    with stack(environ=given_servers) as command:
        url = json.loads(command.line())["url"]
        assert exit_code_of(given_servers) == 1
        assert f"(pid {command.pid}, {url})" in capsys.readouterr().err
        assert http_status(f"{url}/readyz") == 200
        family = command.family()
        assert sum(process.name() == "sleep" for process in family) == 2
        command.send(signal.SIGKILL)
        command.wait_until_gone(family)


def test_given_servers_are_used_none_are_started_and_who_waits_may_stop_the_stack(
    exit_code_of, given_servers, tmp_path
):
    seen = []

    async def on_ready(handle):
        seen.append((handle, read_state(tmp_path / "data")))
        handle.stop(3)

    assert exit_code_of(given_servers, on_ready) == 3
    ((handle, state),) = seen
    assert {component.name for component in state.components} == {"api", "worker", "relay"}
    assert handle.connections.database_url == given_servers["DATABASE_URL"]
    assert json.loads((tmp_path / "data" / "connections.json").read_text()) == {
        "database_url": given_servers["DATABASE_URL"],
        "redis_url": given_servers["REDIS_URL"],
    }


def test_a_given_database_that_does_not_answer_is_named_without_its_password(exit_code_of, capsys):
    assert exit_code_of({"DATABASE_URL": "postgresql+psycopg://me:s3cret@127.0.0.1:9/trades"}) == 1
    errors = capsys.readouterr().err
    assert "expected PostgreSQL at 127.0.0.1:9 (DATABASE_URL) to answer" in errors
    assert "s3cret" not in errors


@pytest.mark.parametrize(
    ("name", "option"),
    [
        ("port", "--port"),
        ("flower_port", "--flower-port"),
    ],
)
def test_a_taken_port_is_an_error_that_names_it_and_its_option(exit_code_of, given_servers, capsys, name, option):
    with listening_socket() as taken:
        port = taken.getsockname()[1]
        assert exit_code_of(given_servers, **{"with_flower": True, name: port}) == 1
        assert f"error: port {port} is taken ({option})" in capsys.readouterr().err


@pytest.mark.parametrize(("name", "option"), [("postgres_port", "--postgres-port"), ("redis_port", "--redis-port")])
def test_a_taken_port_of_a_server_is_an_error_too(tmp_path, capsys, name, option):
    with listening_socket() as taken:
        port = taken.getsockname()[1]
        servers = ServerOptions(**{name: port})
        options = StackOptions(port=0, data_dir=tmp_path / "data", with_flower=False, servers=servers)
        assert run_stack(options) == 1
        assert f"error: port {port} is taken ({option})" in capsys.readouterr().err


def test_a_component_that_fails_at_the_start_fails_the_stack_with_its_last_lines(
    exit_code_of, given_servers, capsys, monkeypatch
):
    monkeypatch.setenv("BROKEN", "worker")
    assert exit_code_of(given_servers) == 1
    errors = capsys.readouterr().err
    assert "error: worker ended with exit code 1 before it was ready" in errors
    assert "worker has no model files" in errors
