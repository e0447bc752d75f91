import itertools

from aitrader.log_tail import component_names, new_lines, open_tails
from aitrader.stack.log_files import LogFile


def texts(lines):
    return [line.text for line in lines]


def test_lines_are_read_once_and_only_when_complete(tmp_path):
    path = tmp_path / "api.log"
    path.write_bytes(b"one\ntwo\nthr")
    (tail,) = open_tails(tmp_path, ["api"])
    assert texts(tail.read()) == ["one", "two"]
    with path.open("ab") as file:
        file.write(b"ee\n")
    assert texts(tail.read()) == ["three"]
    assert tail.read() == []
    tail.close()


def test_nothing_is_lost_when_the_log_is_moved_aside(tmp_path):
    log = LogFile(tmp_path / "api.log", max_bytes=60, kept_files=3)
    (tail,) = open_tails(tmp_path, ["api"])
    seen = []
    for number in range(30):
        log.write(b"line %02d" % number)
        seen += texts(tail.read())
    log.close()
    tail.close()
    assert seen == [f"line {number:02}" for number in range(30)]
    assert (tmp_path / "api.log.1").exists()


def test_new_lines_of_all_components_come_with_their_names(tmp_path):
    for name in ("api", "worker"):
        (tmp_path / f"{name}.log").write_text("ready\n")
    (tmp_path / "api.log.1").write_text("old\n")
    assert component_names(tmp_path) == ["api", "worker"]
    tails = open_tails(tmp_path, ["api", "worker"])
    found = list(itertools.islice(new_lines(tails), 2))
    for tail in tails:
        tail.close()
    assert [(line.component, line.text) for line in found] == [("api", "ready"), ("worker", "ready")]
