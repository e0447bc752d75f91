"""Use the backtest engine by itself: no server, no database, no network."""

from market_data.providers.sample import SampleProvider
from strategy_engine import Account, BuyAndHold, Costs, SmaCross, run

bars = SampleProvider().fetch("MSFT", "1d")
print(f"{bars.symbol}: {len(bars)} daily bars from {bars.time_utc(0):%Y-%m-%d} to {bars.time_utc(-1):%Y-%m-%d}")

for strategy in (SmaCross(fast=10, slow=30), SmaCross(fast=50, slow=200), BuyAndHold()):
    report = run(bars, strategy, account=Account(cash=10_000.0), costs=Costs(commission_rate=0.001))
    metrics = report.metrics
    print(f"{strategy}: {metrics.total_return_frac:+.1%} in {len(report.trades)} trades, Sharpe {metrics.sharpe:.2f}")
