import pytest

from aitrader.stack.applications import Applications, http_url
from aitrader.stack.connections import Connections
from aitrader.stack.data_dir import open_data_dir

SECRET = "s3cret-word"


@pytest.fixture
def applications(tmp_path):
    connections = Connections(
        database_url=f"postgresql://u:{SECRET}@127.0.0.1/x", redis_url=f"redis://:{SECRET}@127.0.0.1:1/0"
    )
    return Applications(
        data_dir=open_data_dir(tmp_path), connections=connections, host="127.0.0.1", port=8000, workers=3
    )


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", "http://127.0.0.1:8000"),
        ("0.0.0.0", "http://127.0.0.1:8000"),
        ("::", "http://[::1]:8000"),
        ("trading.example", "http://trading.example:8000"),
    ],
)
def test_a_local_client_reaches_the_server_whatever_it_is_bound_to(host, expected):
    assert http_url(host, 8000) == expected


def test_no_secret_is_on_a_command_line(applications):
    components = (applications.api(), applications.worker(), applications.relay(), applications.flower(5555))
    programs = [applications.migrate(), applications.ensure_admin()]
    programs += [component.program for component in components]
    password = applications.data_dir.flower_password.read_text().strip()
    words = [word for program in programs for word in program.argv]
    assert [word for word in words if SECRET in word or password in word] == []
    assert all(SECRET in program.environ["DATABASE_URL"] for program in programs)


def test_flower_can_look_and_not_touch_and_asks_for_a_password(applications):
    environ = applications.flower(5555).program.environ
    password = applications.data_dir.flower_password.read_text().strip()
    assert environ["FLOWER_READ_ONLY"] == "true"
    assert environ["FLOWER_ADDRESS"] == "127.0.0.1"
    assert environ["FLOWER_BASIC_AUTH"] == f"admin:{password}"


def test_the_worker_runs_as_many_jobs_beside_each_other_as_told(applications):
    assert applications.worker().program.argv[-2:] == ("--concurrency", "3")
