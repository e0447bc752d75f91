import stat

from hypothesis import given
from hypothesis import strategies as st

from aitrader.stack.log_files import TAIL_LINES, LogFile


def test_lines_are_appended_to_what_earlier_runs_wrote(tmp_path):
    for text in (b"first run", b"second run"):
        log = LogFile(tmp_path / "api.log")
        log.write(text)
        log.close()
    assert (tmp_path / "api.log").read_bytes() == b"first run\nsecond run\n"


def test_a_log_is_readable_by_its_owner_only(tmp_path):
    LogFile(tmp_path / "api.log").close()
    assert stat.S_IMODE((tmp_path / "api.log").stat().st_mode) == 0o600


def test_a_full_file_is_set_aside_and_the_oldest_is_dropped(tmp_path):
    log = LogFile(tmp_path / "api.log", max_bytes=10, kept_files=2)
    for number in range(8):
        log.write(b"line %d" % number)
    log.close()
    kept = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert kept == {"api.log": "line 7\n", "api.log.1": "line 6\n", "api.log.2": "line 5\n"}


def test_the_tail_holds_the_last_lines_of_this_run(tmp_path):
    log = LogFile(tmp_path / "api.log")
    for number in range(TAIL_LINES + 5):
        log.write(b"line %d" % number)
    assert log.tail() == tuple(f"line {number}" for number in range(5, TAIL_LINES + 5))
    log.close()


def test_bytes_that_are_no_text_are_kept_in_the_file_and_shown_as_such(tmp_path):
    log = LogFile(tmp_path / "api.log")
    log.write(b"\xff\xfe")
    log.close()
    assert (tmp_path / "api.log").read_bytes() == b"\xff\xfe\n"
    assert log.tail() == ("��",)


def test_lines_that_could_not_be_written_are_counted_in_the_log(tmp_path):
    log = LogFile(tmp_path / "api.log", max_bytes=100, kept_files=1)
    log.write(b"x" * 99)
    (tmp_path / "api.log.1").mkdir()  # the full file cannot be set aside: as bad as a full disk
    log.write(b"lost 1")
    log.write(b"lost 2")
    (tmp_path / "api.log.1").rmdir()
    log.write(b"kept")
    log.close()
    assert (tmp_path / "api.log").read_text() == "(2 lines lost: the log could not be written)\nkept\n"


@given(st.lists(st.binary(max_size=30).filter(lambda line: b"\n" not in line), max_size=50))
def test_all_files_together_stay_within_their_bound(tmp_path_factory, lines):
    folder = tmp_path_factory.mktemp("logs")
    log = LogFile(folder / "api.log", max_bytes=40, kept_files=2)
    for line in lines:
        log.write(line)
    log.close()
    assert all(path.stat().st_size <= 40 for path in folder.iterdir())
    assert len(list(folder.iterdir())) <= 3
