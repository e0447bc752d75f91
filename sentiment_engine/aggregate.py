"""Many scores of a symbol as one: recent texts count more, repeated ones once, and the spread is told."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final

from market_data.errors import require
from sentiment_engine.score import Label

_NS_PER_S: Final = 1_000_000_000


@dataclass(frozen=True, kw_only=True)
class Observation:
    """A text's score for a symbol. Texts of one `group` repeat each other (`duplicate_groups`); None repeats nothing.

    weight: how much the text is about the symbol (`relevance_of`), above 0.
    """

    symbol: str
    time_ns: int
    score: float
    label: Label
    weight: float = 1.0
    group: int | None = None

    def __post_init__(self) -> None:
        require(-1 <= self.score <= 1, f"a score must lie from -1 to 1, it was {self.score}")
        require(0 < self.weight < math.inf, f"a weight must be above 0, it was {self.weight}")


@dataclass(frozen=True, kw_only=True)
class Aggregate:
    """What the texts about a symbol (of a day, UTC, when `day` is given) say together.

    mean: weighted mean of scores, -1 to 1. dispersion: their weighted standard deviation, 0 to 1.
    effective_n: texts of equal weight that would count as much: (sum of weights)^2 / sum of squared weights.
    n_texts counts all; n_novel, and the counts by label, count repeated ones once.
    """

    symbol: str
    day: date | None
    mean: float
    dispersion: float
    effective_n: float
    n_texts: int
    n_novel: int
    n_positive: int
    n_neutral: int
    n_negative: int
    newest_ns: int


def by_symbol(observations: Iterable[Observation], *, half_life_s: float) -> list[Aggregate]:
    """Return an aggregate a symbol, by symbol.

    A text that is `half_life_s` older than the symbol's newest counts half as much. Against any later moment all
    weights shrink by one factor, which changes nothing here: hence no clock.
    """
    grouped: dict[str, list[Observation]] = defaultdict(list)
    for one in observations:
        grouped[one.symbol].append(one)
    return [_aggregate(symbol, None, grouped[symbol], half_life_s) for symbol in sorted(grouped)]


def by_symbol_and_day(observations: Iterable[Observation], *, half_life_s: float) -> list[Aggregate]:
    """Return an aggregate a symbol and UTC day, by symbol and day; a day's texts repeat only texts of that day."""
    grouped: dict[tuple[str, date], list[Observation]] = defaultdict(list)
    for one in observations:
        grouped[one.symbol, _day(one.time_ns)].append(one)
    return [_aggregate(symbol, day, grouped[symbol, day], half_life_s) for symbol, day in sorted(grouped)]


def _aggregate(symbol: str, day: date | None, texts: Sequence[Observation], half_life_s: float) -> Aggregate:
    require(half_life_s > 0, f"half_life_s must be above 0, it was {half_life_s}")
    novel = _novel(texts)
    newest_ns = max(one.time_ns for one in texts)
    reference_ns = max(one.time_ns for one in novel)
    weights = [one.weight * 0.5 ** ((reference_ns - one.time_ns) / _NS_PER_S / half_life_s) for one in novel]
    total = math.fsum(weights)
    mean = math.fsum(weight * one.score for weight, one in zip(weights, novel, strict=True)) / total
    spread = math.fsum(weight * (one.score - mean) ** 2 for weight, one in zip(weights, novel, strict=True)) / total
    labels = Counter(one.label for one in novel)
    return Aggregate(
        symbol=symbol,
        day=day,
        mean=min(1.0, max(-1.0, mean)),
        dispersion=math.sqrt(spread),
        effective_n=total**2 / math.fsum(weight**2 for weight in weights),
        n_texts=len(texts),
        n_novel=len(novel),
        n_positive=labels["positive"],
        n_neutral=labels["neutral"],
        n_negative=labels["negative"],
        newest_ns=newest_ns,
    )


def _novel(texts: Sequence[Observation]) -> list[Observation]:
    """Return the texts without those that repeat an earlier one."""
    earliest: dict[int, Observation] = {}
    alone = []
    for one in texts:
        if one.group is None:
            alone.append(one)
        elif one.group not in earliest or _order(one) < _order(earliest[one.group]):
            earliest[one.group] = one
    return [*alone, *earliest.values()]


def _order(one: Observation) -> tuple[int, float, float]:
    return (one.time_ns, -one.weight, one.score)


def _day(time_ns: int) -> date:
    return datetime.fromtimestamp(time_ns // _NS_PER_S, UTC).date()
