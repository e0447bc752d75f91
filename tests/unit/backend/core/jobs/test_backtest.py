"""Which strategies a backtest takes, and what it says to those that it cannot run."""

import json

import pytest
from pydantic import TypeAdapter, ValidationError

from backend.core.jobs.backtest import MOST_SYMBOLS, BacktestPayload
from strategy_engine import (
    STRATEGIES,
    Account,
    AllCash,
    AtrDistance,
    CommissionTier,
    Costs,
    Exits,
    FillRules,
    FractionDistance,
    LimitOrder,
    MarketOrder,
    RiskDistance,
    RiskPerTrade,
    Rung,
    StopLimitOrder,
    StopOrder,
    VolatilitySlippage,
    VolatilityTarget,
)
from strategy_engine.strategies import UniverseStrategy

OF_SEVERAL = [strategy for strategy in STRATEGIES.values() if issubclass(strategy, UniverseStrategy)]
OF_ONE = [strategy for strategy in STRATEGIES.values() if strategy not in OF_SEVERAL]


def read(payload):
    return BacktestPayload.model_validate_json(json.dumps(payload))


def payload(strategy):
    return {"symbols": ["AAPL"], "strategy": TypeAdapter(type(strategy)).dump_python(strategy, mode="json")}


@pytest.mark.parametrize("strategy", OF_ONE, ids=lambda strategy: strategy.kind)
def test_every_strategy_of_one_symbol_is_taken_and_comes_back_as_it_was(strategy):
    assert read(payload(strategy())).strategy == strategy()


@pytest.mark.parametrize("strategy", OF_SEVERAL, ids=lambda strategy: strategy.kind)
def test_a_strategy_of_several_symbols_is_told_how_many_it_needs(strategy):
    with pytest.raises(ValidationError, match=rf"{strategy.kind} trades .*2 symbols.*, was given 1"):
        read(payload(strategy()))


@pytest.mark.parametrize("strategy", OF_SEVERAL, ids=lambda strategy: strategy.kind)
def test_a_strategy_of_several_symbols_is_taken_with_two(strategy):
    pair = payload(strategy()) | {"symbols": ["KO", "PEP"]}
    assert read(pair).strategy == strategy()


def test_a_strategy_of_one_symbol_may_trade_several_each_by_itself():
    assert read(payload(STRATEGIES["sma_cross"]()) | {"symbols": ["KO", "PEP"]}).symbols == ("KO", "PEP")


def test_more_symbols_than_one_account_takes_are_refused():
    many = payload(STRATEGIES["sma_cross"]()) | {"symbols": [f"S{k}" for k in range(MOST_SYMBOLS + 1)]}
    with pytest.raises(ValidationError, match=f"at most {MOST_SYMBOLS} items"):
        read(many)


def test_a_contradiction_between_parameters_is_told_at_its_place():
    wrong = {"symbols": ["AAPL"], "strategy": {"kind": "turtle", "entry": 5, "exit": 10}}
    with pytest.raises(ValidationError, match="exit must be at most entry, was 10 with entry 5") as refused:
        read(wrong)
    assert refused.value.errors()[0]["loc"][:2] == ("strategy", "turtle")


def test_what_is_left_out_is_what_run_does_without_it():
    plain = read(payload(STRATEGIES["sma_cross"]()))
    assert (plain.account, plain.costs, plain.sizing) == (Account(), Costs(), AllCash())
    assert (plain.exits, plain.entry, plain.fill_rules) == (Exits(), MarketOrder(), FillRules())
    assert (plain.lower_timeframe, plain.periods_per_year) == (None, None)


ATR = {"kind": "atr", "multiple": 2.0, "period": 10}
EVERYTHING = {
    "symbols": ["KO", "PEP"],
    "strategy": {"kind": "donchian"},
    "account": {
        "cash": 5e4,
        "lot_step": 0.01,
        "min_notional": 10.0,
        "leverage": 2.0,
        "maintenance_margin_frac": 0.2,
        "borrow_rate": 0.03,
        "cash_rate": 0.02,
    },
    "costs": {
        "commission_rate": 0.001,
        "commission_fixed": 1.0,
        "commission_per_unit": 0.005,
        "commission_min": 2.0,
        "commission_tiers": [{"above": 1e4, "rate": 5e-4}],
        "spread_frac": 1e-4,
        "slippage": {"kind": "volatility", "multiple": 0.2, "window": 10},
    },
    "sizing": {"kind": "risk_per_trade", "risk_frac": 0.02},
    "exits": {
        "stop_loss": ATR,
        "take_profit": {"kind": "risk", "multiple": 3.0},
        "trailing_stop": {"kind": "fraction", "frac": 0.1},
        "ladder": [{"target": {"kind": "risk", "multiple": 1.0}, "share": 0.5}],
        "time_stop_bars": 40,
    },
    "entry": {"kind": "stop_limit", "stop_offset": ATR, "limit_offset": ATR, "valid_bars": 3},
    "fills": {"profile": "next_open", "same_bar": "lower_timeframe", "limit_fill": "through", "close_at_end": True},
    "lower_timeframe": "1h",
    "periods_per_year": 260,
}


