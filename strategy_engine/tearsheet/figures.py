"""Every metric's label and unit, and why it may be undefined; in the groups of the page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from strategy_engine.tearsheet.numbers import Unit


@dataclass(frozen=True, slots=True)
class Figure:
    name: str
    label: str
    unit: Unit
    undefined_when: str = ""


FIGURES: Final[dict[str, tuple[Figure, ...]]] = {
    "Result": (
        Figure("net_profit", "Net profit", "currency"),
        Figure("final_equity", "Final equity", "currency"),
        Figure("total_return_frac", "Total return", "percent"),
        Figure("buy_and_hold_return_frac", "Buy and hold", "percent"),
        Figure("cagr", "Growth a year (CAGR)", "percent", "more than a double can hold"),
        Figure("total_fees", "Fees", "currency"),
        Figure("turnover", "Turnover", "ratio", "the mean equity is not above 0"),
        Figure("exposure_frac", "Time in the market", "percent"),
        Figure("avg_gross_exposure", "Mean exposure", "percent", "nothing was left"),
        Figure("max_gross_exposure", "Highest exposure", "percent", "nothing was left"),
    ),
    "Return for risk": (
        Figure("volatility", "Volatility a year", "percent", "fewer than two bars"),
        Figure("sharpe", "Sharpe", "ratio", "returns do not vary"),
        Figure("smart_sharpe", "Smart Sharpe", "ratio", "returns do not vary"),
        Figure(
            "probabilistic_sharpe", "Chance that Sharpe > 0", "percent", "fewer than four bars, or returns do not vary"
        ),
        Figure("sortino", "Sortino", "ratio", "no bar lost"),
        Figure("calmar", "Calmar", "ratio", "no drawdown"),
        Figure("omega", "Omega", "ratio", "no bar lost"),
        Figure("gain_to_pain", "Gain to pain", "ratio", "no bar lost"),
        Figure("ulcer_performance", "Ulcer performance (Martin)", "ratio", "no drawdown"),
        Figure("recovery_factor", "Recovery factor", "ratio", "no drawdown"),
        Figure("stability", "Stability (R²)", "ratio", "equity does not vary, or nothing was left"),
    ),
    "Drawdown and tails": (
        Figure("max_drawdown", "Deepest drawdown", "percent"),
        Figure("max_drawdown_duration_bars", "Longest drawdown", "bars"),
        Figure("avg_drawdown", "Mean drawdown", "percent", "no drawdown"),
        Figure("avg_drawdown_duration_bars", "Mean length", "bars", "no drawdown"),
        Figure("ulcer_index", "Ulcer index", "percent"),
        Figure("value_at_risk_95", "Value at risk, 95 %", "percent"),
        Figure("expected_shortfall_95", "Expected shortfall, 95 %", "percent"),
        Figure("tail_ratio", "Tail ratio", "ratio", "the 5th percentile is 0"),
        Figure("common_sense_ratio", "Common sense ratio", "ratio", "no losing trade, or the 5th percentile is 0"),
        Figure("skewness", "Skewness", "ratio", "fewer than three bars, or returns do not vary"),
        Figure("excess_kurtosis", "Excess kurtosis", "ratio", "fewer than four bars, or returns do not vary"),
        Figure("best_bar_frac", "Best bar", "percent"),
        Figure("worst_bar_frac", "Worst bar", "percent"),
    ),
    "Beside the benchmark": (
        Figure("alpha", "Alpha a year", "percent", "the benchmark does not vary"),
        Figure("beta", "Beta", "ratio", "the benchmark does not vary"),
        Figure("correlation", "Correlation", "ratio", "one of them does not vary"),
        Figure("tracking_error", "Tracking error a year", "percent", "fewer than three bars"),
        Figure("information_ratio", "Information ratio", "ratio", "the difference does not vary"),
        Figure("treynor", "Treynor", "ratio", "beta is 0 or not defined"),
        Figure("up_capture", "Up capture", "percent", "the benchmark never rises, or more than a double can hold"),
        Figure("down_capture", "Down capture", "percent", "the benchmark never falls"),
    ),
    "Trades": (
        Figure("trade_count", "Closed trades", "count"),
        Figure("win_rate", "Won", "percent", "no closed trade"),
        Figure("profit_factor", "Profit factor", "ratio", "no losing trade"),
        Figure("payoff_ratio", "Payoff ratio", "ratio", "no winning or no losing trade"),
        Figure("expectancy", "Expectancy", "currency", "no closed trade"),
        Figure("expectancy_r", "Expectancy in R", "ratio", "no closed trade had a stop"),
        Figure("avg_win", "Mean gain", "currency", "no winning trade"),
        Figure("avg_loss", "Mean loss", "currency", "no losing trade"),
        Figure("avg_trade_return_frac", "Mean return", "percent", "no closed trade"),
        Figure("best_trade", "Best trade", "percent", "no closed trade"),
        Figure("worst_trade", "Worst trade", "percent", "no closed trade"),
        Figure("avg_holding_bars", "Mean time held", "bars", "no closed trade"),
        Figure("longest_winning_streak", "Longest winning streak", "count"),
        Figure("longest_losing_streak", "Longest losing streak", "count"),
        Figure("avg_mae_frac", "Mean adverse excursion", "percent", "no closed trade, or not recorded"),
        Figure("avg_mfe_frac", "Mean favourable excursion", "percent", "no closed trade, or not recorded"),
        Figure("edge_ratio", "Edge ratio", "ratio", "no adverse excursion"),
        Figure("avg_given_back_frac", "Mean given back", "percent", "no closed trade, or not recorded"),
        Figure("sqn", "System quality (SQN)", "ratio", "fewer than two closed trades, or all equal"),
        Figure("sqn_r", "SQN in R", "ratio", "fewer than two trades with a stop, or all equal"),
        Figure("kelly_frac", "Kelly fraction", "percent", "no winning or no losing trade"),
        Figure("cpc_index", "CPC index", "ratio", "no winning or no losing trade"),
    ),
}

HEADLINES: Final = ("total_return_frac", "cagr", "sharpe", "max_drawdown", "win_rate", "profit_factor", "trade_count")
