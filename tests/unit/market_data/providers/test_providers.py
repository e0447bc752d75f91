import pytest

from market_data.errors import DomainError
from market_data.providers import PROVIDERS, build_providers


def test_every_line_of_the_table_builds_a_provider_of_that_name():
    providers = build_providers(list(PROVIDERS))
    assert [provider.name for provider in providers] == list(PROVIDERS)
    assert [provider.is_live for provider in providers] == [False, True]
    assert all(callable(provider.fetch) for provider in providers)


def test_the_order_asked_for_is_kept():
    assert [p.name for p in build_providers(["yfinance", "sample"])] == ["yfinance", "sample"]
    assert build_providers([]) == []


def test_an_unknown_name_is_refused_with_the_known_ones():
    with pytest.raises(DomainError, match="a provider must be one of sample, yfinance, was 'bloomberg'"):
        build_providers(["sample", "bloomberg"])
