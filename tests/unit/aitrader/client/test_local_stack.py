"""The client reads the data folder by itself; it must read it as the stack and the server do."""

import os
from datetime import UTC, datetime

import pytest

from aitrader.client.local_stack import admin_token, data_dir, running_stack
from aitrader.stack.data_dir import exclusive, open_data_dir
from aitrader.stack.state import StackState, read_state, write_state
from backend.settings.connections import default_data_dir


@pytest.fixture
def folder(tmp_path):
    opened = open_data_dir(tmp_path / "data")
    state = StackState(
        pid=os.getpid(), run_id="a", started_at=datetime.now(UTC), url="http://127.0.0.1:8001", is_ready=True
    )
    write_state(opened, state)
    return opened


@pytest.mark.parametrize("named", ["/somewhere", "", None])
def test_data_folder_is_the_servers_own(monkeypatch, named):
    monkeypatch.delenv("AITRADER_DATA_DIR")
    if named is not None:
        monkeypatch.setenv("AITRADER_DATA_DIR", named)
    assert data_dir() == default_data_dir()


def test_running_stack_is_what_the_stack_wrote(folder):
    with exclusive(folder):
        found, written = running_stack(folder.path), read_state(folder.path)
    assert found is not None
    assert (found.pid, found.url, found.is_ready) == (written.pid, written.url, written.is_ready)


def test_stack_that_holds_no_lock_does_not_run(folder):
    with exclusive(folder):
        pass
    assert running_stack(folder.path) is None
    assert read_state(folder.path) is None


def test_looking_does_not_keep_a_stack_from_starting(folder):
    with exclusive(folder):
        pass
    running_stack(folder.path)
    with exclusive(folder):
        assert running_stack(folder.path) is not None


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"pid": "x"}'])
def test_state_that_cannot_be_read_is_no_stack(folder, text):
    folder.state.write_text(text)
    with exclusive(folder):
        assert running_stack(folder.path) is None


def test_token_is_read_without_its_line_end(folder):
    folder.admin_token.write_text("ait_me\n")
    assert admin_token(folder.path) == "ait_me"