def test_everything_that_run_takes_can_be_said():
    told = read(EVERYTHING)
    atr = AtrDistance(multiple=2.0, period=10)
    assert told.account == Account(
        cash=5e4,
        lot_step=0.01,
        min_notional=10.0,
        leverage=2.0,
        maintenance_margin_frac=0.2,
        borrow_rate=0.03,
        cash_rate=0.02,
    )
    assert told.costs == Costs(
        commission_rate=0.001,
        commission_fixed=1.0,
        commission_per_unit=0.005,
        commission_min=2.0,
        commission_tiers=(CommissionTier(above=1e4, rate=5e-4),),
        spread_frac=1e-4,
        slippage=VolatilitySlippage(multiple=0.2, window=10),
    )
    assert told.sizing == RiskPerTrade(risk_frac=0.02)
    assert told.exits == Exits(
        stop_loss=atr,
        take_profit=RiskDistance(multiple=3.0),
        trailing_stop=FractionDistance(frac=0.1),
        ladder=(Rung(target=RiskDistance(multiple=1.0), share=0.5),),
        time_stop_bars=40,
    )
    assert told.entry == StopLimitOrder(stop_offset=atr, limit_offset=atr, valid_bars=3)
    assert told.fill_rules == FillRules(same_bar="lower_timeframe", limit_fill="through", close_at_end=True)
    assert (told.lower_timeframe, told.periods_per_year) == ("1h", 260.0)


@pytest.mark.parametrize("name", ["sizing", "entry", "exits", "fills", "costs", "account"])
def test_each_part_alone_is_enough(name):
    part = {name: EVERYTHING[name]} | ({"lower_timeframe": "1h"} if name == "fills" else {})
    assert read(payload(STRATEGIES["sma_cross"]()) | part)


def test_other_kinds_are_told_apart_by_their_kind():
    one = payload(STRATEGIES["sma_cross"]())
    assert read(one | {"sizing": {"kind": "volatility_target"}}).sizing == VolatilityTarget()
    for kind, order in (("limit", LimitOrder), ("stop", StopOrder)):
        entry = {"kind": kind, "offset": {"kind": "fraction", "frac": 0.01}}
        assert read(one | {"entry": entry}).entry == order(offset=FractionDistance(frac=0.01))


def test_what_was_read_is_written_and_read_as_the_same():
    told = read(EVERYTHING)
    assert BacktestPayload.model_validate_json(told.model_dump_json()) == told


BAD_PLACES = [
    ({"account": {"leverage": 0.5}}, ("account", "leverage")),
    ({"account": {"cash": "1000"}}, ("account", "cash")),
    ({"account": {"interest": 0.1}}, ("account", "interest")),
    ({"account": {"cash_rate": -0.1}}, ("account", "cash_rate")),
    ({"costs": {"slippage": {"kind": "fixed", "frac": 0.5}}}, ("costs", "slippage", "fixed", "frac")),
    ({"costs": {"slippage": {"kind": "none", "frac": 0.5}}}, ("costs", "slippage", "none", "frac")),
    ({"costs": {"slippage": {"frac": 0.01}}}, ("costs", "slippage")),
    ({"costs": {"commission_tiers": [{"above": 0, "rate": 0.1}]}}, ("costs", "commission_tiers", 0, "above")),
    ({"sizing": {"kind": "all_in"}}, ("sizing",)),
    ({"sizing": {"kind": "fixed_units", "units": 0}}, ("sizing", "fixed_units", "units")),
    ({"exits": {"stop_loss": {"kind": "risk", "multiple": 1}}}, ("exits", "stop_loss")),
    ({"exits": {"stop_loss": {"kind": "fraction"}}}, ("exits", "stop_loss", "fraction", "frac")),
    ({"exits": {"time_stop_bars": 1.5}}, ("exits", "time_stop_bars")),
    ({"exits": {"ladder": [{"target": ATR, "share": 1.1}]}}, ("exits", "ladder", 0, "share")),
    ({"entry": {"kind": "limit"}}, ("entry", "limit", "offset")),
    ({"entry": {"kind": "limit", "offset": ATR, "valid_bars": 0}}, ("entry", "limit", "valid_bars")),
    ({"fills": {"same_bar": "best"}}, ("fills", "same_bar")),
    ({"fills": {"close_at_end": 1}}, ("fills", "close_at_end")),
    ({"lower_timeframe": "2m"}, ("lower_timeframe",)),
    ({"periods_per_year": 0}, ("periods_per_year",)),
]


