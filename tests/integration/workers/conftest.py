"""One installation for all tests of bars; each starts with an empty store."""

from collections.abc import Callable, Iterator

import pytest
import redis

from backend.core.db.sessions import sync_engine
from backend.services.accounts import create_token, find_user
from backend.settings import Settings
from tests.bar_bench import Bench
from tests.news_bench import NewsBench
from tests.platform import Platform
from tests.vendors import running_vendor


@pytest.fixture(scope="package")
def installed(new_lasting_platform: Callable[..., Platform]) -> Iterator[Bench]:
    platform = new_lasting_platform()
    settings = Settings(
        database_url=platform.database_url, redis_url=platform.redis_url, AITRADER_DATA_DIR=platform.data_dir
    )
    engine = sync_engine(settings.database)
    broker = redis.Redis.from_url(platform.redis_url)
    create_token(engine, user_name="ann", role="admin")
    with engine.begin() as connection:
        user = find_user(connection, "ann")
    yield Bench(platform, engine, broker, settings, user)
    broker.close()
    engine.dispose()


@pytest.fixture
def bench(installed: Bench) -> Bench:
    installed.run("TRUNCATE bars, bar_series, jobs, job_attempts, job_lanes CASCADE")
    installed.broker.flushdb()
    return installed


@pytest.fixture
def news(bench: Bench) -> Iterator[NewsBench]:
    bench.run("TRUNCATE articles, article_symbols, article_scores")
    with running_vendor() as vendor:
        yield NewsBench(bench, vendor)
