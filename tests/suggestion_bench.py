"""A bench for jobs about suggestions: a context with bars, models, past signals and a clock that a test sets."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from backend.core.jobs.outcomes import Outcome
from backend.core.jobs.provenance import BarsUsed
from backend.core.jobs.suggestion import Suggestion, SuggestionPayload, SuggestionResult
from backend.core.signals import SignalView, UnscoredSeries
from market_data.bars import Bars
from market_data.errors import UnknownSymbol
from market_data.timeframe import Timeframe
from suggestion_engine.evidence import Mood
from suggestion_engine.member import Member
from tests.contexts import make_context
from workers.context import Context, LoadedBars
from workers.handlers.suggestion import suggestion
from workers.inference.serving import Serving

NOW = datetime(2022, 1, 1, tzinfo=UTC)


@dataclass
class Ledger:
    """Past signals and the mood of the news, as a test has set them."""

    bench: "Bench"
    waiting: Sequence[SignalView] = ()
    mood: Mapping[str, Mood] = field(default_factory=dict)
    asked_until: list[datetime] = field(default_factory=list)
    owners: list[UUID] = field(default_factory=list)

    def unscored(self, symbols: Sequence[str] | None, limit: int) -> Sequence[UnscoredSeries]:
        wanted = [one for one in self.waiting if symbols is None or one.symbol in symbols][:limit]
        counts = Counter((one.user_id, one.timeframe, one.symbol) for one in wanted)
        return [UnscoredSeries(*key, count) for key, count in counts.items()]

    def unscored_of(self, series: UnscoredSeries) -> Iterator[Sequence[SignalView]]:
        key = (series.user_id, series.timeframe, series.symbol)
        found = [one for one in self.waiting if (one.user_id, one.timeframe, one.symbol) == key]
        for start in range(0, series.signal_count, 2):
            yield found[start : start + 2]

    def owners_bars(self, owner_id: UUID, symbol: str, timeframe: Timeframe) -> LoadedBars:
        self.owners.append(owner_id)
        return self.bench.load(symbol, timeframe, None, None)

    def moods(self, symbols: Sequence[str], until: datetime) -> Mapping[str, Mood]:
        self.asked_until.append(until)
        return {symbol: mood for symbol, mood in self.mood.items() if symbol in symbols}


@dataclass
class Bench:
    """`bars`: what is stored by symbol, or the error that is raised instead."""

    bars: dict[str, Bars | Exception] = field(default_factory=dict)
    members: tuple[Member, ...] = ()
    model_warnings: tuple[str, ...] = ()
    now: datetime = NOW

    def __post_init__(self) -> None:
        self.ledger = Ledger(self)

    def load(self, symbol: str, timeframe: Timeframe, start: date | None, end: date | None) -> LoadedBars:
        found = self.bars.get(symbol, UnknownSymbol(f"no source knows {symbol!r}"))
        if isinstance(found, Exception):
            raise found
        if end is not None:
            found = found.between(0, int(datetime(end.year, end.month, end.day, tzinfo=UTC).timestamp()) * 10**9)
        used = BarsUsed(
            symbol=symbol,
            timeframe=timeframe,
            source="test",
            revision=1,
            bar_count=len(found),
            first_bar="",
            last_bar="",
            fingerprint=found.fingerprint(),
        )
        return LoadedBars(found, used)

    def context(self) -> Context:
        models: Any = SimpleNamespace(suggestion=lambda: Serving(self.members, self.model_warnings))
        context = make_context(load_bars=self.load, models=models, signals=self.ledger)
        context.now = lambda: self.now  # type: ignore[method-assign]
        return context

    def run(self, *symbols: str, **payload: Any) -> Outcome:
        return suggestion(SuggestionPayload(symbols=symbols or tuple(self.bars), **payload), self.context())

    def suggest(self, *symbols: str, **payload: Any) -> SuggestionResult:
        result = self.run(*symbols, **payload).result
        assert isinstance(result, SuggestionResult)
        return result

    def one(self, symbol: str, **payload: Any) -> Suggestion:
        return self.suggest(symbol, **payload).suggestions[0]
