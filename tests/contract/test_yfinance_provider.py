"""The provider against a local server that answers in Yahoo's format, through the real library."""

import json
import logging
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from market_data.errors import InvalidSymbol, NoBars, ProviderUnavailable, UnknownSymbol
from market_data.providers.yfinance import YfinanceProvider
from market_data.timeframe import TIMEFRAMES, Timeframe

NEW_YORK = ZoneInfo("America/New_York")
LATER_UTC = datetime(2024, 6, 1, tzinfo=UTC)
NOT_FOUND = {"code": "Not Found", "description": "No data found, symbol may be delisted"}


@dataclass
class FakeYahoo:
    """What the server answers for a chart, and what it was asked."""

    status: int = 200
    body: bytes = b""
    hangs: bool = False
    let_go: threading.Event = field(default_factory=threading.Event)
    asked: list[str] = field(default_factory=list)
    url: str = ""

    def answer_chart(self, chart: object, *, status: int = 200) -> None:
        self.status, self.body = status, json.dumps({"chart": chart}).encode()

    def charts_asked(self) -> list[dict[str, list[str]]]:
        return [parse_qs(urlsplit(path).query) for path in self.asked if "/v8/finance/chart/" in path]


@pytest.fixture
def yahoo() -> Iterator[FakeYahoo]:
    state = FakeYahoo()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.asked.append(self.path)
            if state.hangs:
                state.let_go.wait()
                return
            if self.path.startswith("/v8/finance/chart/"):
                self.answer(state.status, state.body)
            elif self.path.startswith("/v1/test/getcrumb"):
                self.answer(200, b"a-crumb")
            else:
                self.answer(404, b"<html></html>")

        def answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the name in http.server
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    state.url = f"http://127.0.0.1:{server.server_port}"
    yield state
    state.let_go.set()
    server.shutdown()
    server.server_close()
    thread.join()


def provider(yahoo: FakeYahoo, *, now_utc: datetime = LATER_UTC, timeout_s: float = 5.0) -> YfinanceProvider:
    return YfinanceProvider(base_url=yahoo.url, timeout_s=timeout_s, now_utc=lambda: now_utc)


def chart(
    times: list[datetime],
    prices: list[tuple[float | None, float | None, float | None, float | None]],
    *,
    adjusted: list[float | None] | None = None,
    events: object = None,
    zone: str = "America/New_York",
    granularity: str = "1d",
) -> dict[str, object]:
    opens, highs, lows, closes = (list(column) for column in zip(*prices, strict=True))
    seconds = [int(t.timestamp()) for t in times]
    period = {"timezone": "EST", "start": seconds[0], "end": seconds[-1] + 86_400, "gmtoffset": -18_000}
    periods = [
        [{**period, "start": int(day.timestamp()), "end": int(day.timestamp()) + 86_399}]
        for day in sorted({t.replace(hour=0, minute=0) for t in times})
    ]
    indicators: dict[str, object] = {
        "quote": [{"open": opens, "high": highs, "low": lows, "close": closes, "volume": [1000] * len(times)}]
    }
    if granularity == "1d":
        indicators["adjclose"] = [{"adjclose": closes if adjusted is None else adjusted}]
    meta = {
        "currency": "USD",
        "symbol": "TEST",
        "instrumentType": "EQUITY",
        "exchangeTimezoneName": zone,
        "dataGranularity": granularity,
        "range": "",
        "validRanges": ["1d", "5d", "max"],
        "currentTradingPeriod": {"pre": period, "regular": period, "post": period},
        "tradingPeriods": periods,
    }
    result = {"meta": meta, "timestamp": seconds, "indicators": indicators}
    if events is not None:
        result["events"] = events
    return {"result": [result], "error": None}


def session_open(day: int, *, month: int = 1, hour: int = 9, minute: int = 30) -> datetime:
    return datetime(2024, month, day, hour, minute, tzinfo=NEW_YORK)


def test_daily_prices_are_adjusted_and_named_by_session_date(yahoo):
    ex_dividend = int(session_open(4).timestamp())
    split = int(session_open(5).timestamp())
    yahoo.answer_chart(
        chart(
            [session_open(3), session_open(4), session_open(5)],
            [(10.0, 12.0, 8.0, 10.0), (9.0, 9.5, 8.5, 9.0), (9.0, 10.0, 9.0, 9.5)],
            adjusted=[9.0, 9.0, 9.5],
            events={
                "dividends": {str(ex_dividend): {"amount": 1.0, "date": ex_dividend}},
                "splits": {str(split): {"date": split, "numerator": 2, "denominator": 1, "splitRatio": "2:1"}},
            },
        )
    )
    bars = provider(yahoo).fetch("TEST", "1d")
    assert (bars.symbol, bars.timeframe) == ("TEST", "1d")
    assert [bars.time_utc(i).isoformat() for i in range(3)] == [f"2024-01-0{d}T00:00:00+00:00" for d in (3, 4, 5)]
    np.testing.assert_allclose(bars.open, [9.0, 9.0, 9.0], rtol=1e-15)
    np.testing.assert_allclose(bars.high, [10.8, 9.5, 10.0], rtol=1e-15)
    np.testing.assert_allclose(bars.low, [7.2, 8.5, 9.0], rtol=1e-15)
    np.testing.assert_array_equal(bars.close, [9.0, 9.0, 9.5])
    np.testing.assert_array_equal(bars.volume, [1000.0, 1000.0, 1000.0])


