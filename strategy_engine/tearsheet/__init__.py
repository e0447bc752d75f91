"""A backtest on one page of HTML that needs nothing else: no network, no other file.

Path("backtest.html").write_text(tearsheet(report, bars))
"""

from strategy_engine.tearsheet.page import tearsheet

__all__ = ["tearsheet"]
