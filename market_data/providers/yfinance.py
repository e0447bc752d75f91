"""Live prices of Yahoo Finance, through the library `yfinance` and the session in yahoo.py."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Final, NamedTuple

import numpy as np
import pandas as pd
import yfinance
from curl_cffi.requests import Response
from yfinance.exceptions import YFPricesMissingError, YFRateLimitError, YFTzMissingError

from market_data.bars import Bars
from market_data.errors import BarsInvalid, DomainError, NoBars, ProviderUnavailable, UnknownSymbol
from market_data.providers.adjust import widened
from market_data.providers.yahoo import LIBRARY_ERRORS, LIBRARY_LOCK, TIMEOUT_S, YahooSession
from market_data.symbols import check_symbol
from market_data.timeframe import DATED_TIMEFRAMES, STEP_S, Timeframe

_CHART_PATH: Final = "/v8/finance/chart/"
_PRICES: Final = ["Open", "High", "Low", "Close"]

# For these the library fetches new cookies and asks a second time.
_RETRIED_WITH_OTHER_COOKIES: Final = (
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.TOO_MANY_REQUESTS,
)


class _Request(NamedTuple):
    interval: str
    period: str


# All that Yahoo gives. It has no documented 4h, so that is made of 1h.
_REQUESTS: Final[Mapping[Timeframe, _Request]] = {
    "1m": _Request("1m", "7d"),
    "5m": _Request("5m", "60d"),
    "15m": _Request("15m", "60d"),
    "30m": _Request("30m", "60d"),
    "1h": _Request("1h", "730d"),
    "4h": _Request("1h", "730d"),
    "1d": _Request("1d", "max"),
    "1w": _Request("1wk", "max"),
}


def system_now_utc() -> datetime:
    """Return the time of the system's clock."""
    return datetime.now(UTC)


class YfinanceProvider:
    """Serves closed bars of all that Yahoo knows, adjusted for splits and dividends (volume for splits only).

    A bar of 1d or 1w is closed when its last date is over on the exchange's clock, any other when its step is
    over. timeout_s bounds a whole fetch. base_url stands in for every host of Yahoo's.
    """

    name: Final = "yfinance"
    is_live: Final = True

    def __init__(
        self,
        *,
        base_url: str | None = None,
        timeout_s: float = TIMEOUT_S,
        now_utc: Callable[[], datetime] = system_now_utc,
    ) -> None:
        self._session = YahooSession(base_url=base_url, timeout_s=timeout_s, check=self._check)
        self._now_utc = now_utc
        self._chart_status = 0

    def fetch(self, symbol: str, timeframe: Timeframe) -> Bars:
        check_symbol(symbol)
        with LIBRARY_LOCK, warnings.catch_warnings():
            # The library still calls what pandas is giving up: its authors' affair, not our reader's.
            warnings.simplefilter("ignore")
            frame = self._history(symbol, timeframe)
        prices = frame[_PRICES].to_numpy(dtype=np.float64)
        traded = frame.loc[(np.isfinite(prices) & (prices > 0.0)).all(axis=1)]
        whole = _four_hours(traded) if timeframe == "4h" else traded
        closed = _closed(whole, timeframe, self._now_utc())
        if closed.empty:
            raise NoBars(f"Yahoo has no closed {timeframe} bars of {symbol}")
        return _bars(closed, symbol, timeframe)

    def _history(self, symbol: str, timeframe: Timeframe) -> pd.DataFrame:
        interval, period = _REQUESTS[timeframe]
        self._session.start()
        self._chart_status = 0
        try:
            ticker = yfinance.Ticker(symbol, session=self._session)
            frame: pd.DataFrame = ticker.history(period=period, interval=interval, auto_adjust=True, actions=False)
        except DomainError:
            raise
        except LIBRARY_ERRORS as error:
            raise _translated(error, symbol, timeframe, self._chart_status) from error
        return frame

    def _check(self, path: str, answer: Response) -> None:
        if path.startswith(_CHART_PATH):
            self._chart_status = answer.status_code
            _check_chart(answer, symbol=path.removeprefix(_CHART_PATH))


