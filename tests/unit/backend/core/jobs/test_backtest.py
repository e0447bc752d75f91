"""Which strategies a backtest takes, and what it says to those that it cannot run."""

import json

import pytest
from pydantic import TypeAdapter, ValidationError

from backend.core.jobs.backtest import BacktestPayload
from strategy_engine import STRATEGIES
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


def test_a_second_symbol_is_not_taken_yet():
    pair = payload(STRATEGIES["pairs"]()) | {"symbols": ["AAPL", "MSFT"]}
    with pytest.raises(ValidationError, match="at most 1 item"):
        read(pair)


def test_a_contradiction_between_parameters_is_told_at_its_place():
    wrong = {"symbols": ["AAPL"], "strategy": {"kind": "turtle", "entry": 5, "exit": 10}}
    with pytest.raises(ValidationError, match="exit must be at most entry, was 10 with entry 5") as refused:
        read(wrong)
    assert refused.value.errors()[0]["loc"][:2] == ("strategy", "turtle")
