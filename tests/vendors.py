"""A local server that answers as vendors of news do, errors included, and remembers what it was asked."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class Reply:
    """`after_s`: how long it takes. `hangs`: never. `drips`: byte by byte, until the client goes away or the server
    stops."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    etag: str | None = None
    after_s: float = 0.0
    hangs: bool = False
    drips: bool = False


@dataclass(frozen=True)
class Asked:
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]


@dataclass
class Vendor:
    """What is answered to a path, by its beginning; nothing there is a 404."""

    url: str
    replies: dict[str, Reply] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    let_go: threading.Event = field(default_factory=threading.Event)

    def answers(self, path: str, reply: Reply) -> None:
        self.replies[path] = reply

    def reply_to(self, path: str) -> Reply:
        known = [start for start in self.replies if path.startswith(start)]
        return self.replies[max(known, key=len)] if known else Reply(status=404)

    def asked_for(self, path: str) -> list[Asked]:
        return [asked for asked in self.asked if asked.path.startswith(path)]


@contextmanager
def running_vendor() -> Iterator[Vendor]:
    vendor = Vendor("")
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"vendor": vendor}))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    vendor.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield vendor
    finally:
        vendor.let_go.set()
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    vendor: Vendor

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.vendor.asked.append(Asked(parts.path, parse_qs(parts.query), headers))
        reply = self.vendor.reply_to(parts.path)
        if reply.after_s:
            self.vendor.let_go.wait(reply.after_s)
        if reply.hangs:
            self.vendor.let_go.wait()
        elif reply.etag is not None and headers.get("if-none-match") == reply.etag:
            self._send(304, reply, b"")
        else:
            self._send(reply.status, reply, reply.body)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.do_GET()

    def _send(self, status: int, reply: Reply, body: bytes) -> None:
        self.send_response(status)
        for name, value in (reply.headers | ({} if reply.etag is None else {"ETag": reply.etag})).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(1_000_000 if reply.drips else len(body)))
        self.end_headers()
        with suppress(OSError):  # the client may have heard enough
            self.wfile.write(body)
            while reply.drips and not self.vendor.let_go.wait(0.02):
                self.wfile.write(b" ")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the name in http.server
        pass


def as_json(value: Any, **reply: Any) -> Reply:
    return Reply(json.dumps(value).encode(), **reply)


def finnhub_entry(headline: str, at: datetime, **more: Any) -> dict[str, Any]:
    """Return an article as /api/v1/company-news has it."""
    entry = {
        "category": "company",
        "datetime": int(at.timestamp()),
        "headline": headline,
        "id": abs(hash(headline)) % 10**9,
        "image": "",
        "related": "AAPL",
        "source": "Reuters",
        "summary": "",
        "url": f"https://finnhub.io/api/news?id={headline.encode().hex()}",
    }
    return entry | more


def alpha_vantage_entry(title: str, at: datetime, *tickers: str, **more: Any) -> dict[str, Any]:
    """Return an article as the feed of NEWS_SENTIMENT has it."""
    entry = {
        "title": title,
        "url": f"https://www.benzinga.com/{title.encode().hex()}",
        "time_published": f"{at:%Y%m%dT%H%M%S}",
        "authors": ["A. Writer"],
        "summary": "",
        "source": "Benzinga",
        "overall_sentiment_score": 0.31,
        "ticker_sentiment": [
            {"ticker": ticker, "relevance_score": "0.9", "ticker_sentiment_score": "0.3"} for ticker in tickers
        ],
    }
    return entry | more


def alpha_vantage_feed(*entries: dict[str, Any]) -> dict[str, Any]:
    return {"items": str(len(entries)), "sentiment_score_definition": "x", "feed": list(entries)}


def yahoo_entry(title: str, at: datetime, *tickers: str, **more: Any) -> dict[str, Any]:
    """Return an article as Yahoo's ticker stream has it."""
    content = {
        "id": title,
        "contentType": "STORY",
        "title": title,
        "description": "",
        "summary": "",
        "pubDate": f"{at:%Y-%m-%dT%H:%M:%SZ}",
        "provider": {"displayName": "Bloomberg", "url": "http://www.bloomberg.com/"},
        "canonicalUrl": {"url": f"https://finance.yahoo.com/news/{title.encode().hex()}.html"},
        "clickThroughUrl": None,
        "finance": {"stockTickers": [{"symbol": ticker} for ticker in tickers]},
    }
    return {"id": title, "content": content | more}


def yahoo_stream(*entries: dict[str, Any]) -> dict[str, Any]:
    return {"data": {"tickerStream": {"stream": list(entries)}}}


def rss_feed(*items: str, title: str = "A Paper") -> bytes:
    told = "".join(items)
    return f'<?xml version="1.0"?><rss version="2.0"><channel><title>{title}</title>{told}</channel></rss>'.encode()


def rss_item(title: str, at: datetime, *, link: str | None = None, description: str = "") -> str:
    where = link or f"https://paper.example/{title.encode().hex()}"
    return (
        f"<item><title>{title}</title><link>{where}</link><guid>{where}</guid>"
        f"<pubDate>{format_datetime(at)}</pubDate><description>{description}</description></item>"
    )
