import json
import subprocess
import sys

SCRIPT = """
import logging
import structlog
from backend.core.logging import configure_logging, get_logger
from backend.settings import Settings
configure_logging(Settings(), service="api")
log = get_logger("backend.test")
log.debug("unheard")
with structlog.contextvars.bound_contextvars(job_id="j1"):
    log.info("job_done", count=2)
logging.getLogger("library").warning("from %s", "elsewhere")
try:
    1 / 0
except ZeroDivisionError as error:
    log.error("went_wrong", exc_info=error)
"""

UVICORN_SCRIPT = """
import logging
import uvicorn
from backend.core.logging import configure_logging
from backend.settings import Settings
uvicorn.Config("backend.main:app")
access = logging.getLogger("uvicorn.access")
assert access.hasHandlers()
configure_logging(Settings(debug=True), service="api")
access.info('%s - "%s %s HTTP/%s" %d', "127.0.0.1:9", "GET", "/jobs?token=ait_secret", "1.1", 200)
assert not access.hasHandlers()
"""


def test_every_line_is_one_json_object_whoever_logs() -> None:
    ended = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    assert ended.stdout == ""
    done, foreign, wrong = (json.loads(line) for line in ended.stderr.splitlines())
    assert {name: done[name] for name in ("event", "count", "job_id", "service", "level")} == {
        "event": "job_done",
        "count": 2,
        "job_id": "j1",
        "service": "api",
        "level": "info",
    }
    assert done["timestamp"].endswith("Z")
    assert (foreign["event"], foreign["level"]) == ("from elsewhere", "warning")
    assert "job_id" not in foreign
    assert "ZeroDivisionError" in wrong["exception"]


def test_access_log_of_uvicorn_with_its_queries_is_off() -> None:
    ended = subprocess.run([sys.executable, "-c", UVICORN_SCRIPT], capture_output=True, text=True, check=True)
    assert (ended.stdout, ended.stderr) == ("", "")


ELSEWHERE = """
import contextvars
import threading
from backend.core.logging import configure_logging, get_logger
from backend.settings import Settings
configure_logging(Settings(redis_url="redis://:redis-pass@host/0"), service="api")
log = get_logger("backend.test")
thread = threading.Thread(target=log.info, args=("said",))
thread.start()
thread.join()
contextvars.Context().run(log.info, "said")
log.warning("lost", error="Error 111 connecting to redis://:redis-pass@host:6379", token="t")
"""


def test_service_is_in_every_line_and_no_secret_is_in_any() -> None:
    ended = subprocess.run([sys.executable, "-c", ELSEWHERE], capture_output=True, text=True, check=True)
    lines = [json.loads(line) for line in ended.stderr.splitlines()]
    assert [line["service"] for line in lines] == ["api"] * 3
    assert "redis-pass" not in ended.stderr
    assert lines[2]["token"] == "[redacted]"
