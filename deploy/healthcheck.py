"""Exit 0 if the service in this container is well, else 1 and say why: `python deploy/healthcheck.py worker`.

api     answers that it can accept jobs
worker  its keeper told Redis a moment ago that it lives (no question that a busy worker would have to answer)
relay   the same, active or standing by
flower  its port speaks HTTP
"""

import json
import socket
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence

from redis.exceptions import RedisError

from backend.core import heartbeats
from backend.core.redis import sync_redis
from backend.settings import Settings

ANSWER_WITHIN_S = 4.0
FLOWER_PORT = 5555


def main(arguments: Sequence[str]) -> int:
    """Return the exit code of the check."""
    if len(arguments) != 1 or arguments[0] not in CHECKS:
        sys.stderr.write(f"expected one of {', '.join(CHECKS)}, it was {' '.join(arguments)!r}\n")
        return 2
    problem = CHECKS[arguments[0]]()
    if problem is not None:
        sys.stderr.write(problem + "\n")
    return 0 if problem is None else 1


def _api() -> str | None:
    return _http_problem(f"http://127.0.0.1:{Settings().port}/readyz")


def _worker() -> str | None:
    return _silence(heartbeats.WORKERS)


def _relay() -> str | None:
    return _silence(heartbeats.RELAYS)


def _flower() -> str | None:
    problem = _http_problem(f"http://127.0.0.1:{FLOWER_PORT}/")
    return None if problem == "it answered 401" else problem  # asking for a password is an answer


def _http_problem(url: str) -> str | None:
    try:
        with urllib.request.urlopen(url, timeout=ANSWER_WITHIN_S):  # noqa: S310 - our own http:// address
            return None
    except urllib.error.HTTPError as error:
        return f"it answered {error.code}"
    except OSError as error:
        return f"it does not answer: {error}"


def _silence(prefix: str) -> str | None:
    host = socket.gethostname()
    redis = sync_redis(Settings().redis)
    try:
        keys = list(redis.scan_iter(prefix + "*", count=1000))
        signs = [json.loads(text) for text in redis.mget(keys) if text is not None] if keys else []
    except RedisError as error:
        return f"Redis, which signs of life go to, does not answer: {type(error).__name__}"
    finally:
        redis.close()
    return None if any(sign["host"] == host for sign in signs) else f"no sign of life from {host}"


CHECKS: Mapping[str, Callable[[], str | None]] = {
    "api": _api,
    "worker": _worker,
    "relay": _relay,
    "flower": _flower,
}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