def test_rows_without_prices_are_left_out(yahoo):
    none = (None, None, None, None)
    yahoo.answer_chart(
        chart(
            [session_open(3), session_open(4), session_open(5)],
            [(1.0, 2.0, 1.0, 2.0), none, (0.0, 2.0, 0.0, 2.0)],
            adjusted=[2.0, None, 2.0],
        )
    )
    assert len(provider(yahoo).fetch("TEST", "1d")) == 1


def test_an_open_outside_the_range_widens_the_range(yahoo):
    yahoo.answer_chart(chart([session_open(3)], [(2.5, 2.0, 1.0, 1.5)]))
    assert provider(yahoo).fetch("TEST", "1d").high[0] == 2.5


@pytest.mark.parametrize(
    ("now_utc", "expected"),
    [(datetime(2024, 1, 5, 4, 59, tzinfo=UTC), 1), (datetime(2024, 1, 5, 5, 0, tzinfo=UTC), 2)],
)
def test_a_day_is_closed_at_midnight_of_the_exchange(yahoo, now_utc, expected):
    yahoo.answer_chart(chart([session_open(3), session_open(4)], [(1.0, 1.0, 1.0, 1.0)] * 2))
    assert len(provider(yahoo, now_utc=now_utc).fetch("TEST", "1d")) == expected


def test_only_an_open_bar_gives_no_bars(yahoo):
    yahoo.answer_chart(chart([session_open(3)], [(1.0, 1.0, 1.0, 1.0)]))
    with pytest.raises(NoBars, match="no closed 1d bars of TEST"):
        provider(yahoo, now_utc=datetime(2024, 1, 3, 20, tzinfo=UTC)).fetch("TEST", "1d")


def test_intraday_bars_keep_their_instant_and_the_open_one_is_dropped(yahoo):
    times = [session_open(3, hour=h) for h in (9, 10, 11)]
    yahoo.answer_chart(chart(times, [(1.0, 1.0, 1.0, 1.0)] * 3, granularity="1h"))
    bars = provider(yahoo, now_utc=datetime(2024, 1, 3, 16, 30, tzinfo=UTC)).fetch("TEST", "1h")
    assert [bars.time_utc(i).isoformat() for i in range(len(bars))] == [
        "2024-01-03T14:30:00+00:00",
        "2024-01-03T15:30:00+00:00",
    ]


def test_four_hours_are_made_of_hours_from_the_sessions_open(yahoo):
    times = [session_open(day, hour=hour) for day in (3, 4) for hour in range(9, 16)]
    prices = [(10.0 + i, 20.0 + i, 5.0 + i, 11.0 + i) for i in range(14)]
    yahoo.answer_chart(chart(times, prices, granularity="1h"))
    bars = provider(yahoo).fetch("TEST", "4h")
    assert [bars.time_utc(i).astimezone(NEW_YORK).strftime("%d %H:%M") for i in range(len(bars))] == [
        "03 09:30",
        "03 13:30",
        "04 09:30",
        "04 13:30",
    ]
    np.testing.assert_array_equal(bars.open, [10.0, 14.0, 17.0, 21.0])
    np.testing.assert_array_equal(bars.high, [23.0, 26.0, 30.0, 33.0])
    np.testing.assert_array_equal(bars.low, [5.0, 9.0, 12.0, 16.0])
    np.testing.assert_array_equal(bars.close, [14.0, 17.0, 21.0, 24.0])
    np.testing.assert_array_equal(bars.volume, [4000.0, 3000.0, 4000.0, 3000.0])


def test_a_week_is_closed_when_seven_days_are_over(yahoo):
    mondays = [session_open(8, hour=0, minute=0), session_open(15, hour=0, minute=0)]
    yahoo.answer_chart(chart(mondays, [(1.0, 1.0, 1.0, 1.0)] * 2))
    bars = provider(yahoo, now_utc=datetime(2024, 1, 21, 12, tzinfo=UTC)).fetch("TEST", "1w")
    assert [bars.time_utc(i).date().isoformat() for i in range(len(bars))] == ["2024-01-08"]


