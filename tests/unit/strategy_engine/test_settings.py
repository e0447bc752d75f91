import pytest

from market_data.errors import DomainError
from strategy_engine import Exits, FillRules, FractionDistance, LimitOrder, RiskDistance, SmaCross, run
from strategy_engine.settings import Settings
from tests.unit.strategy_engine.price_series import random_bars


def test_the_profile_vectorbt_knows_market_orders_only():
    entry = LimitOrder(offset=FractionDistance(frac=0.01))
    with pytest.raises(DomainError, match="the profile vectorbt knows only market orders, was limit"):
        Settings(entry=entry, fills=FillRules(profile="vectorbt"))


@pytest.mark.parametrize("profile", ["backtesting_py", "vectorbt"])
def test_targets_in_multiples_of_the_risk_need_our_profile(profile):
    exits = Exits(stop_loss=FractionDistance(frac=0.01), take_profit=RiskDistance(multiple=2.0))
    with pytest.raises(DomainError, match=f"needs the profile next_open, was {profile}"):
        Settings(exits=exits, fills=FillRules(profile=profile))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"costs": {"commission_rate": 0.1}}, "costs must be Costs, was"),
        ({"exits": None}, "exits must be Exits, was None"),
        ({"sizing": 0.5}, "sizing must be AllCash or"),
        (
            {"fills": FillRules(same_bar="lower_timeframe")},
            "needs bars of a lower timeframe as `lower`, was given none",
        ),
    ],
)
def test_settings_of_another_kind_are_refused_by_name(fields, message):
    with pytest.raises(DomainError, match=message):
        run(random_bars(5, seed=1), SmaCross(), **fields)


def test_settings_are_plain_where_the_plain_loop_knows_all_of_them():
    assert Settings().is_plain()
    assert Settings(fills=FillRules(profile="backtesting_py")).is_plain()
    assert not Settings(fills=FillRules(close_at_end=True)).is_plain()
    assert not Settings(exits=Exits(time_stop_bars=5)).is_plain()
