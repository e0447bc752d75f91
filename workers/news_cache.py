"""Answers of news sources as they came, kept in Redis for all workers: none is asked twice for the same in a while."""

import hashlib
import json
import zlib
from dataclasses import dataclass

from redis import Redis

from backend.core.logging import get_logger
from market_data.news import NewsSource
from market_data.providers.news_sources import Question, RawNews

PREFIX = "aitrader:news:"
KEPT_FOR_VALIDATORS_S = 21_600
"""An answer with an ETag or Last-Modified is kept longer than it is fresh: the source may say that it still holds."""

log = get_logger(__name__)


@dataclass(frozen=True)
class KeptNews:
    raw: RawNews
    is_fresh: bool


class NewsCache:
    """`fresh_s`: how long an answer is taken for the source's own. Larger answers than `max_bytes` are not kept."""

    def __init__(self, redis: Redis, *, fresh_s: int, max_bytes: int) -> None:
        self._redis = redis
        self._fresh_s = fresh_s
        self._max_bytes = max_bytes

    def get(self, source: NewsSource, question: Question) -> KeptNews | None:
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.get(_key(source, question))
            pipe.pttl(_key(source, question))
            packed, left_ms = pipe.execute()
        if packed is None:
            return None
        try:
            head, _, body = self._unpacked(packed).partition(b"\n")
            told = json.loads(head)
            raw = RawNews(body=body, etag=told["etag"], last_modified=told["last_modified"])
            age_s = told["kept_s"] - left_ms / 1_000  # by Redis's clock: hosts need not agree on the time
        except (zlib.error, ValueError, LookupError, TypeError):
            log.warning("kept_news_unreadable", source=source)
            return None
        return KeptNews(raw, is_fresh=age_s < self._fresh_s)

    def put(self, source: NewsSource, question: Question, raw: RawNews) -> None:
        if len(raw.body) > self._max_bytes:
            return
        has_validator = raw.etag is not None or raw.last_modified is not None
        kept_s = max(self._fresh_s, KEPT_FOR_VALIDATORS_S) if has_validator else self._fresh_s
        head = json.dumps({"etag": raw.etag, "last_modified": raw.last_modified, "kept_s": kept_s})
        self._redis.set(_key(source, question), zlib.compress(head.encode() + b"\n" + raw.body, level=6), ex=kept_s)

    def _unpacked(self, packed: bytes) -> bytes:
        longest = self._max_bytes + 10_000
        unpacked = zlib.decompressobj().decompress(packed, longest)
        if len(unpacked) >= longest:
            raise ValueError(f"a kept answer has {longest} bytes at most, this one has more")
        return unpacked


def _key(source: NewsSource, question: Question) -> str:
    return f"{PREFIX}{source}:{hashlib.sha256(question.key.encode()).hexdigest()}"
