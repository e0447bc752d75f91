"""Rows: on common dates, with warm features and complete labels, held-out symbols apart."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from suggestion_engine.features import RAW_FEATURES, WARMUP_BARS, raw_features
from suggestion_engine.labels import triple_barrier
from training.errors import DataRefused
from training.progress import unheard
from training.suggestion.dataset import HORIZON_BARS, build_dataset, prices_for
from training.suggestion.options import SuggestionOptions
from training.suggestion.price_files import made_up_prices
from training.suggestion.sequences import SEQUENCE_FEATURES, sequences_at

BARS = made_up_prices(3, seed=4).bars
NAMES = ("AA", "IBM", "ZZ")


@pytest.fixture(scope="module")
def options(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    frames = [
        one.to_pandas().reset_index(names="date").assign(symbol=name) for one, name in zip(BARS, NAMES, strict=True)
    ]
    frames[2] = frames[2].drop(index=range(500, 520))  # a gap: dates, not positions, are what symbols share
    pd.concat(frames).to_parquet(folder / "bars.parquet")
    return SuggestionOptions.small(data=(folder / "bars.parquet",), out=folder / "out", work=folder / "work")


def built(options):
    prices = prices_for(options)
    return build_dataset(prices, options.settled(prices.first_day, prices.last_day), unheard)


@pytest.fixture(scope="module")
def dataset(options):
    return built(options)


def test_held_out_symbols_stand_apart(dataset):
    assert {dataset.symbols[i] for i in dataset.rows.symbols} == {"AA", "ZZ"}
    assert {dataset.symbols[i] for i in dataset.held_out.symbols} == {"IBM"}


def test_symbols_share_their_dates(dataset):
    days = [set(dataset.rows.days[dataset.rows.symbols == i]) for i in (0, 2)]
    assert len(days[0] & days[1]) > 0.97 * len(days[0])


def test_rows_are_what_the_engine_says_of_their_bar(dataset):
    bars = BARS[0]
    features, barrier = raw_features(bars), triple_barrier(bars)
    rows = dataset.rows.at(dataset.rows.symbols == 0)
    days = (bars.time.view("datetime64[ns]")).astype("datetime64[D]")
    i = np.searchsorted(days, rows.days)
    np.testing.assert_array_equal(dataset.raw[rows.places], features[i].astype(np.float32))
    np.testing.assert_array_equal(rows.labels, barrier.outcome[i] + 1)
    np.testing.assert_array_equal(rows.label_ends, days[i + HORIZON_BARS + 1])
    np.testing.assert_allclose(rows.hold_frac, bars.open[i + 11] / bars.open[i + 1] - 1)
    np.testing.assert_allclose(rows.forward_frac, bars.close[i + 10] / bars.open[i + 1] - 1)
    np.testing.assert_allclose(rows.momentum_frac, bars.close[i - 21] / bars.close[i - 252] - 1)
    assert i.min() >= WARMUP_BARS
    assert i.max() + HORIZON_BARS + 1 < len(bars)


def test_rows_come_by_date_then_symbol(dataset):
    order = np.lexsort((dataset.rows.symbols, dataset.rows.days))
    np.testing.assert_array_equal(order, np.arange(len(order)))


def test_a_sequence_is_the_bars_up_to_its_own(dataset):
    places = dataset.rows.places[[0, 100]]
    found = sequences_at(dataset.raw, places)
    assert found.shape == (2, 40, len(SEQUENCE_FEATURES))
    # return_1 is the first channel and a raw feature, so bar by bar it is that feature's column.
    column = RAW_FEATURES.index("return_1")
    np.testing.assert_array_equal(found[1, :, 0], dataset.raw[places[1] - 39 : places[1] + 1, column])


def test_symbols_with_too_few_bars_are_refused_together(options, tmp_path):
    prices = pd.read_parquet(options.data[0])
    short = prices[prices["date"] >= "2014-01-01"].groupby("symbol").head(200)
    short.to_parquet(tmp_path / "short.parquet")
    with pytest.raises(DataRefused, match="not held out, of 3 there were none"):
        built(replace(options, data=(tmp_path / "short.parquet",)))
