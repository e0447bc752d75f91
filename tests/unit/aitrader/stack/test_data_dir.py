import stat
import subprocess
import sys
from pathlib import Path

import pytest

from aitrader.stack.data_dir import exclusive, is_locked, open_data_dir
from aitrader.stack.errors import DataDirUnusable, StackRunning
from backend.settings.connections import default_data_dir


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_the_environment_names_the_default_data_dir(monkeypatch):
    monkeypatch.setenv("AITRADER_DATA_DIR", "/srv/trading")
    assert default_data_dir() == Path("/srv/trading")


def test_without_it_the_default_lies_in_the_users_own_place(monkeypatch):
    monkeypatch.delenv("AITRADER_DATA_DIR", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", "/home/alice/data")
    assert default_data_dir().name == "aitrader"


def test_a_new_data_dir_and_its_folders_are_private(tmp_path):
    data_dir = open_data_dir(tmp_path / "a" / "b")
    assert [mode(path) for path in (data_dir.path, data_dir.logs, data_dir.cache)] == [0o700] * 3


def test_an_empty_folder_becomes_private_and_a_used_one_keeps_its_mode(tmp_path):
    for name in ("empty", "used"):
        (tmp_path / name).mkdir()
        (tmp_path / name).chmod(0o755)
    (tmp_path / "used" / "file").touch()
    assert mode(open_data_dir(tmp_path / "empty").path) == 0o700
    assert mode(open_data_dir(tmp_path / "used").path) == 0o755


def test_a_relative_name_becomes_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert open_data_dir(Path("data")).path == tmp_path / "data"


def test_a_file_in_the_way_is_a_clear_error(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(DataDirUnusable, match="expected a data folder to write to"):
        open_data_dir(tmp_path / "file")


def test_a_data_dir_has_one_owner_at_a_time(tmp_path):
    data_dir = open_data_dir(tmp_path)
    assert not is_locked(data_dir)
    with exclusive(data_dir):
        assert is_locked(data_dir)
        with pytest.raises(StackRunning, match=str(tmp_path)), exclusive(data_dir):
            pass
    assert not is_locked(data_dir)


def test_the_lock_goes_with_a_process_that_is_killed(tmp_path):
    data_dir = open_data_dir(tmp_path)
    hold = (
        "import fcntl, sys; f = open(sys.argv[1], 'w'); fcntl.flock(f, fcntl.LOCK_EX); "
        "print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", hold, str(data_dir.lock)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout.readline() == b"held\n"
        assert is_locked(data_dir)
        holder.kill()
    assert not is_locked(data_dir)
