"""Rate limit, circuit breaker and cache, on a real Redis that several workers share."""

import zlib
from concurrent.futures import ThreadPoolExecutor

import pytest

from market_data.providers.news_sources import Budget, Question, RawNews
from tests.bar_bench import Bench
from tests.news_bench import NOW, WEEK
from tests.waiting import eventually
from workers.circuit_breaker import OPEN_S, OPENS_AT, CircuitBreaker
from workers.news_cache import KEPT_FOR_VALIDATORS_S, NewsCache
from workers.rate_limit import PREFIX, RateLimit

SLOW = Budget(burst=3, per_s=0.001)
QUESTION = Question(key="https://a.example/?s=AAPL", bucket="b", symbol="AAPL", since=NOW - WEEK, until=NOW)


def test_a_bucket_gives_its_burst_and_then_tells_how_long_to_wait(bench: Bench) -> None:
    limit = RateLimit(bench.broker)
    assert [limit.take("b", SLOW) for _ in range(3)] == [0.0, 0.0, 0.0]
    assert limit.take("b", SLOW) == pytest.approx(1_000, rel=0.01)
    assert limit.take("another", SLOW) == 0.0


def test_workers_that_take_at_the_same_time_get_no_more_than_there_is(bench: Bench) -> None:
    budget = Budget(burst=20, per_s=0.001)
    limits = [RateLimit(bench.broker) for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        waits = list(pool.map(lambda i: limits[i % 8].take("b", budget), range(100)))
    assert waits.count(0.0) == 20


def test_tokens_come_back_with_time_and_never_exceed_the_burst(bench: Bench) -> None:
    limit, budget = RateLimit(bench.broker), Budget(burst=2, per_s=50.0)
    assert (limit.take("b", budget), limit.take("b", budget)) == (0.0, 0.0)
    wait_s = limit.take("b", budget)
    assert 0.0 < wait_s <= 0.02
    eventually(lambda: limit.take("b", budget) == 0.0, timeout_s=5, what="a token")
    bench.broker.hset(PREFIX + "b", "at", 0)  # as if nobody had asked for ages
    assert [limit.take("b", budget) == 0.0 for _ in range(2)] == [True, True]
    assert float(bench.broker.hget(PREFIX + "b", "tokens") or 9) < 1.0


def test_a_block_holds_for_all_and_is_not_shortened(bench: Bench) -> None:
    RateLimit(bench.broker).block("b", SLOW, 600.0)
    RateLimit(bench.broker).block("b", SLOW, 1.0)
    other = RateLimit(bench.broker)
    assert other.take("b", SLOW) == pytest.approx(600, abs=5)
    assert 600_000 < bench.broker.pttl(PREFIX + "b") < 3_002_000


def test_a_bucket_that_nobody_uses_is_forgotten(bench: Bench) -> None:
    RateLimit(bench.broker).take("b", Budget(burst=2, per_s=1.0))
    assert 0 < bench.broker.pttl(PREFIX + "b") <= 3_000


def test_failures_open_the_breaker_for_all_workers(bench: Bench) -> None:
    one, other = CircuitBreaker(bench.broker), CircuitBreaker(bench.broker)
    for _ in range(OPENS_AT - 1):
        one.failed("s")
    assert other.left_alone_s("s") == 0.0
    one.failed("s")
    assert 0.0 < other.left_alone_s("s") <= OPEN_S
    assert other.left_alone_s("t") == 0.0


def test_an_answer_closes_the_breaker(bench: Bench) -> None:
    breaker = CircuitBreaker(bench.broker)
    breaker.failed("s", weight=OPENS_AT)
    assert breaker.left_alone_s("s") > 0.0
    breaker.answered("s")
    assert breaker.left_alone_s("s") == 0.0
    breaker.failed("s")
    assert breaker.left_alone_s("s") == 0.0


def test_after_a_while_one_request_is_let_through_and_its_failure_opens_again(bench: Bench) -> None:
    breaker = CircuitBreaker(bench.broker, open_s=0.05)
    breaker.failed("s", weight=OPENS_AT)
    eventually(lambda: breaker.left_alone_s("s") == 0.0, timeout_s=5, what="the half-open state")
    with ThreadPoolExecutor(4) as pool:
        assert all(wait_s > 0.0 for wait_s in pool.map(breaker.left_alone_s, ["s"] * 20))
    breaker.failed("s")
    assert 0.0 < breaker.left_alone_s("s") <= 0.05
    eventually(lambda: breaker.left_alone_s("s") == 0.0, timeout_s=5, what="the half-open state")
    breaker.answered("s")
    assert [breaker.left_alone_s("s") for _ in range(3)] == [0.0, 0.0, 0.0]


def test_old_failures_do_not_count(bench: Bench) -> None:
    breaker = CircuitBreaker(bench.broker)
    breaker.failed("s", weight=OPENS_AT - 1)
    bench.broker.hset("aitrader:breaker:s", "since", 1.0)
    breaker.failed("s")
    assert breaker.left_alone_s("s") == 0.0


def test_an_answer_is_kept_for_all_workers_and_packed(bench: Bench) -> None:
    raw = RawNews(body=b'{"feed": []}' * 1_000)
    NewsCache(bench.broker, fresh_s=60, max_bytes=100_000).put("rss", QUESTION, raw)
    kept = NewsCache(bench.broker, fresh_s=60, max_bytes=100_000).get("rss", QUESTION)
    assert kept is not None
    assert (kept.raw, kept.is_fresh) == (raw, True)
    (key,) = bench.broker.keys("aitrader:news:*")
    assert "a.example" not in key.decode()
    assert 50_000 < bench.broker.pttl(key) <= 60_000
    assert bench.broker.strlen(key) < 500


def test_an_answer_with_a_validator_is_kept_beyond_its_freshness(bench: Bench) -> None:
    cache = NewsCache(bench.broker, fresh_s=60, max_bytes=1_000)
    raw = RawNews(body=b"x", etag='"v1"', last_modified="yesterday")
    cache.put("rss", QUESTION, raw)
    (key,) = bench.broker.keys("aitrader:news:*")
    bench.broker.pexpire(key, (KEPT_FOR_VALIDATORS_S - 61) * 1_000)
    kept = cache.get("rss", QUESTION)
    assert kept is not None
    assert (kept.raw, kept.is_fresh) == (raw, False)


@pytest.mark.parametrize("packed", [b"", b"garbage", zlib.compress(b"no json\nbody")])
def test_what_cannot_be_read_is_asked_for_again(bench: Bench, packed: bytes) -> None:
    cache = NewsCache(bench.broker, fresh_s=60, max_bytes=1_000)
    cache.put("rss", QUESTION, RawNews(body=b"x"))
    (key,) = bench.broker.keys("aitrader:news:*")
    bench.broker.set(key, packed, keepttl=True)
    assert cache.get("rss", QUESTION) is None


def test_what_is_too_large_is_neither_kept_nor_unpacked(bench: Bench) -> None:
    cache = NewsCache(bench.broker, fresh_s=60, max_bytes=1_000)
    cache.put("rss", QUESTION, RawNews(body=b"x" * 1_001))
    assert cache.get("rss", QUESTION) is None
    NewsCache(bench.broker, fresh_s=60, max_bytes=10**6).put("rss", QUESTION, RawNews(body=b"x" * 900_000))
    assert cache.get("rss", QUESTION) is None
