"""Laws of all features: they look at the past alone, at no scale, and say the same over a tail as over everything."""

import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from market_data.bars import COLUMNS, Bars
from suggestion_engine.candle_signals import REACH_BARS
from suggestion_engine.errors import ReferenceRefused, TooFewBars
from suggestion_engine.feature_formulas import FORMULAS
from suggestion_engine.features import (
    BATCH_SYMBOLS,
    FEATURE_NAMES,
    FEATURE_SET,
    FEATURES,
    LIMIT,
    RANKED,
    RAW_FEATURES,
    WARMUP_BARS,
    latest_features,
    latest_features_of_many,
    raw_features,
    with_ranks,
)
from suggestion_engine.reference import build_reference
from suggestion_engine.version import KERNEL_VERSION
from tests.unit.suggestion_engine.random_bars import bars_of, flat_bars, random_bars, scaled

SEEDS = st.integers(0, 2**32 - 1)
N_BARS = 420


def column(rows, name):
    return rows[:, RAW_FEATURES.index(name)]


def names_of(group):
    return [feature.name for feature in FEATURES if feature.group == group]


def shocked_cent_bars(seed):
    """Return bars whose first part stood a thousand times higher: it leaves rounding dirt in every running sum."""
    bars = random_bars(N_BARS, seed=seed, in_cents=True, step_frac=0.0005)
    price = np.where(np.arange(N_BARS) < 150, 1000.0, 1.0)
    return bars_of(bars.open * price, bars.high * price, bars.low * price, bars.close * price, bars.volume)


def test_registry_has_sixty_features_or_more_each_named_once_with_one_formula():
    assert len(FEATURES) >= 60
    assert len(set(FEATURE_NAMES)) == len(FEATURES)
    assert set(FORMULAS) == set(RAW_FEATURES)
    assert RAW_FEATURES + tuple(f"rank_{name}" for name in RANKED) == FEATURE_NAMES
    assert WARMUP_BARS <= 260


def test_hash_of_the_set_is_over_names_definitions_and_kernels():
    lines = [f"{one.name}|{one.group}|{one.warmup_bars}|{one.definition}" for one in FEATURES]
    assert hashlib.sha256("\n".join([KERNEL_VERSION, *lines]).encode()).hexdigest() == FEATURE_SET


def test_reach_of_candlesticks_is_within_the_warm_up():
    assert REACH_BARS <= WARMUP_BARS


def test_each_feature_is_there_from_its_warm_up_on_and_not_before():
    rows = raw_features(random_bars(N_BARS, seed=1))
    first_known = {name: int(np.flatnonzero(~np.isnan(column(rows, name)))[0]) for name in RAW_FEATURES}
    assert first_known == {one.name: one.warmup_bars for one in FEATURES if one.group != "rank"}
    assert np.isfinite(rows[WARMUP_BARS:]).all()


@settings(max_examples=25, deadline=None)
@given(SEEDS, st.integers(0, N_BARS), st.booleans())
def test_hiding_the_future_changes_no_row_of_the_past(seed, known, in_cents):
    bars = random_bars(N_BARS, seed=seed, in_cents=in_cents)
    assert_array_equal(raw_features(bars[:known]), raw_features(bars)[:known])


def test_a_wild_future_changes_no_row_of_the_past():
    bars = random_bars(N_BARS, seed=3)
    wild = scaled(bars, np.where(np.arange(N_BARS) < 300, 1.0, 7.0), np.where(np.arange(N_BARS) < 300, 1.0, 0.0))
    assert_array_equal(raw_features(wild)[:300], raw_features(bars)[:300])
    assert not np.array_equal(raw_features(wild)[300], raw_features(bars)[300], equal_nan=True)


@settings(max_examples=20, deadline=None)
@given(SEEDS, st.lists(st.integers(1, N_BARS), min_size=1, max_size=8), st.booleans())
def test_newest_row_of_a_prefix_is_the_row_of_the_whole_series(seed, lengths, in_cents):
    bars = random_bars(N_BARS, seed=seed, in_cents=in_cents)
    whole = raw_features(bars)
    for n in lengths:
        assert_array_equal(latest_features(bars[:n])[0], whole[n - 1])


