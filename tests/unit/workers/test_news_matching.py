from datetime import UTC, datetime

import pytest

from market_data.news import Article
from workers.news_matching import Matcher, bare_names, same_company


def wanted(title: str, *symbols: str, named: tuple[str, ...] = ()) -> tuple[str, ...]:
    article = Article(source="rss", title=title, published_at=datetime(2024, 5, 10, tzinfo=UTC), symbols=named)
    return Matcher(symbols).wanted_symbols(article)


@pytest.mark.parametrize(
    ("title", "symbols", "found"),
    [
        ("Apple and $MSFT rise", ("AAPL", "MSFT", "IBM"), ("AAPL", "MSFT")),
        ("Google wins", ("GOOG",), ("GOOG",)),
        ("Google wins", ("GOOGL", "GOOG"), ("GOOGL", "GOOG")),
        ("Facebook wins", ("FB",), ("FB",)),
        ("ZZTOP climbs", ("ZZTOP",), ("ZZTOP",)),
        ("A strong quarter for ALL", ("A", "ALL", "ON"), ()),
        ("$A climbs", ("A",), ("A",)),
        ("Nothing of note", ("AAPL",), ()),
    ],
)
def test_a_text_is_about_the_symbols_whose_companies_it_names(title, symbols, found):
    assert set(wanted(title, *symbols)) == set(found)


def test_what_the_source_names_counts_without_the_text():
    assert wanted("Nothing of note", "AAPL", "IBM", named=("aapl", "XYZ")) == ("AAPL",)


def test_a_symbol_stays_as_it_was_asked_for():
    assert wanted("Apple rises", "aapl") == ("aapl",)


def test_all_share_classes_of_one_company_are_known_to_each_other():
    assert same_company("goog") == same_company("GOOGL") == {"GOOG", "GOOGL"}
    assert same_company("ibm") == {"IBM"}


def test_symbols_that_are_words_are_not_looked_for_bare():
    assert set(bare_names(["A", "GE", "ALL", "IBM", "ZZTOP"])) == {"IBM", "ZZTOP"}
