"""A bench for news: an installation without processes, a vendor of our own, and a context for handlers."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from backend.core.db.research_tables import article_scores
from backend.core.jobs.outcomes import Outcome
from backend.core.jobs.sentiment_analysis import SentimentPayload, SentimentResult
from market_data.errors import DomainError
from market_data.news import Article, NewsSource
from market_data.providers.news_sources import Budget, NewsProvider, Question, RawNews
from sentiment_engine.model import SentimentModel
from tests.bar_bench import Bench
from tests.contexts import make_context
from tests.vendors import Vendor
from workers.context import Context
from workers.handlers.sentiment_analysis import sentiment_analysis
from workers.inference.serving import Serving
from workers.news import News, NewsQuery
from workers.news_desk import NewsDesk
from workers.news_sources import NewsSources

NOW = datetime.now(UTC).replace(microsecond=0)
WEEK = timedelta(days=7)


@dataclass
class Told:
    """A source that answers each symbol with titles or an error; asked about all at once, the symbol is None."""

    name: NewsSource
    answers: dict[str | None, Sequence[str] | DomainError] = field(default_factory=dict)
    budget: Budget = field(default_factory=lambda: Budget.per_minute(1_000))
    asked: list[str | None] = field(default_factory=list)
    is_about_all: bool = False
    hours_ago: float = 1.0
    lock: "threading.Lock | None" = None

    def questions(self, symbol: str, since: datetime, until: datetime) -> Sequence[Question]:
        about = None if self.is_about_all else symbol
        return (Question(key=f"{about}", bucket=self.name, symbol=about, since=since, until=until),)

    def ask(self, question: Question, *, timeout_s: float, known: RawNews | None) -> RawNews:
        del timeout_s, known
        self.asked.append(question.symbol)
        answer = self.answers.get(question.symbol, ())
        if isinstance(answer, DomainError):
            raise answer
        return RawNews(body="\n".join(answer).encode())

    def read(self, raw: RawNews, question: Question) -> list[Article]:
        return [
            Article(
                source=self.name,
                title=title,
                published_at=NOW - timedelta(hours=self.hours_ago),
                url=f"https://{self.name}.example/{title.encode().hex()}",
                symbols=() if question.symbol is None else (question.symbol,),
            )
            for title in raw.body.decode().splitlines()
        ]


@dataclass
class Served:
    """The models that serve, as a handler asks for them."""

    models: tuple[SentimentModel, ...] = ()
    warnings: tuple[str, ...] = ()

    def sentiment(self) -> Serving[SentimentModel]:
        return Serving(self.models, self.warnings)


@dataclass
class NewsBench:
    bench: Bench
    vendor: Vendor

    def sources(self, *providers: NewsProvider, **settings: Any) -> NewsSources:
        names = tuple(provider.name for provider in providers) or ("finnhub", "alpha_vantage", "rss")
        news = self.bench.settings.news.model_copy(update={"sources": names, **settings})
        changed = self.bench.settings.model_copy(update={"news": news})
        return NewsSources(self.bench.broker, changed, providers=providers or None)

    def desk(self, *providers: NewsProvider, **settings: Any) -> NewsDesk:
        return NewsDesk(
            self.bench.engine, self.bench.broker, self.bench.settings, sources=self.sources(*providers, **settings)
        )

    def read(self, desk: NewsDesk, *symbols: str, sources: tuple[NewsSource, ...] | None = None) -> News:
        until = datetime.now(UTC)
        return desk.read(query(*symbols, until=until, sources=sources), lambda _: None)

    def run(self, payload: SentimentPayload, desk: NewsDesk, served: Served | None = None) -> SentimentResult:
        """Run the handler, and write its rows as the runner does."""
        outcome = self.outcome(payload, desk, served)
        if outcome.rows:
            with self.bench.engine.begin() as connection:
                connection.execute(article_scores.insert(), [dict(row.values) for row in outcome.rows])
        assert isinstance(outcome.result, SentimentResult)
        return outcome.result

    def outcome(self, payload: SentimentPayload, desk: NewsDesk, served: Served | None = None) -> Outcome:
        return sentiment_analysis(payload, self.context(desk, served))

    def context(self, desk: NewsDesk, served: Served | None = None) -> Context:
        return make_context(models=served or Served(), news=desk)

    def count(self, table: str) -> int:
        return int(self.bench.platform.rows(f"SELECT count(*) FROM {table}")[0]["count"])


def query(*symbols: str, until: datetime | None = None, sources: tuple[NewsSource, ...] | None = None) -> NewsQuery:
    end = until or datetime.now(UTC)
    return NewsQuery(symbols=symbols, since=end - WEEK, until=end, sources=sources)