@pytest.mark.parametrize("timeframe", TIMEFRAMES)
def test_every_timeframe_asks_for_all_that_yahoo_gives(yahoo, timeframe: Timeframe):
    dated = timeframe in ("1d", "1w")
    times = [
        session_open(8, hour=0 if dated else 9, minute=0),
        session_open(15, hour=0 if dated else 9, minute=0),
    ]
    yahoo.answer_chart(chart(times, [(1.0, 1.0, 1.0, 1.0)] * 2, granularity="1d" if dated else "1h"))
    assert len(provider(yahoo).fetch("TEST", timeframe)) == 2
    query = yahoo.charts_asked()[-1]
    expected = {"1m": "1m", "5m": "5m", "15m": "15m", "30m": "15m", "1d": "1d", "1w": "1wk"}.get(timeframe, "1h")
    assert query["interval"] == [expected]
    if not dated:
        assert query["range"] == [{"1m": "7d", "1h": "730d", "4h": "730d"}.get(timeframe, "60d")]


def test_unknown_symbol_is_told_from_an_outage(yahoo):
    yahoo.answer_chart({"result": None, "error": NOT_FOUND}, status=404)
    with pytest.raises(UnknownSymbol, match=r"does not know NOPE: No data found"):
        provider(yahoo).fetch("NOPE", "1d")


def test_a_range_that_yahoo_does_not_keep_is_no_bars(yahoo):
    error = {"code": "Unprocessable Entity", "description": "1m data not available for startTime=1"}
    yahoo.answer_chart({"result": None, "error": error}, status=422)
    with pytest.raises(NoBars, match="1m data not available"):
        provider(yahoo).fetch("TEST", "1m")


@pytest.mark.parametrize("status", [401, 403, 429, 500, 502, 503])
def test_refusals_and_faults_of_the_server_are_unavailable(yahoo, status):
    yahoo.status, yahoo.body = status, b"{}"
    with pytest.raises(ProviderUnavailable, match=f"HTTP {status}") as caught:
        provider(yahoo).fetch("TEST", "1d")
    assert caught.value.retry_after_s > 0


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>Will be right back...</html>",
        b"{",
        b"[]",
        b"null",
        b'{"chart": null}',
        b'{"chart": {"error": null, "result": []}}',
        b'{"chart": {"error": null, "result": [null]}}',
        b'{"chart": {"error": null, "result": [{"meta": {}}]}}',
        b'{"chart": {"error": null, "result": [{"meta": {"exchangeTimezoneName": "Mars/Base"}}]}}',
        b"\xff\xfe\x00",
    ],
)
def test_garbage_is_unavailable(yahoo, body):
    yahoo.body = body
    with pytest.raises(ProviderUnavailable, match="was"):
        provider(yahoo).fetch("GARBAGE", "1d")


def test_columns_of_unequal_length_are_unavailable(yahoo):
    broken = chart([session_open(3), session_open(4)], [(1.0, 1.0, 1.0, 1.0)] * 2)
    broken["result"][0]["indicators"]["quote"][0]["open"].pop()
    yahoo.answer_chart(broken)
    with pytest.raises(ProviderUnavailable, match="not understood"):
        provider(yahoo).fetch("TEST", "1d")


def test_a_hanging_server_is_unavailable_within_its_timeout(yahoo):
    yahoo.hangs = True
    began_s = time.monotonic()
    with pytest.raises(ProviderUnavailable, match="could not be reached"):
        provider(yahoo, timeout_s=0.3).fetch("TEST", "1d")
    assert time.monotonic() - began_s < 3.0


def test_a_closed_port_is_unavailable_at_once():
    with socket.socket() as taken:  # bound but not listening: connections are refused
        taken.bind(("127.0.0.1", 0))
        nowhere = YfinanceProvider(base_url=f"http://127.0.0.1:{taken.getsockname()[1]}")
        began_s = time.monotonic()
        with pytest.raises(ProviderUnavailable, match="could not be reached"):
            nowhere.fetch("TEST", "1d")
    assert time.monotonic() - began_s < 3.0


def test_a_bad_symbol_is_refused_before_anything_is_asked(yahoo):
    with pytest.raises(InvalidSymbol):
        provider(yahoo).fetch("../etc", "1d")
    assert yahoo.asked == []


def test_nothing_is_logged_printed_or_kept_in_the_home(yahoo, tmp_path: Path, monkeypatch, caplog, capfd):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    yahoo.answer_chart({"result": None, "error": NOT_FOUND}, status=404)
    with caplog.at_level(logging.DEBUG), pytest.raises(UnknownSymbol):
        provider(yahoo).fetch("QUIET", "1d")
    yahoo.answer_chart(chart([session_open(3)], [(1.0, 1.0, 1.0, 1.0)]))
    assert len(provider(yahoo).fetch("QUIET", "1d")) == 1
    assert [record for record in caplog.records if record.name.startswith("yfinance")] == []
    assert capfd.readouterr() == ("", "")
    assert list(tmp_path.iterdir()) == []


def test_times_increase(yahoo):
    times = [session_open(5), session_open(3), session_open(4)]
    yahoo.answer_chart(chart(times, [(1.0, 1.0, 1.0, 1.0)] * 3))
    bars = provider(yahoo).fetch("TEST", "1d")
    assert all(a < b for a, b in pairwise(bars.time.tolist()))
