"""Installations that several integration tests share, beside the whole one."""

from collections.abc import Callable, Iterator

import httpx
import pytest

from tests.platform import Platform


@pytest.fixture(scope="session")
def replica(platform: Platform) -> str:
    """The address of a second API process of the shared installation."""
    return platform.start_api()


@pytest.fixture(scope="session")
def idle_platform(new_lasting_platform: Callable[..., Platform]) -> Platform:
    """An API without any worker, so jobs stay as they are; its limits are small, so tests reach them."""
    platform = new_lasting_platform(
        WEBSOCKET__MAX_PENDING="20",
        WEBSOCKET__AUTH_TIMEOUT_S="0.5",
        WEBSOCKET__RECHECK_TOKEN_S="0.3",
        WEBSOCKET__MAX_CONNECTIONS_PER_USER="3",
        WEBSOCKET__MAX_MESSAGE_BYTES="2000",
        WEBSOCKET__SNAPSHOT_JOBS="5",
        WEBSOCKET__HEARTBEAT_S="0.2",
        MAX_BODY_BYTES="500000",
        MAX_IMPORT_BYTES="500000",
        LOG_LEVEL="INFO",
        METRICS_TOKEN="of-the-scraper",
    )
    platform.start_api()
    return platform


@pytest.fixture
def user(platform: Platform) -> Iterator[httpx.Client]:
    """The requests of a new user, who has nothing yet."""
    with platform.client() as client:
        yield client


@pytest.fixture
def admin(platform: Platform) -> Iterator[httpx.Client]:
    with platform.client("admin") as client:
        yield client


@pytest.fixture
def idle_user(idle_platform: Platform) -> Iterator[httpx.Client]:
    with idle_platform.client() as client:
        yield client
