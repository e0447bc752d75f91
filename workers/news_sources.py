"""Asks sources of news for handlers: from the cache, within their limits, not while they are down."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Final

from redis import Redis
from redis.exceptions import RedisError

from backend.core.heartbeats import NEWS_STATE_PREFIX, ProviderState, note_provider
from backend.core.logging import get_logger
from backend.settings import Settings
from market_data.errors import (
    DomainError,
    NewsRefused,
    ProviderTimedOut,
    ProviderUnavailable,
    RateLimited,
    UnknownSymbol,
)
from market_data.news import Article, NewsSource
from market_data.providers.news_sources import NewsProvider, Question, RawNews, build_news_provider
from workers.circuit_breaker import OPEN_S, OPENS_AT, CircuitBreaker
from workers.news_cache import NewsCache
from workers.news_turns import Turn, Turns, check_time_left
from workers.rate_limit import RateLimit

SLACK_S: Final = 0.5
"""How much longer than its timeout a request may take: a source that keeps it tells more of what went wrong."""

log = get_logger(__name__)


class NewsSources:
    """The sources that the settings name. `providers` stand in for those that would be built from the settings."""

    def __init__(
        self,
        redis: Redis,
        settings: Settings,
        *,
        providers: Sequence[NewsProvider] | None = None,
        breaker_open_s: float = OPEN_S,
    ) -> None:
        self._redis = redis
        self._timeout_s = settings.news.timeout_s
        self._cache = NewsCache(redis, fresh_s=settings.news.cache_s, max_bytes=settings.news.max_response_bytes)
        self._limit = RateLimit(redis)
        self._breaker = CircuitBreaker(redis, open_s=breaker_open_s)
        self._settings = settings.news
        self._turns: dict[NewsSource, Turns] = {}
        self._built: dict[NewsSource, NewsProvider | None] = {}
        if providers is not None:
            self._built = {provider.name: provider for provider in providers}
        self.configured = settings.news.sources

    def provider(self, name: NewsSource) -> NewsProvider | None:
        """Return the source of that name, None when it is not configured. It is built when first asked for."""
        if name not in self._built:
            self._built[name] = build_news_provider(name, self._settings)
        return self._built[name]

    def articles(self, provider: NewsProvider, question: Question, left_s: Callable[[], float]) -> list[Article]:
        """Return what a source answers; raise as `NewsProvider` says.

        left_s tells how much time the caller has left.
        """
        kept = self._kept(provider.name, question)
        if kept is not None and kept[1]:
            return provider.read(kept[0], question)
        raw = self._ask(provider, question, left_s, None if kept is None else kept[0])
        articles = provider.read(raw, question)
        try:
            self._cache.put(provider.name, question, raw)
        except RedisError as error:
            log.warning("news_not_kept", source=provider.name, error=type(error).__name__)
        return articles

    def _kept(self, source: NewsSource, question: Question) -> tuple[RawNews, bool] | None:
        try:
            kept = self._cache.get(source, question)
        except RedisError as error:
            log.warning("kept_news_not_read", source=source, error=type(error).__name__)
            return None
        return None if kept is None else (kept.raw, kept.is_fresh)

    def _ask(
        self, provider: NewsProvider, question: Question, left_s: Callable[[], float], known: RawNews | None
    ) -> RawNews:
        # Whoever comes to his turn hears what those before him learnt: they have noted it by then.
        with self._turns.setdefault(provider.name, Turns(provider.name, provider.lock)).take(left_s) as turn:
            try:
                self._check_may_ask(provider, question)
            except RedisError as error:
                told = f"{provider.name} was not asked: Redis, which counts requests, does not answer"
                raise ProviderUnavailable(told) from error
            check_time_left(provider.name, left_s)
            return self._ask_now(provider, question, turn, left_s(), known)

    def _ask_now(
        self, provider: NewsProvider, question: Question, turn: Turn, left_s: float, known: RawNews | None
    ) -> RawNews:
        timeout_s = min(self._timeout_s, left_s)
        try:
            raw = turn.run(timeout_s + SLACK_S, lambda: provider.ask(question, timeout_s=timeout_s, known=known))
        except ProviderTimedOut as error:
            if timeout_s == self._timeout_s:  # else it had less than its time: that tells of our hurry, not of it
                self._note(provider, question, error)
            raise
        except (ProviderUnavailable, UnknownSymbol, NewsRefused) as error:
            self._note(provider, question, error)
            raise
        self._note(provider, question, None)
        return raw

    def _check_may_ask(self, provider: NewsProvider, question: Question) -> None:
        alone_s = self._breaker.left_alone_s(question.bucket)
        if alone_s > 0:
            told = f"{provider.name} failed a moment ago and is left alone for {alone_s:.0f} s"
            raise ProviderUnavailable(told, retry_after_s=alone_s)
        wait_s = self._limit.take(question.bucket, provider.budget)
        if wait_s > 0:
            told = f"{provider.name} may not be asked again for {wait_s:.0f} s"
            raise RateLimited(told, retry_after_s=wait_s)

    def _note(self, provider: NewsProvider, question: Question, error: DomainError | None) -> None:
        """Let all workers know how the source answered. Nothing of what was asked is told."""
        code = None if error is None or isinstance(error, UnknownSymbol) else error.code
        state = ProviderState(
            NEWS_STATE_PREFIX + provider.name, code is None, code, datetime.now(UTC).isoformat(timespec="seconds")
        )
        try:
            if isinstance(error, RateLimited):
                self._limit.block(question.bucket, provider.budget, error.retry_after_s)
            if isinstance(error, ProviderUnavailable) and not isinstance(error, RateLimited):
                self._breaker.failed(question.bucket, weight=OPENS_AT if isinstance(error, ProviderTimedOut) else 1)
            else:
                self._breaker.answered(question.bucket)
            note_provider(self._redis, state)
        except RedisError as failed:
            log.warning("provider_state_not_noted", provider=provider.name, error=type(failed).__name__)
