"""What became of a signal: by hand, and against the labels that the models were trained on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market_data.bars import Bars
from suggestion_engine.features import atr
from suggestion_engine.labels import triple_barrier
from suggestion_engine.outcome import Given, has_bar, outcome_of
from tests.models import DAY_NS, walk

BUY = Given(action="buy", entry=100.0, stop=90.0, target=110.0, horizon_bars=3, as_of_ns=0)
SELL = replace(BUY, action="sell", stop=110.0, target=90.0)


def bars(*rows: tuple[float, float, float, float]) -> Bars:
    columns = np.array([(100.0, 100.0, 100.0, 100.0), *rows]).T
    names = ("open", "high", "low", "close")
    return Bars.from_arrays(
        symbol="A",
        timeframe="1d",
        time=np.arange(len(rows) + 1, dtype=np.int64) * DAY_NS,
        volume=np.ones(len(rows) + 1),
        **dict(zip(names, columns, strict=True)),
    )


QUIET = (100.0, 101.0, 99.0, 100.0)


@pytest.mark.parametrize(
    ("given_", "rows", "ending", "price", "bar"),
    [
        (BUY, [QUIET, (100, 111, 99, 105)], "target", 110.0, 2),
        (BUY, [QUIET, (100, 101, 89, 95)], "stop", 90.0, 2),
        (BUY, [(100, 111, 89, 105)], "stop", 90.0, 1),  # both in one bar: the stop comes first
        (BUY, [QUIET, (115, 116, 112, 113)], "target", 115.0, 2),  # a gap beyond the target fills at the open
        (BUY, [QUIET, (85, 86, 84, 85)], "stop", 85.0, 2),
        (BUY, [QUIET, QUIET, (100, 104, 98, 103), (100, 120, 99, 100)], "timeout", 103.0, 3),
        (SELL, [QUIET, (100, 101, 89, 95)], "target", 90.0, 2),
        (SELL, [QUIET, (100, 111, 99, 105)], "stop", 110.0, 2),
        (SELL, [(100, 111, 89, 105)], "stop", 110.0, 1),
        (SELL, [QUIET, (85, 86, 84, 85)], "target", 85.0, 2),
        # The levels move with the fill: bought at 120, the target is 132.
        (BUY, [(120, 131, 119, 130), (130, 133, 129, 131)], "target", 132.0, 2),
    ],
)
def test_a_trade_worked_by_hand(
    given_: Given, rows: list[tuple[float, ...]], ending: str, price: float, bar: int
) -> None:
    found = outcome_of(given_, bars(*rows))  # type: ignore[arg-type]
    assert found is not None
    assert (found.ending, found.exit_price) == (ending, pytest.approx(price))
    assert found.exit_time_ns == bar * DAY_NS
    side = -1.0 if given_.action == "sell" else 1.0
    assert found.return_frac == pytest.approx(side * (price / rows[0][0] - 1.0))


@pytest.mark.parametrize("rows", [[], [QUIET], [QUIET, QUIET]])
def test_what_is_not_over_has_no_outcome_yet(rows: list[tuple[float, float, float, float]]) -> None:
    assert outcome_of(BUY, bars(*rows)) is None
    assert has_bar(BUY, bars(*rows))


def test_a_bar_that_is_gone_gives_no_outcome() -> None:
    elsewhere = replace(BUY, as_of_ns=DAY_NS // 2)
    assert outcome_of(elsewhere, bars(QUIET, QUIET, QUIET)) is None
    assert not has_bar(elsewhere, bars(QUIET, QUIET, QUIET))


def test_prices_that_were_split_since_give_the_same_outcome() -> None:
    rows = [QUIET, (100, 111, 99, 105)]
    halved = bars(*[tuple(price / 2 for price in row) for row in rows])  # type: ignore[misc]
    whole, half = outcome_of(BUY, bars(*rows)), outcome_of(BUY, halved)  # type: ignore[arg-type]
    assert whole is not None
    assert half is not None
    assert (half.ending, half.return_frac) == (whole.ending, pytest.approx(whole.return_frac))


@given(st.integers(0, 300), st.integers(20, 180))
def test_a_signal_at_the_barriers_ends_as_the_labels_say(seed: int, decided: int) -> None:
    series = walk(seed=seed, count=200)
    labels = triple_barrier(series, horizon_bars=10)
    fill, distance = float(series.open[decided + 1]), 2.0 * float(atr(series)[decided])
    signal = Given(
        action="buy",
        entry=fill,
        stop=fill - distance,
        target=fill + distance,
        horizon_bars=10,
        as_of_ns=int(series.time[decided]),
    )
    found = outcome_of(signal, series)
    assert (found is not None) == bool(labels.is_known[decided])
    if found is not None:
        assert found.ending == {1: "target", -1: "stop", 0: "timeout"}[int(labels.outcome[decided])]
        assert found.return_frac == pytest.approx(float(labels.return_frac[decided]), abs=1e-9)


def test_a_hold_is_measured_at_the_barriers_of_the_labels() -> None:
    series = walk(seed=5, count=200)
    close = float(series.close[100])
    distance = 2.0 * float(atr(series)[100])
    hold = Given(action="hold", entry=close, stop=None, target=None, horizon_bars=10, as_of_ns=int(series.time[100]))
    buy = replace(hold, action="buy", stop=close - distance, target=close + distance)
    assert outcome_of(hold, series) == outcome_of(buy, series) is not None


def test_where_nothing_moves_only_time_ends_a_hold() -> None:
    still = (100.0, 100.0, 100.0, 100.0)
    series = bars(*[still] * 40)
    hold = Given(action="hold", entry=100.0, stop=None, target=None, horizon_bars=5, as_of_ns=20 * DAY_NS)
    found = outcome_of(hold, series)
    assert found is not None
    assert (found.ending, found.return_frac, found.exit_time_ns) == ("timeout", 0.0, 25 * DAY_NS)
