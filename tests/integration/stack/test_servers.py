"""PostgreSQL and Valkey from their wheels, under the supervisor, as a stranger would run them."""

import os
import shutil
import signal
import stat
import subprocess
import sys
from contextlib import suppress

import psutil
import psycopg
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from aitrader.stack.data_dir import open_data_dir
from aitrader.stack.postgres import OTHER_USER_ROOT, find_home, other_user_folder
from aitrader.stack.privileges import RunMode, nobody


def query(url, sql):
    with psycopg.connect(url, connect_timeout=5) as connection:
        cursor = connection.execute(sql)
        return None if cursor.description is None else cursor.fetchall()


def redis_client(url):
    return redis.Redis.from_url(url, socket_timeout=5, retry=Retry(NoBackoff(), 0), decode_responses=True)


def answers(action, *errors):
    """Return a condition: the action's answer, None while it raises one of the errors."""

    def condition():
        try:
            return action()
        except errors:
            return None

    return condition


def leave_data(connections):
    query(connections["database_url"], "CREATE TABLE kept AS SELECT 42 AS answer")
    with redis_client(connections["redis_url"]) as client:
        client.set("kept", "42")


def data_is_there(connections):
    with redis_client(connections["redis_url"]) as client:
        return query(connections["database_url"], "SELECT answer FROM kept") == [(42,)] and (client.get("kept") == "42")


@pytest.fixture(scope="module")
def long_data_dir(tmp_path_factory):
    """Return a data folder whose path no unix socket could have, in a folder only its owner may enter."""
    closed = tmp_path_factory.mktemp("closed")
    closed.chmod(0o700)
    return closed / ("a folder with a long name " * 6).strip() / "data"


@pytest.fixture(scope="module")
def servers(running_servers, long_data_dir, tmp_path_factory):
    with running_servers(long_data_dir, tmp_path_factory.mktemp("scratch")) as command:
        leave_data(command.connections())
        yield command


def test_the_url_names_the_database_in_the_plain_form(servers):
    connections = servers.connections()
    assert connections["database_url"].startswith("postgresql://aitrader:")
    assert connections["database_url"].endswith("/aitrader")
    assert query(connections["database_url"], "SELECT current_database()") == [("aitrader",)]


def test_the_servers_keep_their_promises_about_durability_and_access(servers):
    connections = servers.connections()
    with redis_client(connections["redis_url"]) as client:
        assert client.config_get("appendonly", "appendfsync", "save", "maxmemory-policy", "bind") == {
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": "",
            "maxmemory-policy": "noeviction",
            "bind": "127.0.0.1",
        }
    settings = "fsync", "listen_addresses", "unix_socket_directories", "password_encryption"
    shown = [query(connections["database_url"], f"SHOW {name}")[0][0] for name in settings]
    assert shown == ["on", "127.0.0.1", "", "scram-sha-256"]


def test_wrong_and_missing_passwords_are_refused(servers):
    connections = servers.connections()
    port = connections["database_url"].rpartition(":")[2]
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        query(f"postgresql://aitrader:wrong@127.0.0.1:{port}", "SELECT 1")
    with pytest.raises(psycopg.OperationalError, match="no password supplied"):
        query(f"postgresql://aitrader@127.0.0.1:{port}", "SELECT 1")
    address = connections["redis_url"].rpartition("@")[2]
    for secret in ("", ":wrong@"):
        with redis_client(f"redis://{secret}{address}") as client, pytest.raises(redis.AuthenticationError):
            client.ping()


def test_files_are_readable_by_their_owner_only(servers, long_data_dir):
    servers.connections()
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in (long_data_dir, *long_data_dir.rglob("*"))}
    assert {path: mode for path, mode in modes.items() if mode & 0o077} == {}


def test_no_password_is_on_a_command_line_in_a_log_or_in_the_state(servers, long_data_dir, processes_of):
    servers.connections()
    secrets = [path.read_text().strip() for path in long_data_dir.glob("*.password")]
    assert len(secrets) == 2
    public = [" ".join(process.cmdline()) for process in processes_of(long_data_dir)]
    public += [path.read_text() for path in (long_data_dir / "logs").iterdir()]
    public.append((long_data_dir / "stack.json").read_text())
    assert [text for text in public if any(secret in text for secret in secrets)] == []


def test_every_component_can_be_found_by_its_data_folder_and_session(servers, long_data_dir, processes_of):
    servers.connections()
    found = {process.pid for process in processes_of(long_data_dir)}
    pids = {component["pid"] for component in servers.components().values()}
    assert pids <= found
    assert {os.getsid(pid) for pid in pids} == {os.getsid(0)}


def test_a_second_start_on_the_same_folder_says_what_runs(servers, long_data_dir, running_servers, tmp_path):
    servers.connections()
    with running_servers(long_data_dir, tmp_path) as second:
        assert second.exit_code() == 1
        assert f"a stack already runs on {long_data_dir} (pid {servers.pid})" in second.stderr
    assert data_is_there(servers.connections())