def _check_chart(answer: Response, symbol: str) -> None:
    status = answer.status_code
    if status in _RETRIED_WITH_OTHER_COOKIES:
        return
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise ProviderUnavailable(f"Yahoo was to answer with prices of {symbol}, was HTTP {status}")
    problem = _chart_problem(answer, symbol)
    if status == HTTPStatus.NOT_FOUND and problem is not None:
        raise UnknownSymbol(f"Yahoo does not know {symbol}: {problem}")
    if problem is not None:
        raise NoBars(f"Yahoo has no such bars of {symbol}: {problem}")
    if status >= HTTPStatus.BAD_REQUEST:
        raise ProviderUnavailable(f"Yahoo was to answer with prices of {symbol}, was HTTP {status}")


def _chart_problem(answer: Response, symbol: str) -> str | None:
    try:
        chart = json.loads(answer.content)["chart"]
        error = chart["error"]
        return None if error is None else str(error["description"])
    except (ValueError, LookupError, TypeError) as error:
        start = answer.content[:40]
        raise ProviderUnavailable(f"Yahoo was to answer with a chart of {symbol} in JSON, was {start!r}") from error


def _translated(error: Exception, symbol: str, timeframe: Timeframe, chart_status: int) -> DomainError:
    if isinstance(error, YFRateLimitError):
        return ProviderUnavailable("Yahoo refuses us for asking too often (HTTP 429)")
    if chart_status >= HTTPStatus.BAD_REQUEST:
        return ProviderUnavailable(f"Yahoo was to answer with prices of {symbol}, was HTTP {chart_status}")
    if isinstance(error, YFPricesMissingError | YFTzMissingError):
        return NoBars(f"Yahoo has no {timeframe} bars of {symbol}")
    if isinstance(error, OSError):
        return ProviderUnavailable(f"Yahoo could not be reached: {error}")
    return ProviderUnavailable(f"Yahoo's answer for {symbol} was not understood: {type(error).__name__}: {error}")


def _four_hours(hours: pd.DataFrame) -> pd.DataFrame:
    """Return 4h bars made of 1h bars; they count from the first bar of each date, as Yahoo's own do."""
    if hours.empty:
        return hours
    opens = pd.DatetimeIndex(hours.index)
    first_opens = opens.to_series().groupby(opens.normalize()).transform("min")
    hours_in = (opens - pd.DatetimeIndex(first_opens)) // pd.Timedelta(hours=1)
    buckets = pd.DatetimeIndex(first_opens) + pd.to_timedelta(hours_in // 4 * 4, unit="h")
    rules = {"Open": "first", "High": "max", "Low": "min", "Close": "last", "Volume": "sum"}
    return hours.groupby(buckets).agg(rules)


def _closed(frame: pd.DataFrame, timeframe: Timeframe, now_utc: datetime) -> pd.DataFrame:
    index = pd.DatetimeIndex(frame.index)
    step = pd.Timedelta(STEP_S[timeframe], unit="s")
    if timeframe not in DATED_TIMEFRAMES:
        return frame.loc[index + step <= pd.Timestamp(now_utc)]
    # By the exchange's wall clock: a day there may have 23 hours, or no midnight.
    now_there = pd.Timestamp(now_utc).tz_convert(index.tz).tz_localize(None)
    dates = index.tz_localize(None).normalize()
    return frame.set_axis(dates).loc[dates + step <= now_there]


def _bars(frame: pd.DataFrame, symbol: str, timeframe: Timeframe) -> Bars:
    opens, high, low, close = (frame[name].to_numpy(dtype=np.float64) for name in _PRICES)
    low, high = widened(open_=opens, high=high, low=low, close=close)
    try:
        return Bars.from_pandas(frame.assign(Low=low, High=high), symbol=symbol, timeframe=timeframe)
    except BarsInvalid as error:
        raise ProviderUnavailable(f"Yahoo's prices of {symbol} are not bars: {error}") from error
