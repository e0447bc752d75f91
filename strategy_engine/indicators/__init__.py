"""Indicators: compiled, causal, NaN until every input is there. One file each, with its form for one bar at a time."""

from strategy_engine.indicators.atr import atr, keltner, true_range
from strategy_engine.indicators.change import before, change
from strategy_engine.indicators.crossings import crosses_above, falls_to, rises_to
from strategy_engine.indicators.deviation import Bands, bollinger, deviation
from strategy_engine.indicators.directional import Directional, directional
from strategy_engine.indicators.ema import ema
from strategy_engine.indicators.extremes import highest, lowest
from strategy_engine.indicators.hedge import Hedge, hedge, reversion_side
from strategy_engine.indicators.macd import Macd, macd
from strategy_engine.indicators.rsi import rsi
from strategy_engine.indicators.sessions import OpeningRange, first_of_session, opening_range
from strategy_engine.indicators.sma import sma
from strategy_engine.indicators.supertrend import supertrend

__all__ = [
    "Bands",
    "Directional",
    "Hedge",
    "Macd",
    "OpeningRange",
    "atr",
    "before",
    "bollinger",
    "change",
    "crosses_above",
    "deviation",
    "directional",
    "ema",
    "falls_to",
    "first_of_session",
    "hedge",
    "highest",
    "keltner",
    "lowest",
    "macd",
    "opening_range",
    "reversion_side",
    "rises_to",
    "rsi",
    "sma",
    "supertrend",
    "true_range",
]
