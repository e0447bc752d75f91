import pytest

from backend.settings import Settings
from backend.settings.settings import NewsSettings
from market_data.errors import DomainError
from market_data.news import NEWS_SOURCES
from market_data.providers.news_sources import NEWS_PROVIDERS, Budget, build_news_provider


def test_every_line_of_the_table_builds_a_source_of_that_name():
    options = NewsSettings(finnhub_key="a", alpha_vantage_key="b")
    for name in NEWS_PROVIDERS:
        provider = build_news_provider(name, options)
        assert provider is not None
        assert provider.name == name
    assert set(NEWS_PROVIDERS) == set(NEWS_SOURCES)


@pytest.mark.parametrize("name", ["finnhub", "alpha_vantage"])
def test_a_source_without_its_key_is_not_configured(name):
    assert build_news_provider(name, NewsSettings()) is None


def test_rss_without_feeds_is_not_configured():
    assert build_news_provider("rss", NewsSettings(rss_feeds=())) is None


def test_an_unknown_name_is_refused_with_the_known_ones():
    with pytest.raises(DomainError, match="must be one of rss, yfinance, alpha_vantage, finnhub, was 'bloomberg'"):
        build_news_provider("bloomberg", NewsSettings())


def test_keys_show_in_no_repr(monkeypatch):
    monkeypatch.setenv("NEWS__FINNHUB_KEY", "sekret")
    settings = Settings()
    assert settings.news.finnhub_key is not None
    assert "sekret" not in repr(settings)


@pytest.mark.parametrize(
    ("budget", "burst", "per_s"), [(Budget.per_minute(60), 60, 1.0), (Budget.per_day(0.5), 1, 0.5 / 86_400)]
)
def test_a_budget_holds_at_least_one_request(budget, burst, per_s):
    assert (budget.burst, budget.per_s) == (burst, pytest.approx(per_s))
