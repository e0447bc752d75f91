from datetime import UTC, datetime

import pytest

from workers.handlers.article_scoring import SUMMARY_CHARACTERS, model_version_of, scored_text
from workers.news import StoredArticle


def article(title: str, summary: str) -> StoredArticle:
    return StoredArticle(
        id=1,
        source="rss",
        title=title,
        published_at=datetime(2024, 5, 10, tzinfo=UTC),
        url=None,
        summary=summary,
        publisher=None,
        language="en",
        symbols=("AAPL",),
    )


@pytest.mark.parametrize(
    ("title", "summary", "text"),
    [
        ("Apple rises", "", "Apple rises"),
        ("Apple rises", "By 5% in London.", "Apple rises. By 5% in London."),
        ("Apple rises.", "By 5%.", "Apple rises. By 5%."),
        ("Apple rises", "Apple rises by 5%.", "Apple rises by 5%."),
    ],
)
def test_title_and_summary_are_scored_together_and_nothing_twice(title, summary, text):
    assert scored_text(article(title, summary)) == text


def test_only_the_start_of_a_long_summary_is_scored():
    assert len(scored_text(article("Apple rises", "x" * 9_000))) == len("Apple rises. ") + SUMMARY_CHARACTERS


def test_a_version_names_lexicon_and_engine_even_without_a_model():
    assert model_version_of(None).startswith("no model, lexicon ")
    assert ", engine " in model_version_of(None)
