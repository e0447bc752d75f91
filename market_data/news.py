"""A news article as its sources tell it: pure data, checked once."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, get_args
from urllib.parse import parse_qsl, urlencode, urlsplit

from market_data.errors import DomainError, require

NewsSource = Literal["rss", "yfinance", "alpha_vantage", "finnhub"]
NEWS_SOURCES: Final[tuple[NewsSource, ...]] = get_args(NewsSource)

# What tells the publisher who sent the reader; the article is the same without it.
_TRACKING: Final = frozenset(
    {
        ".tsrc",
        "cmpid",
        "fbclid",
        "gclid",
        "guccounter",
        "guce_referrer",
        "guce_referrer_sig",
        "mc_cid",
        "mc_eid",
        "ncid",
    }
)


@dataclass(frozen=True, kw_only=True)
class Article:
    """What one source says of one article. `symbols` are those that the source itself names."""

    source: NewsSource
    title: str
    published_at: datetime
    url: str | None = None
    summary: str = ""
    publisher: str | None = None
    symbols: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        require(self.title.strip() != "", "an article needs a title, it was empty")
        require(self.published_at.tzinfo is not None, "published_at must have a time zone, it had none")

    @property
    def key(self) -> bytes:
        """Return what an article is stored once by: its address without what tracks readers, else its title."""
        told = self.title.casefold() if self.url is None else canonical_url(self.url)
        return hashlib.sha256(told.encode()).digest()

    @property
    def text(self) -> str:
        """Return title and summary as one text."""
        return self.title if not self.summary else f"{self.title}\n{self.summary}"


def canonical_url(url: str) -> str:
    """Return one spelling for the addresses of one article: no scheme, fragment or tracking, sorted query."""
    try:
        parts = urlsplit(url)
    except ValueError:  # such as half an IPv6 address: no address, but it still names the article
        return url
    query = sorted(
        (name, value) for name, value in parse_qsl(parts.query, keep_blank_values=True) if not _is_tracking(name)
    )
    told = f"{parts.netloc.lower()}{parts.path.rstrip('/')}"
    return f"{told}?{urlencode(query)}" if query else told


def check_news_source(text: str) -> NewsSource:
    """Return `text` if it names a source of news, else raise DomainError."""
    if text not in NEWS_SOURCES:
        raise DomainError(f"a news source must be one of {', '.join(NEWS_SOURCES)}, was {text!r}")
    return text


def _is_tracking(name: str) -> bool:
    return name.lower() in _TRACKING or name.lower().startswith("utm_")
