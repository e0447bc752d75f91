"""The symbols of a suggestion job that can be judged: their bars, their newest features, the news about them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from backend.core.jobs.failures import SymbolFailure
from backend.core.jobs.suggestion import SuggestionPayload
from market_data.bars import Bars, FloatArray
from market_data.errors import DomainError, NoBars, ProviderUnavailable
from market_data.timeframe import NS_PER_S, step_ns
from suggestion_engine.ensemble import check_long_enough, windows_of
from suggestion_engine.evidence import Mood
from workers.context import Context, LoadedBars
from workers.handlers.bars import as_outcome, closed


@dataclass(frozen=True, eq=False)
class Candidate:
    """One symbol with closed bars enough; `window` are its newest rows of features."""

    symbol: str
    loaded: LoadedBars
    bars: Bars
    window: FloatArray

    @property
    def step(self) -> timedelta:
        """Return how long one of its bars lasts."""
        return timedelta(seconds=step_ns(self.bars.timeframe) / NS_PER_S)

    @property
    def as_of(self) -> datetime:
        return self.bars.time_utc(-1)

    @property
    def closed_at(self) -> datetime:
        return self.as_of + self.step


def candidates_of(
    payload: SuggestionPayload, context: Context, now: datetime, *, loading_frac: float
) -> tuple[list[Candidate], list[SymbolFailure]]:
    """Return the symbols that can be judged, and why the others cannot; raise TryLater when nobody answers at all."""
    found: list[tuple[str, LoadedBars, Bars]] = []
    failed: list[tuple[str, DomainError]] = []
    symbols = tuple(dict.fromkeys(payload.symbols))
    for done, symbol in enumerate(symbols):
        context.progress(loading_frac * done / len(symbols), f"{done} of {len(symbols)} symbols")
        try:
            loaded = context.bars(symbol, payload.timeframe, None, payload.end)
            bars = closed(loaded.bars, now)
            if len(bars) == 0:
                raise NoBars(f"{symbol} has no bar that is closed yet")
            check_long_enough(bars)
            found.append((symbol, loaded, bars))
        except DomainError as error:
            failed.append((symbol, error))
    away = next((error for _, error in failed if isinstance(error, ProviderUnavailable)), None)
    if away is not None and not found and all(isinstance(error, ProviderUnavailable) for _, error in failed):
        raise as_outcome(away) from away
    failures = [SymbolFailure(symbol=symbol, code=error.code, message=str(error)) for symbol, error in failed]
    windows = windows_of([bars for _, _, bars in found])
    return [Candidate(*one, window) for one, window in zip(found, windows, strict=True)], failures


def moods_of(candidates: Sequence[Candidate], context: Context) -> Mapping[str, Mood]:
    """Return how the news sounded up to each symbol's newest close; most symbols share that moment."""
    by_close: dict[datetime, list[str]] = {}
    for candidate in candidates:
        by_close.setdefault(candidate.closed_at, []).append(candidate.symbol)
    moods: dict[str, Mood] = {}
    for until, symbols in by_close.items():
        moods |= context.signals.moods(symbols, until)
    return moods