@pytest.mark.parametrize(("part", "place"), BAD_PLACES, ids=json.dumps)
def test_an_impossible_value_is_told_at_its_place(part, place):
    with pytest.raises(ValidationError) as refused:
        read(payload(STRATEGIES["sma_cross"]()) | part)
    assert [error["loc"] for error in refused.value.errors()] == [place]


LIMIT = {"kind": "limit", "offset": ATR}
CONTRADICTIONS = [
    ({"symbols": ["KO", "KO"]}, "symbols must be named once each, KO was named again"),
    ({"account": {"leverage": 4, "maintenance_margin_frac": 0.3}}, "maintenance_margin_frac must be below"),
    ({"exits": {"ladder": [{"target": ATR, "share": 0.6}] * 2}}, "shares of a ladder must add up to at most 1"),
    ({"costs": {"commission_tiers": [{"above": 2, "rate": 0.1}, {"above": 1, "rate": 0.1}]}}, "tiers must rise"),
    ({"sizing": {"kind": "kelly_fraction", "floor_frac": 1.0, "cap_frac": 0.5}}, "floor_frac must be at most cap_frac"),
    ({"fill_profile": "vectorbt", "entry": LIMIT}, "vectorbt knows only market orders, was limit"),
    (
        {"fill_profile": "vectorbt", "exits": {"take_profit": {"kind": "risk", "multiple": 1}}},
        "measured in risk needs the profile next_open",
    ),
    ({"fills": {"profile": "vectorbt", "same_bar": "ohlc_path"}}, "vectorbt knows only same_bar stop_first"),
    ({"fill_profile": "vectorbt", "fills": {}}, "fill_profile must be left out beside fills, .* it was vectorbt"),
    ({"fills": {"same_bar": "lower_timeframe"}}, "same_bar lower_timeframe needs a lower_timeframe"),
    ({"lower_timeframe": "1h"}, "lower_timeframe must be left out unless .* was stop_first"),
    (
        {"fills": {"same_bar": "lower_timeframe"}, "lower_timeframe": "1d"},
        "lower_timeframe must be below timeframe, 1d; it was 1d",
    ),
]


@pytest.mark.parametrize(("part", "told"), CONTRADICTIONS, ids=json.dumps)
def test_parts_that_contradict_each_other_are_named(part, told):
    with pytest.raises(ValidationError, match=told):
        read(payload(STRATEGIES["sma_cross"]()) | part)


@pytest.mark.parametrize("part", [{"sizing": {"kind": "fixed_units"}}, {"entry": LIMIT}])
def test_weights_are_sized_by_nothing_else(part):
    (name,) = part
    pair = payload(STRATEGIES["pairs"]()) | {"symbols": ["KO", "PEP"]}
    with pytest.raises(ValidationError, match=f"{name} must be left out: pairs sizes by its weights"):
        read(pair | part)


def test_weights_may_have_exits_and_any_costs():
    pair = payload(STRATEGIES["pairs"]()) | {"symbols": ["KO", "PEP"]}
    assert read(pair | {name: EVERYTHING[name] for name in ("exits", "costs", "account")})


def test_the_schema_shows_every_field_with_its_bounds_and_default():
    schema = BacktestPayload.model_json_schema()
    defined = schema["$defs"]
    leverage = defined["Account"]["properties"]["leverage"]
    assert (leverage["minimum"], leverage["maximum"], leverage["default"]) == (1.0, 500.0, 1.0)
    assert set(schema["properties"]["sizing"]["discriminator"]["mapping"]) >= {"all_cash", "kelly_fraction"}
    slippage = defined["Costs"]["properties"]["slippage"]
    assert set(slippage["discriminator"]["mapping"]) == {"none", "fixed", "volatility", "volume_share"}
    assert set(defined["Rung"]["properties"]["target"]["discriminator"]["mapping"]) == {"fraction", "atr", "risk"}
    assert defined["FillRules"]["properties"]["limit_fill"]["default"] == "touch"
    assert set(schema["required"]) == {"symbols", "strategy"}
