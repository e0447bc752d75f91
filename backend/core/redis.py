"""Redis clients whose every call ends in bounded time."""

from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from redis.backoff import NoBackoff
from redis.retry import Retry

CONNECT_TIMEOUT_S = 1.0
ANSWER_TIMEOUT_S = 2.0


def sync_redis(url: str, *, within_s: float | None = None) -> Redis:
    """Return a client; `within_s`: for who has no time to lose, each of its two waits, and no second try."""
    return Redis.from_url(
        url,
        socket_connect_timeout=CONNECT_TIMEOUT_S if within_s is None else within_s,
        socket_timeout=ANSWER_TIMEOUT_S if within_s is None else within_s,
        socket_keepalive=True,
        retry=Retry(NoBackoff(), 1 if within_s is None else 0),
    )


def async_redis(url: str) -> AsyncRedis:
    from redis.asyncio.retry import Retry as AsyncRetry  # noqa: PLC0415 - shadows the sync name above

    return AsyncRedis.from_url(
        url,
        socket_connect_timeout=CONNECT_TIMEOUT_S,
        socket_timeout=ANSWER_TIMEOUT_S,
        socket_keepalive=True,
        retry=AsyncRetry(NoBackoff(), 1),
    )
