"""Run one backtest and look at its figures and trades, as in a notebook.

Needs a running stack (`aitrader up`), or AITRADER_URL and AITRADER_TOKEN.
"""

from aitrader.client import Client

with Client() as client:
    job = client.submit(
        "backtest",
        {
            "symbols": ["AAPL"],
            "start": "2000-03-01",
            "end": "2013-03-01",
            "strategy": {"kind": "sma_cross", "fast": 10, "slow": 30},
            "account": {"cash": 10_000},
            "costs": {"commission_rate": 0.001},
        },
    )
    job.wait(on_change=lambda changed: print(changed.state, f"{changed.progress:.0%}"))

    metrics = job.result["metrics"]
    print(f"final equity {metrics['final_equity']:,.2f}, Sharpe {metrics['sharpe']:.2f}, source {job.result['source']}")
    print(job.trades[["entry_time", "exit_time", "size", "pnl"]].head())

    equity = job.equity.set_index("time")["equity"]
    print("equity at the end of each year:")
    print(equity.resample("YE").last().round(2))
