"""A provider that is away: jobs hear of it soon, and nobody hears what others asked it for."""

import asyncio
import json
import socket
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from redis.asyncio import Redis as AsyncRedis

from backend.core.db import claims, statements
from backend.core.db.sessions import async_engine
from backend.core.heartbeats import PROVIDERS
from backend.core.jobs.backtest import BacktestPayload
from backend.core.jobs.outcomes import Outcome, TryLater
from backend.core.jobs.pattern_scan import PatternScanPayload, PatternScanResult
from backend.core.jobs.submission import submission
from backend.services.health import Finding, Health
from backend.settings import Settings
from market_data.bars import Bars
from market_data.errors import ProviderUnavailable, UnknownSymbol
from market_data.providers.yfinance import TIMEOUT_S, YfinanceProvider
from tests.bar_bench import Bench, Told, bars, refusing
from tests.contexts import make_context
from workers.bar_source import LEFT_ALONE_S, BarSource
from workers.context import Context
from workers.ending import Lease, end_attempt, try_later
from workers.handlers.backtest import backtest
from workers.handlers.bars import LONGEST_WAIT_S
from workers.handlers.pattern_scan import pattern_scan

ATTEMPTS = 3


def context(bench: Bench, source: BarSource) -> Context:
    return make_context(
        load_bars=lambda symbol, timeframe, start, end: source.load(bench.user_id, symbol, timeframe, start, end)
    )


def only(known: str) -> Callable[[str], Bars]:
    """Return a provider's answers: bars of one symbol, an outage for all others."""

    def answer(symbol: str) -> Bars:
        if symbol == known:
            return bars(symbol)
        raise ProviderUnavailable(f"no answer for {symbol}")

    return answer


def scan(bench: Bench, source: BarSource, *symbols: str) -> PatternScanResult:
    outcome: Outcome = pattern_scan(PatternScanPayload(symbols=symbols), context(bench, source))
    assert isinstance(outcome.result, PatternScanResult)
    return outcome.result


def test_a_scan_asks_a_provider_that_is_away_only_once(bench: Bench) -> None:
    away = refusing("away", ProviderUnavailable("no answer"))
    symbols = [f"BAD{i}" for i in range(50)]
    result = scan(bench, bench.source(away), *symbols)
    assert away.asked == ["BAD0"]
    assert [(failure.symbol, failure.code) for failure in result.failures] == [
        (symbol, "provider_unavailable") for symbol in symbols
    ]


def test_a_scan_still_finds_what_is_stored_or_what_others_have(bench: Bench) -> None:
    bench.store(bars("HELD"), "away")
    away, there = refusing("away", ProviderUnavailable("no answer")), Told("there", only("OTHER"))
    result = scan(bench, bench.source(away, there), "OTHER", "BAD", "HELD")
    assert [failure.symbol for failure in result.failures] == ["BAD"]
    assert [used.source for used in result.provenance.bars] == ["away", "there"]


def test_a_provider_is_asked_again_before_the_next_attempt(bench: Bench) -> None:
    provider = Told("there", only("GOOD"))
    source = bench.source(provider)
    for symbol in ("BAD", "GOOD"):
        with pytest.raises(ProviderUnavailable):
            bench.close(source, symbol)
    assert LEFT_ALONE_S < LONGEST_WAIT_S
    bench.now_s += LONGEST_WAIT_S
    assert bench.close(source, "GOOD") == 10.0
    assert provider.asked == ["BAD", "GOOD"]


def test_a_no_is_an_answer_and_leaves_nobody_alone(bench: Bench) -> None:
    provider = refusing("near", UnknownSymbol("never heard of it"))
    assert {failure.code for failure in scan(bench, bench.source(provider), "A", "B").failures} == {"unknown_symbol"}
    assert provider.asked == ["A", "B"]


def test_nobody_hears_what_others_asked_for(bench: Bench) -> None:
    source = bench.source(refusing("sample", ProviderUnavailable("no answer for SECRET")))
    with pytest.raises(ProviderUnavailable):
        bench.close(source, "SECRET")
    with pytest.raises(ProviderUnavailable) as second:
        bench.close(source, "MINE")
    assert "SECRET" not in str(second.value)
    assert "SECRET" not in str(bench.broker.hgetall(PROVIDERS))
    told = providers_health(bench).fields["sample"]
    assert isinstance(told, dict)
    assert (set(told), told["ok"], told["code"]) == ({"ok", "code", "at"}, False, "provider_unavailable")


