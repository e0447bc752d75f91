import fcntl
import json

import pytest

from aitrader.client.installation import find_installation, find_url, is_loopback
from aitrader.errors import InvalidRequest, NoInstallation, Unauthenticated


@pytest.fixture
def local_stack(tmp_path, monkeypatch):
    """A data folder as a running stack keeps it: its files, and its lock held."""
    monkeypatch.setenv("AITRADER_DATA_DIR", str(tmp_path))
    state = {"pid": 7, "url": "http://127.0.0.1:8123", "is_ready": True}
    (tmp_path / "stack.json").write_text(json.dumps(state))
    (tmp_path / "admin.token").write_text("ait_local\n")
    with (tmp_path / "stack.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield tmp_path


def test_arguments_come_before_the_environment(monkeypatch):
    monkeypatch.setenv("AITRADER_URL", "http://elsewhere:1")
    monkeypatch.setenv("AITRADER_TOKEN", "ait_env")
    found = find_installation("https://trade.example/", "ait_given")
    assert (found.url, found.token) == ("https://trade.example", "ait_given")


def test_environment_comes_before_the_local_stack(local_stack, monkeypatch):
    monkeypatch.setenv("AITRADER_URL", "http://elsewhere:1")
    monkeypatch.setenv("AITRADER_TOKEN", "ait_env")
    found = find_installation()
    assert (found.url, found.token) == ("http://elsewhere:1", "ait_env")


def test_local_stack_is_found_with_its_admin_token(local_stack):
    found = find_installation()
    assert (found.url, found.token) == ("http://127.0.0.1:8123", "ait_local")
    assert found.websocket_url == "ws://127.0.0.1:8123/ws"


def test_admin_token_of_this_machine_is_never_sent_elsewhere(local_stack):
    with pytest.raises(Unauthenticated, match="AITRADER_TOKEN"):
        find_installation("https://trade.example")
    assert find_installation("http://localhost:8123").token == "ait_local"


def test_stopped_stack_is_no_installation(local_stack):
    (local_stack / "stack.lock").unlink()
    with pytest.raises(NoInstallation, match=r"no stack runs on .*aitrader up"):
        find_url()


def test_starting_stack_asks_for_a_moment(local_stack):
    (local_stack / "stack.json").write_text(json.dumps({"pid": 7, "url": None, "is_ready": False}))
    with pytest.raises(NoInstallation, match=r"pid 7.*still starting"):
        find_url()


def test_no_stack_and_no_token_say_what_to_do(tmp_path):
    with pytest.raises(NoInstallation, match="AITRADER_URL"):
        find_installation()
    with pytest.raises(Unauthenticated, match="AITRADER_TOKEN"):
        find_installation("http://127.0.0.1:1")


@pytest.mark.parametrize("url", ["trade.example", "ftp://trade.example", "http://", "http://a:b", "http://a:99999"])
def test_url_that_is_none_is_refused(url):
    with pytest.raises(InvalidRequest, match="expected a URL such as"):
        find_url(url)


@pytest.mark.parametrize("token", ["ait_\u00e9", "ait_a\nb"])
def test_token_that_no_header_can_carry_is_refused(token):
    with pytest.raises(Unauthenticated):
        find_installation("http://127.0.0.1:1", token)


def test_token_never_shows_in_the_repr():
    assert "s3cret" not in repr(find_installation("http://127.0.0.1:1", "ait_s3cret"))


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://127.0.0.1:8000", True),
        ("http://[::1]:8000", True),
        ("http://localhost", True),
        ("http://10.0.0.1", False),
        ("http://127.0.0.1.evil.example", False),
    ],
)
def test_only_this_machine_is_loopback(url, expected):
    assert is_loopback(url) is expected