@pytest.mark.parametrize("seed", range(3))
def test_a_price_shock_long_ago_changes_no_newest_row(seed):
    bars = shocked_cent_bars(seed)
    whole = raw_features(bars)
    for n in range(WARMUP_BARS + 1, N_BARS + 1, 3):
        assert_array_equal(latest_features(bars[:n])[0], whole[n - 1])


def test_rows_of_a_history_cut_at_the_front_are_the_same_once_warm():
    bars = random_bars(N_BARS, seed=9, in_cents=True)
    assert_array_equal(raw_features(bars[77:])[WARMUP_BARS:], raw_features(bars)[77 + WARMUP_BARS :])


@pytest.mark.parametrize("last", [1, 2, 60, 200, N_BARS])
def test_newest_rows_are_the_last_of_all_rows(last):
    bars = random_bars(N_BARS, seed=5)
    assert_array_equal(latest_features(bars, last), raw_features(bars)[-last:])


@settings(max_examples=10, deadline=None)
@given(SEEDS, st.integers(1, BATCH_SYMBOLS + 3), st.integers(1, 60), st.booleans())
def test_newest_rows_of_many_symbols_are_those_of_each(seed, n_symbols, last, in_cents):
    lengths = np.random.default_rng(seed).integers(WARMUP_BARS + last, N_BARS + last, n_symbols)
    every = [random_bars(int(n), seed=seed + i, in_cents=in_cents) for i, n in enumerate(lengths)]
    together = latest_features_of_many(every, last)
    assert_array_equal(together, np.stack([latest_features(bars, last) for bars in every]))


def test_no_symbols_have_no_rows():
    assert latest_features_of_many([], 60).shape == (0, 60, len(RAW_FEATURES))


def test_one_symbol_of_many_without_its_warm_up_is_named():
    few = random_bars(WARMUP_BARS + 4)
    short = Bars.from_arrays(symbol="SHORT", timeframe="1d", **{name: getattr(few, name) for name in COLUMNS})
    told = f"SHORT must have at least {WARMUP_BARS + 5} bars, it had {WARMUP_BARS + 4}"
    with pytest.raises(TooFewBars, match=told):
        latest_features_of_many([random_bars(N_BARS), short], 5)


@settings(max_examples=20, deadline=None)
@given(SEEDS, st.floats(1e-3, 1e3), st.floats(1e-3, 1e3))
def test_no_feature_depends_on_the_scale_of_prices_or_volumes(seed, price, volume):
    bars = random_bars(300, seed=seed)
    assert_allclose(raw_features(scaled(bars, price, volume)), raw_features(bars), rtol=1e-7, atol=1e-9)


@settings(max_examples=20, deadline=None)
@given(SEEDS, st.integers(-20, 20), st.integers(-20, 20))
def test_no_feature_depends_on_the_scale_even_where_cents_tie(seed, price_power, volume_power):
    # Powers of two change no digit, so that ties stay ties. Only sums of logarithms may round otherwise.
    bars = random_bars(300, seed=seed, in_cents=True, step_frac=0.001)
    other = scaled(bars, 2.0**price_power, 2.0**volume_power)
    assert_allclose(raw_features(other), raw_features(bars), rtol=1e-7, atol=1e-9)


def test_prices_that_never_move_have_defined_features_and_nan_where_nothing_can_be_said():
    row = latest_features(flat_bars(300))[0]
    known = dict(zip(RAW_FEATURES, row, strict=True))
    for name in (
        "return_1",
        "body_of_range",
        "range_frac",
        "vol_20",
        "efficiency_60",
        "rsq_20",
        "autocorr_20",
        "skew_60",
    ):
        assert known[name] == 0.0
    assert known["rsi_2"] == known["rsi_14"] == known["vol_rank_230"] == 0.5
    for name in (
        "stochastic_14",
        "cci_20",
        "return_z_5",
        "close_z_20",
        "vol_ratio_5_20",
        "choppiness_14",
        "gap_of_atr",
    ):
        assert np.isnan(known[name])


