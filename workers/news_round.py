"""One job's round of questions: each symbol's sources in their order, until one has articles."""

import threading
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from time import monotonic
from typing import Final

from backend.core.logging import get_logger
from market_data.errors import (
    DomainError,
    KeyRefused,
    NewsRefused,
    ProviderUnavailable,
    RateLimited,
    UnknownSymbol,
)
from market_data.news import Article
from market_data.providers.news_sources import NewsProvider, Question
from workers.news import NewsFailure, NewsQuery
from workers.news_matching import Matcher
from workers.news_sources import NewsSources

THREADS: Final = 8
LOOK_EVERY_S: Final = 0.2
NOTHING_YET_S: Final = 17.0
"""How long a round goes on in which no source has answered anything: three sources may hang for their whole time, so
that with two short retries a job of which all sources hang ends within half a minute."""
LONGEST_S: Final = 120.0
"""How long a round goes on at all; symbols that were not reached by then are failures."""

log = get_logger(__name__)


@dataclass(frozen=True)
class Told:
    """An article, and those of the wanted symbols that it is about."""

    article: Article
    symbols: tuple[str, ...]


class NewsRound:
    def __init__(self, sources: NewsSources, chain: Sequence[NewsProvider], query: NewsQuery) -> None:
        self._sources = sources
        self._chain = chain
        self._query = query
        self._matcher = Matcher(query.symbols)
        self._lock = threading.Lock()
        self._locks: dict[str, threading.Lock] = {}
        self._shared: dict[str, list[Told] | DomainError] = {}
        self._is_out: set[str] = set()
        self._began_s = monotonic()
        self._has_answer = False
        self._is_over = False
        self.found: list[Told] = []
        self.answered: dict[str, int] = {}
        """How many symbols each source had articles about."""
        self.failures: dict[tuple[str | None, str | None, str], NewsFailure] = {}

    @property
    def has_answer(self) -> bool:
        return self._has_answer

    def run(self, on_progress: Callable[[float], None]) -> None:
        """Ask about all symbols, some at a time."""
        pool = ThreadPoolExecutor(THREADS, thread_name_prefix="news")
        waiting: set[Future[None]] = {pool.submit(self._ask_about, symbol) for symbol in self._query.symbols}
        total = len(waiting)
        try:
            while waiting:
                done, waiting = wait(waiting, LOOK_EVERY_S, FIRST_COMPLETED)
                for future in done:
                    future.result()
                on_progress(1 - len(waiting) / total)
        finally:  # a cancelled job does not wait for answers that are still to come, nor ask for more
            self._is_over = True
            pool.shutdown(wait=False, cancel_futures=True)

    def _left_s(self) -> float:
        if self._is_over:
            return 0.0
        limit_s = LONGEST_S if self._has_answer else NOTHING_YET_S
        return self._began_s + limit_s - monotonic()

    def _ask_about(self, symbol: str) -> None:
        problem: DomainError | None = None
        is_answered = False
        for provider in self._chain:
            heard = self._from(provider, symbol)
            if heard.told:
                with self._lock:
                    self.found += heard.told
                    self.answered[provider.name] = self.answered.get(provider.name, 0) + 1
                return
            is_answered = is_answered or heard.is_answered
            problem = _weightier(problem, heard.problem)
        if problem is not None and not (is_answered and isinstance(problem, UnknownSymbol)):
            self._fail(NewsFailure(code=problem.code, message=str(problem), symbol=symbol))
        elif not is_answered:
            told = "every source of news failed; see the failures of the sources"
            self._fail(NewsFailure(code=ProviderUnavailable.code, message=told, symbol=symbol))

    def _from(self, provider: NewsProvider, symbol: str) -> "_Heard":
        """Return what one source says of a symbol; where it has several feeds, all of them are asked."""
        heard = _Heard()
        for question in provider.questions(symbol, self._query.since, self._query.until):
            if question.bucket in self._is_out:
                continue
            try:
                every = self._answer(provider, question)
            except DomainError as error:
                self._note(provider, question, error)
                heard.problem = _weightier(heard.problem, error)
                continue
            heard.is_answered = self._has_answer = True
            heard.told += [one for one in every if symbol in one.symbols]
        return heard

    def _answer(self, provider: NewsProvider, question: Question) -> list[Told]:
        if question.symbol is not None:
            return self._read(provider, question)
        with self._lock:
            lock = self._locks.setdefault(question.key, threading.Lock())
        with lock:  # one thread asks what is the same for all symbols; the others wait for its answer
            if question.key not in self._shared:
                try:
                    self._shared[question.key] = self._read(provider, question)
                except DomainError as error:
                    self._shared[question.key] = error
        kept = self._shared[question.key]
        if isinstance(kept, DomainError):
            raise kept
        return kept

    def _read(self, provider: NewsProvider, question: Question) -> list[Told]:
        try:
            articles = self._sources.articles(provider, question, self._left_s)
            wanted = [one for one in articles if self._query.since <= one.published_at <= self._query.until]
            return [Told(one, self._matcher.wanted_symbols(one)) for one in wanted]
        except DomainError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a source sends, it costs the job that source and no more
            # Only kind and place: the text may hold what was asked, and that a key.
            place = traceback.extract_tb(error.__traceback__)[-1]
            where = f"{place.filename}:{place.lineno}"
            log.warning("news_not_understood", source=provider.name, error=type(error).__name__, where=where)
            told = f"{provider.name} sent what could not be read ({type(error).__name__})"
            raise ProviderUnavailable(told) from None

    def _note(self, provider: NewsProvider, question: Question, error: DomainError) -> None:
        """Write a source's failure down once; leave it alone for the rest of the round if asking on is no use."""
        is_down = isinstance(error, ProviderUnavailable) and not isinstance(error, RateLimited)
        if is_down or isinstance(error, KeyRefused):
            self._is_out.add(question.bucket)
        is_about_symbol = isinstance(error, UnknownSymbol | NewsRefused) and not isinstance(error, KeyRefused)
        if is_about_symbol and question.symbol is not None:
            self._has_answer = True
        else:
            self._fail(NewsFailure(code=error.code, message=str(error), source=provider.name))

    def _fail(self, failure: NewsFailure) -> None:
        with self._lock:
            self.failures.setdefault((failure.source, failure.symbol, failure.code), failure)


@dataclass
class _Heard:
    told: list[Told] = field(default_factory=list)
    is_answered: bool = False
    problem: DomainError | None = None


def _weightier(one: DomainError | None, other: DomainError | None) -> DomainError | None:
    """Return the error that says more: an unanswered question weighs more than a refusal, and that more than a no."""
    if one is None or other is None:
        return other if one is None else one
    return other if _weight(other) > _weight(one) else one


def _weight(error: DomainError) -> int:
    if isinstance(error, ProviderUnavailable):
        return 2
    return 1 if isinstance(error, NewsRefused) else 0
