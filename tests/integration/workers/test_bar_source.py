"""Where a job's bars come from, on a real database and Redis, with providers that answer as they are told."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import event

from backend.core.db import bars as sql
from market_data.bars import Bars
from market_data.errors import NoBars, ProviderUnavailable, UnknownSymbol
from tests.bar_bench import Bench, Told, bars, refusing


def test_the_store_comes_first(bench: Bench) -> None:
    provider = Told("near", bars)
    bench.store(bars("ACME", price=42.0), "near")
    assert bench.close(bench.source(provider)) == 42.0
    assert provider.asked == []


def test_providers_are_asked_in_their_order_until_one_gives(bench: Bench) -> None:
    first = refusing("first", UnknownSymbol("never heard of it"))
    second, third = Told("second", bars), Told("third", bars)
    loaded = bench.source(first, second, third).load(bench.user_id, "ACME", "1d", None, None)
    assert loaded.used.source == "second"
    assert (first.asked, second.asked, third.asked) == (["ACME"], ["ACME"], [])


def test_what_a_provider_gave_is_stored(bench: Bench) -> None:
    provider = Told("near", bars)
    first = bench.source(provider).load(bench.user_id, "ACME", "1d", None, None)
    again = bench.source(refusing("near", ProviderUnavailable("away"))).load(bench.user_id, "ACME", "1d", None, None)
    assert first.used == again.used
    assert (again.used.source, again.used.revision, again.used.bar_count) == ("near", 1, 3)


def test_shared_symbols_are_those_with_bars_that_all_users_see(bench: Bench) -> None:
    for symbol in ("ZETA", "ACME"):
        bench.store(bars(symbol), "near")
    bench.store(bars("MINE"), sql.IMPORTED, owner_id=bench.user_id)
    bench.run(
        "INSERT INTO bar_series (symbol, timeframe, source, revision, bar_count) VALUES ('NONE', '1d', 'near', 0, 0)"
    )
    assert bench.source().shared_symbols("1d") == ("ACME", "ZETA")
    assert bench.source().shared_symbols("1h") == ()


def test_no_source_at_all_names_those_asked(bench: Bench) -> None:
    source = bench.source(refusing("near", UnknownSymbol("no")), refusing("far", UnknownSymbol("no")))
    with pytest.raises(UnknownSymbol, match="asked: the store, near, far"):
        bench.close(source)


@pytest.mark.parametrize("no", [UnknownSymbol("never heard of it"), NoBars("none of these")])
@pytest.mark.parametrize("is_outage_first", [True, False])
def test_an_outage_weighs_more_than_a_no(bench: Bench, no: Exception, is_outage_first: bool) -> None:
    pair = [refusing("down", ProviderUnavailable("away")), refusing("up", no)]
    with pytest.raises(ProviderUnavailable, match="away"):
        bench.close(bench.source(*(pair if is_outage_first else reversed(pair))))


def test_a_users_own_series_hides_the_shared_one(bench: Bench) -> None:
    bench.store(bars("ACME", price=1.0), "near")
    bench.store(bars("ACME", price=2.0), sql.IMPORTED, owner_id=bench.user_id)
    assert bench.close(bench.source()) == 2.0


def test_a_stale_live_series_is_refreshed(bench: Bench) -> None:
    bench.store(bars("ACME", price=1.0), "live")
    bench.asked_long_ago()
    source = bench.source(Told("live", lambda symbol: bars(symbol, price=2.0, count=4), is_live=True))
    loaded = source.load(bench.user_id, "ACME", "1d", None, None)
    assert (loaded.used.revision, loaded.used.bar_count, loaded.warnings) == (2, 4, ())


@pytest.mark.parametrize("error", [ProviderUnavailable("away"), UnknownSymbol("delisted"), NoBars("none")])
def test_a_stale_live_series_is_kept_with_a_warning_when_the_refresh_fails(bench: Bench, error: Exception) -> None:
    bench.store(bars("ACME"), "live")
    bench.asked_long_ago()
    loaded = bench.source(refusing("live", error, is_live=True)).load(bench.user_id, "ACME", "1d", None, None)
    assert loaded.used.revision == 1
    assert len(loaded.warnings) == 1
    assert loaded.warnings[0].startswith("bars end at 2024-01-03: live gave no newer ones")


@pytest.mark.parametrize("end", [date(2024, 1, 2), date(2024, 1, 3)])
def test_a_series_that_holds_what_is_wanted_is_not_refreshed(bench: Bench, end: date) -> None:
    provider = Told("live", bars, is_live=True)
    bench.store(bars("ACME"), "live")
    bench.asked_long_ago()
    bench.source(provider).load(bench.user_id, "ACME", "1d", None, end)
    assert provider.asked == []


def test_a_series_asked_for_a_moment_ago_is_not_refreshed(bench: Bench) -> None:
    provider = Told("live", bars, is_live=True)
    bench.store(bars("ACME"), "live")
    bench.close(bench.source(provider))
    assert provider.asked == []


def test_a_fresh_series_is_not_refreshed(bench: Bench) -> None:
    provider = Told("live", bars, is_live=True)
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    bench.store(bars("ACME", count=1, first=yesterday), "live")
    bench.asked_long_ago()
    bench.close(bench.source(provider))
    assert provider.asked == []


def test_no_bars_in_range_names_the_span_there_is(bench: Bench) -> None:
    bench.store(bars("ACME"), "near")
    wanted = "from 2025-01-01 to the last; there are 2024-01-01T00:00:00Z to 2024-01-03T00:00:00Z"
    with pytest.raises(NoBars, match=wanted):
        bench.source().load(bench.user_id, "ACME", "1d", date(2025, 1, 1), None)


def test_both_ends_of_a_range_are_included(bench: Bench) -> None:
    bench.store(bars("ACME", count=5), "near")
    used = bench.source().load(bench.user_id, "ACME", "1d", date(2024, 1, 2), date(2024, 1, 4)).used
    assert (used.first_bar, used.last_bar) == ("2024-01-02T00:00:00Z", "2024-01-04T00:00:00Z")


def test_an_import_that_came_during_a_fetch_is_kept(bench: Bench) -> None:
    def slow(symbol: str) -> Bars:
        bench.replace_import(bars(symbol, price=7.0))
        return bars(symbol, price=1.0)

    loaded = bench.source(Told("near", slow)).load(bench.user_id, "ACME", "1d", None, None)
    assert (loaded.used.source, loaded.used.revision) == ("import", 1)
    assert float(loaded.bars.close[0]) == 7.0


def test_an_import_over_a_live_series_during_its_refresh_is_kept(bench: Bench) -> None:
    def slow(symbol: str) -> Bars:
        bench.replace_import(bars(symbol, price=7.0))
        return bars(symbol, price=1.0)

    bench.store(bars("ACME"), "live")
    bench.asked_long_ago()
    loaded = bench.source(Told("live", slow, is_live=True)).load(bench.user_id, "ACME", "1d", None, None)
    assert (loaded.used.source, loaded.used.revision, float(loaded.bars.close[0])) == ("import", 2, 7.0)


def test_bars_that_came_between_the_row_and_the_copy_are_kept_as_their_own_revision(bench: Bench) -> None:
    bench.store(bars("ACME", price=1.0), "near")
    seen: list[str] = []

    def replace_after_first_look(*call: object) -> None:
        statement = str(call[2])
        if "FROM bar_series" in statement and not seen:
            seen.append(statement)
            bench.replace_import(bars("ACME", price=2.0))

    event.listen(bench.engine, "after_cursor_execute", replace_after_first_look)
    used = bench.source().load(bench.user_id, "ACME", "1d", None, None).used
    event.remove(bench.engine, "after_cursor_execute", replace_after_first_look)
    assert seen
    assert (used.source, used.revision, used.fingerprint) == ("import", 2, bars("ACME", price=2.0).fingerprint())


def test_a_copy_reads_the_revision_its_row_told_even_if_the_next_is_committed(bench: Bench) -> None:
    bench.store(bars("ACME", price=1.0), "near")
    looks: list[str] = []

    def replace_after_second_look(*call: object) -> None:
        if "FROM bar_series" in str(call[2]):
            looks.append("look")
            if len(looks) == 2:
                bench.replace_import(bars("ACME", price=2.0))

    event.listen(bench.engine, "after_cursor_execute", replace_after_second_look)
    used = bench.source().load(bench.user_id, "ACME", "1d", None, None).used
    event.remove(bench.engine, "after_cursor_execute", replace_after_second_look)
    assert (used.revision, used.fingerprint) == (1, bars("ACME", price=1.0).fingerprint())
    assert bench.close(bench.source()) == 2.0


def test_a_corrupt_copy_is_read_again(bench: Bench) -> None:
    stored = bench.store(bars("ACME", price=3.0), "near")
    copy = bench.settings.data_dir / "cache" / "bars" / f"{stored.id}-1.npy"
    assert bench.close(bench.source()) == 3.0
    copy.write_bytes(b"")
    assert bench.close(bench.source()) == 3.0
    assert copy.stat().st_size > 0


def test_shared_bars_are_never_somebodys_own(bench: Bench) -> None:
    bench.replace_import(bars("ACME", price=10.0))
    bench.replace_import(bars("ACME", price=99.0), bench.user_id)
    bench.replace_import(bars("MINE"), bench.user_id)
    source = bench.source()
    assert bench.close(source) == 99.0
    assert float(source.load_shared("ACME", "1d").bars.close[0]) == 10.0
    with pytest.raises(UnknownSymbol):
        source.load_shared("MINE", "1d")
