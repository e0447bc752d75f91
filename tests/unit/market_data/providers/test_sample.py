from datetime import UTC, datetime

import numpy as np
import pytest

from market_data.errors import NoBars, UnknownSymbol
from market_data.providers.sample import SPLITS, SYMBOLS, SampleProvider


def day(year: int, month: int, date: int) -> int:
    return int(datetime(year, month, date, tzinfo=UTC).timestamp()) * 1_000_000_000


@pytest.mark.parametrize(
    ("symbol", "rows"), [("AAPL", 3270), ("FB", 196), ("GOOG", 2148), ("IBM", 3270), ("MSFT", 3270)]
)
def test_every_symbol_has_its_daily_bars(symbol, rows):
    bars = SampleProvider().fetch(symbol, "1d")
    assert (bars.symbol, bars.timeframe, len(bars)) == (symbol, "1d", rows)
    assert bars.time_utc(-1) == datetime(2013, 3, 1, tzinfo=UTC)


def test_the_first_row_of_apple_by_hand():
    # AAPL,2000-03-01,118.56,132.06,118.5,130.31,9616100,4.186662803811
    bars = SampleProvider().fetch("AAPL", "1d")
    factor = 4.186662803811 / 130.31
    assert bars.close[0] == 4.186662803811
    np.testing.assert_allclose(
        [bars.open[0], bars.high[0], bars.low[0]],
        [118.56 * factor, 132.06 * factor, 118.5 * factor],
        rtol=1e-15,
    )
    assert bars.volume[0] == 9616100 * 2 * 2 * 7


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_a_split_leaves_no_jump_in_price(symbol):
    bars = SampleProvider().fetch(symbol, "1d")
    for first_session, _ in SPLITS[symbol]:
        after = int(np.searchsorted(bars.time, np.datetime64(first_session, "ns").astype(np.int64)))
        if 0 < after < len(bars):
            assert 0.85 < bars.close[after] / bars.close[after - 1] < 1.15


def test_volume_counts_the_shares_of_after_the_split():
    # Raw: 45,223,200 on the last session of the old shares, 28,707,750 (old) and 46,902,700 (new) after it.
    bars = SampleProvider().fetch("MSFT", "1d").between(day(2003, 2, 14), day(2003, 2, 19))
    assert bars.volume.tolist() == [90_446_400.0, 57_415_500.0, 46_902_700.0]


def test_the_same_bars_come_every_time():
    bars = SampleProvider().fetch("IBM", "1d")
    assert bars.fingerprint() == "d30e852b0ad9e8f39057267411d561dbb8bf3954284c383cc4542a463946f680"
    assert SampleProvider().fetch("IBM", "1d").fingerprint() == bars.fingerprint()


def test_an_unknown_symbol_is_refused_with_the_known_ones():
    with pytest.raises(UnknownSymbol, match="AAPL, FB, GOOG, IBM, MSFT, asked for 'TSLA'"):
        SampleProvider().fetch("TSLA", "1d")


def test_another_timeframe_is_no_bars():
    with pytest.raises(NoBars, match="IBM are 1d only, asked for 1h"):
        SampleProvider().fetch("IBM", "1h")