def test_without_volume_the_features_of_volume_are_nan_and_the_others_stay():
    bars = random_bars(300, seed=2)
    silent = scaled(bars, 1.0, 0.0)
    missing = np.isnan(latest_features(silent)[0])
    assert {name for name, is_missing in zip(RAW_FEATURES, missing, strict=True) if is_missing} == set(
        names_of("volume")
    )
    assert_array_equal(latest_features(silent)[0, ~missing], latest_features(bars)[0, ~missing])


@pytest.mark.parametrize("power", [-300, 300])
def test_prices_at_the_ends_of_float64_give_numbers_or_nan(power):
    rows = raw_features(scaled(random_bars(300, seed=4), 10.0**power, 1e280))
    assert not np.isinf(rows).any()


def test_a_monstrous_value_is_cut_so_that_float32_holds_it():
    closes = np.full(300, 1e-150)
    closes[-1] = 1e150
    rows = raw_features(bars_of(closes, closes, closes, closes))
    assert np.nanmax(np.abs(rows)) <= LIMIT


@pytest.mark.parametrize("n", [0, 1, 2, 15])
def test_too_few_bars_give_rows_of_what_can_be_said(n):
    rows = raw_features(random_bars(n))
    assert rows.shape == (n, len(RAW_FEATURES))
    assert np.isnan(column(rows, "return_20")).all()
    assert np.isfinite(column(rows, "range_frac")).all()


def test_more_rows_than_bars_are_refused_with_both_counts():
    with pytest.raises(TooFewBars, match="TEST must have at least 5 bars, it had 3") as caught:
        latest_features(random_bars(3), 5)
    assert (caught.value.code, caught.value.needed, caught.value.had) == ("too_few_bars", 5, 3)


def test_no_rows_at_all_are_refused():
    with pytest.raises(ValueError, match="last must be at least 1, was 0"):
        latest_features(random_bars(3), 0)


def test_intraday_bars_have_features_and_the_same_over_a_tail():
    daily = random_bars(N_BARS, seed=6, in_cents=True)
    hourly = Bars.from_arrays(
        symbol="TEST",
        timeframe="1h",
        time=np.arange(N_BARS) * 3600 * 10**9,
        open=daily.open,
        high=daily.high,
        low=daily.low,
        close=daily.close,
        volume=daily.volume,
    )
    assert_array_equal(latest_features(hourly, 90), raw_features(hourly)[-90:])


def test_model_input_is_float32_with_ranks_behind_the_raw_features():
    raw = raw_features(random_bars(600, seed=1))
    rows = with_ranks(raw, build_reference(raw, seed=0))
    assert (rows.dtype, rows.shape) == (np.float32, (600, len(FEATURE_NAMES)))
    assert_array_equal(rows[:, : len(RAW_FEATURES)], raw.astype(np.float32))
    ranks = rows[:, len(RAW_FEATURES) :]
    assert_array_equal(np.isnan(ranks), np.isnan(raw[:, [RAW_FEATURES.index(name) for name in RANKED]]))
    assert np.nanmin(ranks) >= 0.0
    assert np.nanmax(ranks) <= 1.0


def test_a_rank_depends_on_its_own_row_alone():
    raw = raw_features(random_bars(600, seed=1))
    reference = build_reference(raw, seed=0)
    together = with_ranks(raw[400:], reference)
    alone = np.concatenate([with_ranks(raw[i : i + 1], reference) for i in range(400, 600)])
    assert_array_equal(together, alone)


def test_a_reference_of_other_features_is_refused():
    raw = raw_features(random_bars(300))
    reference = build_reference(raw, seed=0)
    object.__setattr__(reference, "feature_names", RAW_FEATURES[1:])
    with pytest.raises(ReferenceRefused, match="must be one of these"):
        with_ranks(raw, reference)
