from datetime import UTC, datetime

from aitrader.stack.data_dir import exclusive, open_data_dir
from aitrader.stack.state import ComponentState, ComponentStatus, StackState, read_state, write_state


def a_state(tmp_path):
    started_at = datetime(2026, 1, 2, tzinfo=UTC)
    api = ComponentState(
        name="api",
        status=ComponentStatus.READY,
        pid=12,
        started_at=started_at,
        restarts=0,
        log=tmp_path / "api.log",
    )
    url = "http://127.0.0.1:8000"
    return StackState(pid=11, run_id="f00", started_at=started_at, url=url, components=(api,))


def test_the_state_is_read_back_while_the_owner_lives(tmp_path):
    data_dir, state = open_data_dir(tmp_path), a_state(tmp_path)
    with exclusive(data_dir):
        write_state(data_dir, state)
        assert read_state(tmp_path) == state


def test_nothing_runs_once_the_lock_is_free_whatever_the_file_says(tmp_path):
    write_state(open_data_dir(tmp_path), a_state(tmp_path))
    assert read_state(tmp_path) is None


def test_a_folder_that_does_not_exist_runs_nothing(tmp_path):
    assert read_state(tmp_path / "missing") is None


def test_a_file_of_another_version_is_no_state(tmp_path):
    data_dir = open_data_dir(tmp_path)
    with exclusive(data_dir):
        data_dir.state.write_text('{"pid": "many"}')
        assert read_state(tmp_path) is None
