import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.engine import make_url

from aitrader.stack import connections
from aitrader.stack.errors import ServerUnreachable

SECRET = "s3cret-word"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql+psycopg://u:p@db.example:5433/x", "postgresql://u:p@db.example:5433/x"),
        ("postgresql://u:p+q@h/x", "postgresql://u:p+q@h/x"),
    ],
)
def test_a_driver_is_taken_off_the_scheme_only(url, expected):
    assert connections.plain_database_url(url) == expected


@given(st.text(min_size=1, max_size=40).filter(lambda text: text.isprintable()), st.integers(1, 65535))
def test_any_password_survives_the_url(password, port):
    url = make_url(connections.database_url(password=password, port=port))
    assert (url.password, url.port, url.host) == (password, port, "127.0.0.1")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (f"postgresql://u:{SECRET}@db.example/x", "db.example:5432"),
        (f"redis://:{SECRET}@cache.example:6380/0", "cache.example:6380"),
        ("redis://cache.example", "cache.example:6379"),
        (f"postgresql://u:{SECRET}@h:port/x", "an address that cannot be read"),
    ],
)
def test_an_address_names_host_and_port_and_no_password(url, expected):
    assert connections.address(url) == expected


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://u:{SECRET}@127.0.0.1:1/x",
        f"postgresql+psycopg://u:{SECRET}@127.0.0.1:1/x",
        f"u:{SECRET}@127.0.0.1",
        f"postgresql://u:{SECRET}/{SECRET}@127.0.0.1:1/x",
        f"postgresql://u:p@127.0.0.1:1/x?{SECRET}=1",
    ],
)
def test_an_unreachable_database_is_reported_without_its_password(url):
    with pytest.raises(ServerUnreachable) as caught:
        asyncio.run(connections.require_database(url))
    assert "DATABASE_URL" in str(caught.value)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [f"redis://:{SECRET}@127.0.0.1:1/0", f"redis://:a/{SECRET}@127.0.0.1:1/0", f"{SECRET}@127.0.0.1"],
)
def test_an_unreachable_redis_is_reported_without_its_password(url):
    with pytest.raises(ServerUnreachable) as caught:
        asyncio.run(connections.require_redis(url))
    assert "REDIS_URL" in str(caught.value)
    assert SECRET not in str(caught.value)