@pytest.mark.parametrize("answer", [bars, refusing("", UnknownSymbol("no")).answer])
def test_a_provider_that_answers_is_noted_as_well(bench: Bench, answer: Callable[[str], Bars]) -> None:
    source = bench.source(Told("sample", answer))
    with suppress(UnknownSymbol):
        bench.close(source)
    noted = json.loads(bench.broker.hgetall(PROVIDERS)[b"sample"])
    assert (noted["is_ok"], noted["code"]) == (True, None)


def test_three_attempts_at_a_provider_that_hangs_take_less_than_half_a_minute() -> None:
    assert ATTEMPTS * TIMEOUT_S + (ATTEMPTS - 1) * LONGEST_WAIT_S <= 25.0


def test_a_whole_fetch_takes_no_longer_than_its_timeout() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:  # takes connections and never says a word
        provider = YfinanceProvider(base_url=f"http://127.0.0.1:{mute.getsockname()[1]}", timeout_s=0.5)
        began_s = time.monotonic()
        with pytest.raises(ProviderUnavailable):
            provider.fetch("ACME", "1d")
        took_s = time.monotonic() - began_s
    assert took_s < 1.0


def test_a_job_whose_provider_stays_away_fails_at_its_last_attempt(bench: Bench) -> None:
    wanted = submission("backtest", {"symbols": ["ACME"], "strategy": {"kind": "buy_and_hold"}})
    with bench.engine.begin() as connection:
        connection.execute(statements.insert_job(wanted.new_row(bench.user, None)))
        connection.execute(statements.open_lane(wanted.new_row(bench.user, None)["queue"], bench.user_id, None))
    source = bench.source(refusing("away", ProviderUnavailable("no answer")))
    payload = BacktestPayload.model_validate(wanted.payload)
    for attempt in range(1, ATTEMPTS + 1):
        attempt_fails(bench, source, payload)
        row = bench.platform.rows("SELECT * FROM jobs")[0]
        assert row["attempt"] == attempt
        if attempt < ATTEMPTS:
            assert row["state"] == "scheduled"
            assert row["run_at"] - datetime.now(UTC) <= timedelta(seconds=LONGEST_WAIT_S)
            bench.run("UPDATE jobs SET state = 'queued'")
    assert (row["state"], row["error"]["code"]) == ("failed", "provider_unavailable")


def attempt_fails(bench: Bench, source: BarSource, payload: BacktestPayload) -> None:
    """Claim the job, run its handler and end the attempt as the runner does."""
    queue = bench.platform.rows("SELECT queue FROM jobs")[0]["queue"]
    asked = {"at_most": 1, "queue": queue, "lease_s": 30.0, "hard_limit_s": 60.0, "worker_id": "w", "worker_pid": 1}
    with bench.engine.begin() as connection:
        lease = Lease.of(connection.execute(claims.CLAIM_WAITING, asked).mappings().one())
    with pytest.raises(TryLater) as later:
        backtest(payload, context(bench, source))
    error = {"code": later.value.code, "message": str(later.value)}
    with bench.engine.begin() as connection:
        assert end_attempt(connection, lease, try_later(lease.job, error, later.value.after_s)) is not None


def test_health_tells_neither_urls_nor_messages(bench: Bench) -> None:
    with socket.create_server(("127.0.0.1", 0)) as flower:
        url = f"http://someone:hidden@127.0.0.1:{flower.getsockname()[1]}"
        settings = bench.settings.model_copy(update={"flower_url": url})
        finding = ask_health(bench, lambda health: health.flower(), settings=settings)
    assert finding == Finding("ok")


def providers_health(bench: Bench) -> Finding:
    return ask_health(bench, lambda health: health.providers())


def ask_health(
    bench: Bench, question: Callable[[Health], Awaitable[Finding]], *, settings: Settings | None = None
) -> Finding:
    async def ask() -> Finding:
        engine = async_engine(bench.settings.database)
        async with AsyncRedis.from_url(bench.platform.redis_url) as broker:
            found = await question(Health(engine, broker, settings or bench.settings))
        await engine.dispose()
        return found

    return asyncio.run(ask())
