import os
import stat

import pytest

from backend.core.private_files import kept_password, private_folder, write_private


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def open_umask():
    before = os.umask(0)
    yield
    os.umask(before)


def test_a_private_file_is_readable_by_its_owner_only(tmp_path, open_umask):
    write_private(tmp_path / "secret", "text")
    assert mode(tmp_path / "secret") == 0o600
    assert (tmp_path / "secret").read_text() == "text"


def test_a_file_that_was_open_to_all_is_private_once_replaced(tmp_path, open_umask):
    (tmp_path / "secret").write_text("old")
    (tmp_path / "secret").chmod(0o666)
    write_private(tmp_path / "secret", "new")
    assert mode(tmp_path / "secret") == 0o600


def test_a_write_that_fails_keeps_the_old_content_and_leaves_no_other_file(tmp_path):
    write_private(tmp_path / "secret", "old")
    with pytest.raises(UnicodeEncodeError):
        write_private(tmp_path / "secret", "\ud800")
    assert [path.name for path in tmp_path.iterdir()] == ["secret"]
    assert (tmp_path / "secret").read_text() == "old"


def test_a_password_is_made_once_and_kept(tmp_path):
    first = kept_password(tmp_path / "a.password")
    assert kept_password(tmp_path / "a.password") == first
    assert mode(tmp_path / "a.password") == 0o600


def test_two_passwords_differ_and_are_long(tmp_path):
    first, second = kept_password(tmp_path / "a"), kept_password(tmp_path / "b")
    assert first != second
    assert min(len(first), len(second)) >= 32


def test_a_private_folder_is_tightened_when_it_was_open(tmp_path, open_umask):
    (tmp_path / "folder").mkdir(mode=0o755)
    assert mode(private_folder(tmp_path / "folder")) == 0o700
    assert mode(private_folder(tmp_path / "new")) == 0o700
