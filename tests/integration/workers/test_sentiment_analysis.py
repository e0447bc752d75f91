"""The handler, on a real database and Redis: texts, news, what is stored, what is said when things are missing."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib import import_module

import numpy as np
import pytest
from numpy.typing import NDArray

from backend.core.jobs.outcomes import InvalidJob, TryLater
from backend.core.jobs.registry import JOB_TYPES
from backend.core.jobs.sentiment_analysis import MAX_TEXTS, SentimentPayload, SentimentResult
from backend.settings.settings import NewsSettings
from market_data.errors import KeyRefused, ProviderTimedOut, ProviderUnavailable
from market_data.providers.news_sources import Question, RawNews
from tests.news_bench import NewsBench, Served, Told
from workers.news_round import NOTHING_YET_S


@dataclass
class Counting:
    """A model that reads "rises" as good and "falls" as bad, and remembers what it was shown."""

    called: str = "counting 1"
    blend: float = 0.0
    shown: list[str] = field(default_factory=list)

    def readable(self, cleaned: str) -> str:
        return cleaned

    def probabilities(self, texts: Sequence[str]) -> NDArray[np.float64]:
        self.shown += texts
        return np.array([self._of(text) for text in texts])

    def _of(self, text: str) -> tuple[float, float, float]:
        if "rises" in text:
            return (0.05, 0.05, 0.9)
        return (0.9, 0.05, 0.05) if "falls" in text else (0.1, 0.8, 0.1)


def served(model: Counting) -> Served:
    return Served((model,))  # type: ignore[arg-type]  # a Scorer, as the engine asks for


def run(news: NewsBench, *sources: Told, model: Counting | None = None, **payload: object) -> SentimentResult:
    given = SentimentPayload.model_validate(payload)
    return news.run(given, news.desk(*sources or (Told("rss"),)), served(model or Counting()))


def mood(result: SentimentResult, symbol: str) -> tuple[str, int, int, int, int]:
    (found,) = [one for one in result.by_symbol if one.symbol == symbol]
    return (found.label, found.article_count, found.duplicate_count, found.positive_count, found.negative_count)


def test_texts_are_scored_in_their_order_and_by_company(news: NewsBench) -> None:
    result = run(news, texts=("Apple rises while Microsoft falls", "IBM rises", "Nothing happened"))
    assert [item.index for item in result.items] == [0, 1, 2]
    assert [(one.symbol, one.label) for one in result.items[0].entities] == [("AAPL", "positive"), ("MSFT", "negative")]
    assert [(one.symbol, one.label) for one in result.by_symbol] == [
        ("AAPL", "positive"),
        ("IBM", "positive"),
        ("MSFT", "negative"),
    ]
    assert (result.items[2].label, result.failures, result.by_day) == ("neutral", (), ())
    assert result.items[1].probabilities is not None
    assert result.items[1].score == pytest.approx(0.85)
    assert result.scored_by.startswith("counting 1, lexicon ")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "empty_text"),
        ("<p> </p>", "empty_text"),
        ("🚀🚀🚀", "no_words"),
        ("Der Umsatz ist nicht gestiegen, und die Anleger sind enttäuscht", "not_english"),
        ("x" * 1_000_001, "text_too_long"),
    ],
)
def test_a_text_that_cannot_be_scored_is_told_and_sinks_no_other(news: NewsBench, text: str, code: str) -> None:
    result = run(news, texts=("IBM rises", text, "IBM falls"))
    assert [item.label for item in result.items] == ["positive", "neutral", "negative"]
    assert (result.items[1].score, result.items[1].probabilities) == (0.0, None)
    assert [(failure.index, failure.code) for failure in result.failures] == [(1, code)]
    assert mood(result, "IBM")[1] == 2


def test_html_is_read_as_a_page_shows_it(news: NewsBench) -> None:
    model = Counting()
    run(news, model=model, texts=("<p>IBM&nbsp;<b>rises</b></p><script>falls()</script>",))
    assert model.shown == ["IBM rises"]


def test_the_same_text_twice_counts_once(news: NewsBench) -> None:
    result = run(news, texts=("IBM rises", "IBM rises!", "IBM falls"))
    assert mood(result, "IBM") == ("neutral", 3, 1, 1, 1)


def test_texts_are_stored_nowhere(news: NewsBench) -> None:
    run(news, texts=("IBM rises",))
    assert (news.count("articles"), news.count("article_scores")) == (0, 0)


def test_without_a_model_the_lexicon_answers_and_says_so(news: NewsBench) -> None:
    payload = SentimentPayload(texts=("IBM beats estimates and raises its dividend",))
    result = news.run(payload, news.desk(Told("rss")), Served(warnings=("the champion was refused",)))
    assert result.items[0].label == "positive"
    assert "lexicon_only" in result.items[0].warnings
    assert result.warnings[0] == "the champion was refused"
    assert "the lexicon answered alone" in result.warnings[1]
    assert result.scored_by.startswith("no model, lexicon ")


def test_articles_are_stored_with_their_scores_and_told(news: NewsBench) -> None:
    result = run(news, Told("finnhub", {"AAPL": ["Apple rises", "Apple falls again"]}), symbols=("AAPL",))
    assert {(one.symbol, one.title, one.label, one.source) for one in result.articles} == {
        ("AAPL", "Apple rises", "positive", "finnhub"),
        ("AAPL", "Apple falls again", "negative", "finnhub"),
    }
    assert mood(result, "AAPL") == ("neutral", 2, 0, 1, 1)
    assert [(day.symbol, day.article_count) for day in result.by_day] == [("AAPL", 2)]
    assert (news.count("articles"), news.count("article_scores")) == (2, 2)
    assert result.items == ()


def test_an_article_is_scored_once_by_a_version_and_again_by_the_next(news: NewsBench) -> None:
    source = Told("finnhub", {"AAPL": ["Apple rises"]})
    first, second, third = Counting(), Counting(), Counting(called="counting 2")
    results = [run(news, source, model=model, symbols=("AAPL",)) for model in (first, second, third)]
    assert (first.shown, second.shown, third.shown) == (["Apple rises"], [], ["Apple rises"])
    assert results[0].articles == results[1].articles
    assert results[0].by_symbol == results[1].by_symbol
    assert news.count("article_scores") == 2


def test_an_article_about_two_companies_is_scored_by_its_clauses(news: NewsBench) -> None:
    title = "Apple rises while Microsoft falls"
    source = Told("finnhub", {"AAPL": [title], "MSFT": [title]})
    result = run(news, source, symbols=("AAPL", "MSFT"))
    assert {(one.symbol, one.label) for one in result.articles} == {("AAPL", "positive"), ("MSFT", "negative")}
    assert all(one.relevance > 0.3 for one in result.articles)


def test_an_article_that_does_not_name_its_symbol_counts_little(news: NewsBench) -> None:
    source = Told("finnhub", {"AAPL": ["Chip stock rises", "Apple falls"]})
    result = run(news, source, symbols=("AAPL",))
    assert {one.title: one.relevance for one in result.articles}["Chip stock rises"] == 0.1
    assert result.by_symbol[0].label == "negative"


def test_the_same_headline_from_two_sources_counts_once(news: NewsBench) -> None:
    title = "Apple rises to a record as phones sell well"
    older = Told("finnhub", {"AAPL": [title]}, hours_ago=5)
    newer = Told("rss", {"AAPL": [title + " - Reuters"]}, hours_ago=1)
    run(news, older, symbols=("AAPL",))
    result = run(news, newer, older, symbols=("AAPL",))
    assert mood(result, "AAPL") == ("positive", 2, 1, 1, 0)
    assert {one.source: one.is_duplicate for one in result.articles} == {"finnhub": False, "rss": True}


def test_newer_news_weigh_more(news: NewsBench) -> None:
    run(news, Told("finnhub", {"AAPL": ["Apple falls"]}, hours_ago=24 * 6), symbols=("AAPL",))
    sources = Told("rss", {"AAPL": ["Apple rises"]}), Told("finnhub")
    result = run(news, *sources, symbols=("AAPL",))
    assert result.by_symbol[0].label == "positive"
    assert 1.0 < result.by_symbol[0].effective_count < 2.0


def test_articles_in_other_languages_do_not_count_and_are_told(news: NewsBench) -> None:
    title = "Apple steigt, und das ist für die Anleger nicht schlecht"
    result = run(news, Told("finnhub", {"AAPL": [title, "Apple rises"]}), symbols=("AAPL",))
    assert mood(result, "AAPL")[1] == 1
    assert "1 articles are not in English and do not count" in result.warnings


def test_texts_and_news_of_one_company_under_two_symbols_meet(news: NewsBench) -> None:
    result = run(news, Told("finnhub", {"GOOG": ["Google rises"]}), symbols=("GOOG",), texts=("Alphabet falls",))
    assert mood(result, "GOOG") == ("neutral", 2, 0, 1, 1)
    assert [one.symbol for one in result.by_symbol] == ["GOOG"]


def test_a_lookback_leaves_older_articles_out(news: NewsBench) -> None:
    source = Told("finnhub", {"AAPL": ["Apple rises"]}, hours_ago=30)
    assert run(news, source, symbols=("AAPL",), lookback="24h").articles == ()
    assert len(run(news, source, symbols=("AAPL",), lookback="2d").articles) == 1


def test_symbols_whose_sources_are_all_down_are_tried_later(news: NewsBench) -> None:
    down = Told("finnhub", {"AAPL": ProviderUnavailable("away", retry_after_s=900.0)})
    with pytest.raises(TryLater) as later:
        run(news, down, symbols=("AAPL",))
    assert (later.value.code, later.value.after_s) == ("provider_unavailable", 2.0)


def test_symbols_that_no_source_will_ever_answer_fail_at_once(news: NewsBench) -> None:
    with pytest.raises(InvalidJob) as invalid:
        run(news, Told("finnhub", {"AAPL": KeyRefused("bad key")}), symbols=("AAPL",))
    assert invalid.value.code == "news_refused"


def test_texts_are_answered_even_if_all_sources_are_down(news: NewsBench) -> None:
    down = Told("finnhub", {"AAPL": ProviderUnavailable("away")})
    result = run(news, down, symbols=("AAPL",), texts=("IBM rises",))
    assert [item.label for item in result.items] == ["positive"]
    assert [failure.code for failure in result.failures] == ["provider_unavailable"]


def test_a_job_of_the_most_texts_that_are_allowed_is_done(news: NewsBench) -> None:
    texts = tuple(f"IBM {'rises' if i % 3 else 'falls'} by {i} points" for i in range(MAX_TEXTS))
    result = run(news, texts=texts)
    assert len(result.items) == result.by_symbol[0].article_count == MAX_TEXTS
    assert result.by_symbol[0].positive_count == sum(i % 3 != 0 for i in range(MAX_TEXTS))


def test_more_articles_than_are_told_all_count(news: NewsBench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_module("workers.handlers.sentiment_analysis"), "MAX_ARTICLES_TOLD", 3)
    source = Told("finnhub", {"AAPL": [f"Apple rises by {i} points" for i in range(5)]})
    result = run(news, source, symbols=("AAPL",))
    assert (len(result.articles), result.by_symbol[0].article_count) == (3, 5)
    assert "the newest 3 of 5 articles are told; all count" in result.warnings


def test_the_same_articles_have_the_same_fingerprint(news: NewsBench) -> None:
    source = Told("finnhub", {"AAPL": ["Apple rises"], "MSFT": ["Microsoft falls"]})
    one, again, other = (run(news, source, symbols=symbols) for symbols in (("AAPL",), ("AAPL",), ("MSFT",)))
    assert one.provenance == again.provenance
    assert one.provenance.data_fingerprint != other.provenance.data_fingerprint


def test_all_sources_that_hang_leave_a_job_within_half_a_minute(
    news: NewsBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Hanging(Told):
        def ask(self, question: Question, *, timeout_s: float, known: RawNews | None) -> RawNews:
            offered_s.append(timeout_s)
            threading.Event().wait(timeout_s)
            raise ProviderTimedOut("no answer")

    offered_s: list[float] = []
    asked_by_then: list[int] = []
    waits_s = 0.0
    settings = NewsSettings()
    timeout_s = 0.4
    shrunk = timeout_s / settings.timeout_s
    monkeypatch.setattr("workers.news_round.NOTHING_YET_S", NOTHING_YET_S * shrunk)
    desk = news.desk(*(Hanging(name) for name in settings.sources), timeout_s=timeout_s)
    for _ in range(JOB_TYPES["sentiment_analysis"].max_attempts):
        with pytest.raises(TryLater) as later:
            news.run(SentimentPayload(symbols=("AAPL",)), desk, served(Counting()))
        waits_s += later.value.after_s
        asked_by_then.append(len(offered_s))
    assert asked_by_then[-1] == asked_by_then[-2]  # the last attempt finds all left alone
    assert len(offered_s) >= len(settings.sources)
    assert sum(offered_s) / shrunk + waits_s <= 30.0
