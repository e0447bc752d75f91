"""Which of the wanted symbols an article is about: those that its source names, or that its text names."""

from collections.abc import Sequence
from typing import Final

from market_data.news import Article
from sentiment_engine.companies import PLAIN_WORDS
from sentiment_engine.entities import Names, find_mentions
from sentiment_engine.text import clean

_SHORTEST_BARE: Final = 3
_WORDS: Final = frozenset(PLAIN_WORDS.split())

# One company under several symbols: the finder of names knows one of them.
_ONE_COMPANY: Final = (
    frozenset({"GOOG", "GOOGL"}),
    frozenset({"META", "FB"}),
    frozenset({"BRK.A", "BRK.B", "BRK-A", "BRK-B"}),
)


def same_company(symbol: str) -> frozenset[str]:
    """Return all symbols in capitals under which the company of `symbol` is known to trade, its own included."""
    upper = symbol.upper()
    return next((group for group in _ONE_COMPANY if upper in group), frozenset({upper}))


def bare_names(symbols: Sequence[str]) -> Names:
    """Return the symbols that a text may name bare, without a `$`: not those that are words (`A`, `ON`, `ALL`)."""
    return {symbol: () for symbol in symbols if len(symbol) >= _SHORTEST_BARE and symbol not in _WORDS}


class Matcher:
    def __init__(self, symbols: Sequence[str]) -> None:
        self._names = bare_names(symbols)
        self._wanted: dict[str, list[str]] = {}
        for symbol in symbols:
            for known_as in same_company(symbol):
                self._wanted.setdefault(known_as, []).append(symbol)

    def wanted_symbols(self, article: Article) -> tuple[str, ...]:
        """Return the wanted symbols that the article is about, as they were asked for."""
        named = [symbol.upper() for symbol in article.symbols]
        named += [mention.symbol for mention in find_mentions(clean(article.text), self._names)]
        return tuple(dict.fromkeys(symbol for known_as in named for symbol in self._wanted.get(known_as, ())))
