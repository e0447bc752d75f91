from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.core.jobs.backtest import BacktestPayload
from backend.core.jobs.registry import JOB_TYPES
from backend.core.jobs.reuse import EarlierRun, SeriesNow, is_current, reuse_key
from backend.core.jobs.submission import JobOptions, submission
from market_data.freshness import STATIC_SOURCES
from market_data.providers import PROVIDERS, build_providers

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
USED = {
    "symbol": "AAPL",
    "timeframe": "1d",
    "source": "yfinance",
    "revision": 3,
    "bar_count": 10,
    "first_bar": "2026-02-20T00:00:00Z",
    "last_bar": "2026-03-09T00:00:00Z",
    "fingerprint": "f",
}
PROVENANCE = {
    "schema_version": 1,
    "engine": "strategy_engine",
    "engine_version": "1",
    "payload_hash": "p",
    "seed": 7,
    "data_fingerprint": "d",
    "bars": [{"schema_version": 1, **USED}],
}
RUN = EarlierRun(NOW - 2 * HOUR, NOW - HOUR, {"provenance": PROVENANCE})
SEEN = SeriesNow("yfinance", 3, is_own=False, last_at=datetime(2026, 3, 9, tzinfo=UTC), updated_at=NOW - 1.5 * HOUR)


def current(
    series: SeriesNow | None = SEEN, run: EarlierRun = RUN, *, version: str = "1", end: date | None = None
) -> bool:
    found = {} if series is None else {("AAPL", "1d"): series}
    return is_current(run, found, engine_version=version, end=end, now=NOW)


def test_result_of_the_same_engine_on_the_same_bars_is_current() -> None:
    assert current()


@pytest.mark.parametrize(
    "series",
    [
        None,
        replace(SEEN, revision=4),
        replace(SEEN, source="import"),
        replace(SEEN, last_at=None),
        replace(SEEN, updated_at=NOW),
        # The user's own, imported while the run was at it: its numbers start anew, and may be the same.
        replace(SEEN, is_own=True),
    ],
)
def test_other_bars_than_the_run_used_end_the_reuse(series: SeriesNow | None) -> None:
    assert not current(series)


def test_other_version_of_the_engine_ends_the_reuse() -> None:
    assert not current(version="2")


def test_bars_that_a_provider_may_have_newer_ones_of_end_the_reuse_unless_they_are_not_wanted() -> None:
    old = replace(SEEN, last_at=datetime(2026, 3, 2, tzinfo=UTC), updated_at=NOW - 25 * HOUR)
    run = replace(RUN, started_at=NOW - 26 * HOUR)
    assert not current(old, run)
    assert not current(old, run, end=date(2026, 3, 5))
    assert current(old, run, end=date(2026, 3, 2))
    assert current(replace(old, updated_at=NOW - 23 * HOUR), run), "it was asked a moment ago"


def test_bars_of_an_import_are_never_behind() -> None:
    used = {**PROVENANCE, "bars": [{"schema_version": 1, **USED, "source": "import"}]}
    run = replace(RUN, result={"provenance": used})
    assert current(replace(SEEN, source="import", last_at=datetime(1999, 1, 1, tzinfo=UTC)), run)


def test_sources_that_bring_nothing_new_are_those_of_the_providers_that_say_so() -> None:
    static = {provider.name for provider in build_providers(tuple(PROVIDERS)) if not provider.is_live}
    assert static | {"import"} == STATIC_SOURCES


@pytest.mark.parametrize("key", ["failures", "warnings"])
def test_result_that_misses_something_is_not_reused(key: str) -> None:
    assert not replace(RUN, result={key: ["something"]}).is_whole
    assert replace(RUN, result={key: []}).is_whole


def test_only_types_whose_result_follows_from_payload_and_bars_are_reused() -> None:
    assert {name for name, spec in JOB_TYPES.items() if spec.reuse is not None} == {"backtest", "pattern_scan"}


def backtest(**payload: object) -> BacktestPayload:
    asked = {"symbols": ["AAPL"], "strategy": {"kind": "sma_cross"}, **payload}
    return submission("backtest", asked).payload


@given(st.integers(2, 399), st.integers(2, 399))
def test_key_is_the_same_for_the_same_question_and_for_no_other(one: int, other: int) -> None:
    first, second = (backtest(strategy={"kind": "sma_cross", "fast": fast, "slow": 400}) for fast in (one, other))
    assert (reuse_key("backtest", "1", first) == reuse_key("backtest", "1", second)) == (first == second)
    assert reuse_key("backtest", "1", first) != reuse_key("backtest", "2", first)
    assert reuse_key("backtest", "1", first) != reuse_key("pattern_scan", "1", first)


def test_default_values_that_are_spelled_out_ask_the_same() -> None:
    assert reuse_key("backtest", "1", backtest()) == reuse_key("backtest", "1", backtest(timeframe="1d"))


def test_job_for_later_and_one_that_says_never_run_themselves() -> None:
    payload = {"symbols": ["AAPL"], "strategy": {"kind": "sma_cross"}}
    assert submission("backtest", payload).may_reuse
    assert not submission("backtest", payload, JobOptions(reuse="never")).may_reuse
    assert not submission("backtest", payload, JobOptions(run_at=NOW)).may_reuse
    assert not submission("probe", {}).may_reuse
    assert submission("probe", {}).reuse_key is None