@pytest.mark.parametrize("name", ["postgres", "valkey"])
def test_a_killed_server_comes_back_with_its_data(servers, eventually, name):
    connections = servers.connections()
    killed = servers.components()[name]
    os.kill(killed["pid"], signal.SIGKILL)
    eventually(lambda: servers.components()[name]["restarts"] > killed["restarts"])
    eventually(lambda: servers.components()[name]["status"] == "ready")
    assert eventually(answers(lambda: data_is_there(connections), psycopg.OperationalError, redis.ConnectionError))
    assert f"{name} died (signal SIGKILL" in servers.stderr


def test_killing_the_supervisor_leaves_no_process_and_loses_no_data(running_servers, processes_of, tmp_path):
    data_dir = tmp_path / "data"
    with running_servers(data_dir, tmp_path) as first:
        leave_data(first.connections())
        first_family = first.family()
        first.send(signal.SIGKILL)
        # Started at once: the children of the killed PostgreSQL may still be about to notice.
        with running_servers(data_dir, tmp_path) as second:
            assert data_is_there(second.connections())
            second_family = second.family()
            second.send(signal.SIGKILL)
            second.wait_until_gone(first_family + second_family)
            assert processes_of(data_dir) == []


def test_the_end_of_the_input_stops_both_and_ports_and_passwords_are_kept(running_servers, is_gone, tmp_path):
    data_dir = tmp_path / "data"
    with running_servers(data_dir, tmp_path) as first:
        connections = first.connections()
        leave_data(connections)
        family = first.family()
        first.close_input()
        assert first.exit_code() == 0
        assert all(map(is_gone, family))
    with running_servers(data_dir, tmp_path) as second:
        assert second.connections() == connections
        assert data_is_there(connections)


def test_an_interrupt_during_the_start_stops_what_was_started(running_servers, eventually, is_gone, tmp_path):
    data_dir = tmp_path / "data"
    with running_servers(data_dir, tmp_path) as command:
        eventually((data_dir / "logs" / "initdb.log").exists)
        family = command.family()
        command.send(signal.SIGINT)
        assert command.exit_code() == 0
        assert all(map(is_gone, family))
        assert command.stdout == ""


SERVERS = """
import sys
from aitrader.stack.privileges import RunMode
from aitrader.stack.servers import main
sys.exit(main([sys.argv[1]], run_mode=RunMode(sys.argv[2])))
"""
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root must run PostgreSQL as somebody else")


@pytest.fixture
def data_dir_with_other_home(tmp_path):
    data_dir = tmp_path / "data"
    yield data_dir
    shutil.rmtree(other_user_folder((data_dir / "postgres.password").read_text().strip()))
    with suppress(OSError):  # other data folders have theirs there
        OTHER_USER_ROOT.rmdir()


@needs_root
def test_root_runs_postgres_as_nobody_where_told_to(running_servers, data_dir_with_other_home, tmp_path):
    with running_servers(data_dir_with_other_home, tmp_path, run_mode=RunMode.OTHER_USER) as command:
        leave_data(command.connections())
        assert uid_of_postgres(command) == nobody()[0]
        assert not (data_dir_with_other_home / "postgres" / "cluster").exists()
        family = command.family()
        assert command.stop() == 0
        assert [process for process in family if process.is_running()] == []


@needs_root
def test_the_data_moves_once_when_a_namespace_is_refused_and_stays_there(
    running_servers, data_dir_with_other_home, tmp_path
):
    with running_servers(data_dir_with_other_home, tmp_path, run_mode=RunMode.USER_NAMESPACE) as command:
        leave_data(command.connections())
        assert uid_of_postgres(command) == 0  # as seen from outside the namespace
        assert command.stop() == 0
    with running_servers(data_dir_with_other_home, tmp_path, run_mode=RunMode.OTHER_USER) as command:
        assert data_is_there(command.connections())
        assert uid_of_postgres(command) == nobody()[0]
        assert command.stop() == 0
    # A namespace would work again, as the first start showed; but the data is elsewhere by now.
    assert find_home(open_data_dir(data_dir_with_other_home)).run_mode is RunMode.OTHER_USER


@needs_root
@pytest.mark.skipif(shutil.which("unshare") is None, reason="makes a root without power by unshare")
def test_a_root_who_cannot_become_nobody_is_told_what_to_do(data_dir_with_other_home):
    arguments = [str(data_dir_with_other_home), RunMode.OTHER_USER]
    answer = subprocess.run(
        ["unshare", "--user", "--map-root-user", sys.executable, "-c", SERVERS, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert answer.returncode == 1
    assert "error: PostgreSQL does not run as root; expected to run it as nobody" in answer.stderr
    assert "set DATABASE_URL" in answer.stderr


def uid_of_postgres(command):
    return psutil.Process(command.components()["postgres"]["pid"]).uids().real
