import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from backend.settings import Settings
from backend.settings.connections import normal_database_url

HIDDEN = "hunter2"
DATABASE = f"postgresql+psycopg://me:{HIDDEN}@db.example:5432/aitrader?sslmode=require"


@pytest.mark.parametrize(
    "scheme", ["postgres", "postgresql", "postgresql+psycopg", "postgresql+asyncpg", "postgresql+psycopg2"]
)
def test_every_form_of_a_postgres_address_is_taken(monkeypatch: pytest.MonkeyPatch, scheme: str) -> None:
    monkeypatch.setenv("DATABASE_URL", DATABASE.replace("postgresql+psycopg", scheme))
    assert Settings().database == DATABASE


@pytest.mark.parametrize("url", ["mysql://x", "postgresqlx://x", "x", "", "sqlite:///x"])
def test_other_databases_are_refused(url: str) -> None:
    with pytest.raises(ValueError, match="must begin with postgres://"):
        normal_database_url(url)


@given(st.text(st.characters(codec="ascii", exclude_characters="\0"), max_size=40))
def test_what_follows_the_scheme_is_never_touched(rest: str) -> None:
    assert normal_database_url(f"postgres://{rest}") == f"postgresql+psycopg://{rest}"


def test_secrets_are_not_in_the_repr() -> None:
    settings = Settings(database_url=DATABASE, redis_url=f"redis://:{HIDDEN}@r:6379/0")
    assert HIDDEN in settings.database
    assert HIDDEN in settings.redis
    assert HIDDEN not in repr(settings)
    assert HIDDEN not in str(settings)


def test_secret_is_not_in_the_refusal_of_an_address() -> None:
    with pytest.raises(ValidationError) as refused:
        Settings(database_url=f"mysql://me:{HIDDEN}@db/x")
    assert HIDDEN not in str(refused.value)


def test_lists_are_written_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CORS_ORIGINS", "https://a.example, https://b.example ,")
    monkeypatch.setenv("MARKET__PROVIDERS", "sample")
    settings = Settings()
    assert settings.cors_origins == ("https://a.example", "https://b.example")
    assert settings.market.providers == ("sample",)


def test_groups_are_set_with_two_underscores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEBSOCKET__MAX_PENDING", "7")
    monkeypatch.setenv("JOBS__LEASE_S", "3.5")
    settings = Settings()
    assert (settings.websocket.max_pending, settings.jobs.lease_s) == (7, 3.5)


@pytest.mark.parametrize(
    ("name", "value"),
    [("PORT", "0"), ("PORT", "web"), ("LOG_LEVEL", "LOUD"), ("JOBS__LEASE_S", "0"), ("JOBS__LEASES", "1")],
)
def test_wrong_setting_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ValidationError) as refused:
        Settings()
    assert name.lower().replace("__", ".") in str(refused.value).lower()


def test_running_local_stack_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AITRADER_DATA_DIR", str(tmp_path))
    found = {"database_url": "postgres://stack/db", "redis_url": "redis://stack/0", "pid": 1}
    (tmp_path / "connections.json").write_text(json.dumps(found))
    assert Settings().database == "postgresql+psycopg://stack/db"
    assert Settings().redis == "redis://stack/0"


def test_environment_goes_before_the_local_stack(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AITRADER_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("REDIS_URL", "redis://mine/1")
    (tmp_path / "connections.json").write_text(json.dumps({"redis_url": "redis://stack/0"}))
    assert Settings().redis == "redis://mine/1"


@pytest.mark.parametrize("content", [None, "", "{", "[]", "null", '"text"'])
def test_without_any_address_it_is_said_how_to_get_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str | None
) -> None:
    monkeypatch.setenv("AITRADER_DATA_DIR", str(tmp_path))
    if content is not None:
        (tmp_path / "connections.json").write_text(content)
    settings = Settings()
    with pytest.raises(LookupError, match="set DATABASE_URL, or start the local stack"):
        _ = settings.database
    with pytest.raises(LookupError, match="set REDIS_URL, or start the local stack"):
        _ = settings.redis


def test_artifacts_lie_in_the_data_folder_unless_told(tmp_path: Path) -> None:
    assert Settings(AITRADER_DATA_DIR=tmp_path).artifacts == f"file://{tmp_path}/artifacts"
    assert Settings(artifacts_url="s3://bucket/x").artifacts == "s3://bucket/x"


def test_data_folder_is_the_same_from_every_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AITRADER_DATA_DIR", "data")
    assert Settings().data_dir == tmp_path / "data"


def test_empty_key_is_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWS__FINNHUB_KEY", "")
    assert Settings().news.finnhub_key is None


def test_a_source_of_news_that_there_is_not_is_refused_with_those_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWS__SOURCES", "finhub,rss")
    with pytest.raises(ValidationError, match=r"'rss', 'yfinance', 'alpha_vantage' or 'finnhub'"):
        Settings()


@pytest.mark.parametrize("feed", ["feeds.example/rss", "ftp://a/x", "file:///etc/passwd", "https://", "http://["])
def test_a_feed_that_is_no_web_address_is_refused_and_not_told(monkeypatch: pytest.MonkeyPatch, feed: str) -> None:
    monkeypatch.setenv("NEWS__RSS_FEEDS", f"https://me:{HIDDEN}@ok.example/rss?s={{symbol}},{feed}")
    told = "NEWS__RSS_FEEDS must be addresses of http or https with a host, number 2 is not"
    with pytest.raises(ValidationError, match=told) as refused:
        Settings()
    assert HIDDEN not in str(refused.value)


def test_sources_and_feeds_of_news_are_taken_as_they_stand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWS__SOURCES", "rss, finnhub")
    monkeypatch.setenv("NEWS__RSS_FEEDS", "https://a.example/{symbol}.xml,http://10.0.0.5:8080/feed")
    news = Settings().news
    assert news.sources == ("rss", "finnhub")
    assert news.rss_feeds == ("https://a.example/{symbol}.xml", "http://10.0.0.5:8080/feed")
