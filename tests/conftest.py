"""Servers and processes for all tests: started here, on ports and folders of their own, and ended here."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import redis
from hypothesis import settings

from tests.platform import Platform, Servers, migrated_template, running_servers

settings.register_profile("shared_cores", deadline=None)  # a slow moment of the machine is not a bug
settings.load_profile("shared_cores")

FREE_REDIS_NUMBERS = list(range(15, 0, -1))


@pytest.fixture(autouse=True)
def _no_other_installation(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keep tests away from a stack that happens to run on this machine."""
    for name in ("DATABASE_URL", "REDIS_URL", "AITRADER_URL", "AITRADER_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AITRADER_DATA_DIR", str(tmp_path / "nothing-here"))


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    os.environ.pop("DATABASE_URL", None)
    os.environ.pop("REDIS_URL", None)
    with running_servers(tmp_path_factory.mktemp("servers")) as started:
        yield started


@pytest.fixture(scope="session")
def template(servers: Servers) -> str:
    return migrated_template(servers)


@contextmanager
def installation(
    servers: Servers, template: str, folder: Path, environment: dict[str, str] | None = None
) -> Iterator[Platform]:
    """Lend a database and a Redis number; whatever was started on them is stopped at the end."""
    number = FREE_REDIS_NUMBERS.pop()
    redis_url = servers.redis_url.rpartition("/")[0] + f"/{number}"
    platform = Platform(servers.new_database(template=template), redis_url, folder, environment or {})
    try:
        yield platform
    finally:
        platform.stop()
        with redis.Redis.from_url(redis_url) as client:
            client.flushdb()
        FREE_REDIS_NUMBERS.append(number)


@contextmanager
def installations(
    servers: Servers, template: str, folders: pytest.TempPathFactory
) -> Iterator[Callable[..., Platform]]:
    """Lend a maker of installations, with no process in them yet; all of them are stopped at the end."""
    with ExitStack() as stack:

        def make(**environment: str) -> Platform:
            folder = folders.mktemp("data")
            return stack.enter_context(installation(servers, template, folder, environment))

        yield make


@pytest.fixture(scope="session")
def new_lasting_platform(
    servers: Servers, template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., Platform]]:
    """Give a maker of installations that live as long as the session: each costs the tests after it processor time."""
    with installations(servers, template, tmp_path_factory) as make:
        yield make


@pytest.fixture(scope="module")
def new_platform(
    servers: Servers, template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., Platform]]:
    """Give a maker of installations that live as long as the module's tests."""
    with installations(servers, template, tmp_path_factory) as make:
        yield make


@pytest.fixture
def scratch_platform(servers: Servers, template: str, tmp_path: Path) -> Iterator[Platform]:
    """Give an installation for one test, with no process in it."""
    with installation(servers, template, tmp_path) as platform:
        yield platform


@pytest.fixture(scope="session")
def platform(new_lasting_platform: Callable[..., Platform]) -> Platform:
    """One whole installation that most tests share: an API, a worker with two children, a relay."""
    platform = new_lasting_platform(WEBHOOKS__ALLOW_PRIVATE_TARGETS="true")  # receivers of these tests are on loopback
    platform.start_all()
    return platform
