"""The columns of what the kernels write, and the numbers by which they name kinds. Nothing but names."""

from __future__ import annotations

from typing import Final

# A line of the book: one row a symbol. First its position: SIZE is signed and 0 when flat; prices are per unit, NaN
# for none.
SIZE: Final = 0
PRICE: Final = 1  # mean entry price
FEES: Final = 2  # entry commission and borrow cost of what is still held
FIRST_SIZE: Final = 3  # units at entry, which the shares of a ladder are of
ENTRY_BAR: Final = 4
AGE: Final = 5  # closes seen since entry
STOP: Final = 6
STOP_REASON: Final = 7
TARGET: Final = 8
BEST: Final = 9  # the best price that the trailing stop has seen
TRAIL: Final = 10  # distance of the trailing stop if measured in currency
RISK: Final = 11  # entry price to first stop, per unit
RUNG: Final = 12  # the next rung of the ladder
MARK: Final = 13  # the last known close
LEAVE: Final = 14  # why it is left at the next open, 0 if it is not
IS_FROM_OPEN: Final = 15  # whether the entry filled at an open
DECIDED_BAR: Final = 16  # the bar at whose close the entry was decided
NEXT_RUNG: Final = 17  # the price of that rung

# The entry order of that symbol, in the same row. SIDE is 1 to buy, -1 to sell short, 0 for none.
SIDE: Final = 18
LIMIT: Final = 19
TRIGGER: Final = 20  # the stop that the price must reach first
OWN_STOP: Final = 21
OWN_TARGET: Final = 22
SIZE_FRAC: Final = 23
BARS_LEFT: Final = 24
DECIDED: Final = 25
WEIGHT: Final = 26  # the target weight that waits for the symbol's next bar, NaN for none
LINE_WIDTH: Final = 27

# The account.
BALANCE: Final = 0  # cash as if positions had cost nothing: it moves by fees and by what trades have gained
IS_RUINED: Final = 1
ROWS: Final = 2  # how many rows there are
NOTES: Final = 3  # how many lines of the journal
AMBIGUOUS: Final = 4  # bars that may have hit stop and target
LAST_AMBIGUOUS: Final = 5  # the last such bar, so that none counts twice
WAITING: Final = 6  # how many symbols a rebalance waits for
INTEREST: Final = 7  # what idle cash has earned
ACCOUNT_WIDTH: Final = 8

# A closed part of a position, or what is still open at the end.
ROW_SYMBOL: Final = 0
ROW_ENTRY_BAR: Final = 1
ROW_EXIT_BAR: Final = 2
ROW_SIZE: Final = 3  # signed
ROW_ENTRY_PRICE: Final = 4
ROW_EXIT_PRICE: Final = 5
ROW_ENTRY_FEE: Final = 6
ROW_EXIT_FEE: Final = 7
ROW_REASON: Final = 8
ROW_RISK: Final = 9
ROW_IS_FROM_OPEN: Final = 10
ROW_IS_OPEN: Final = 11
ROW_WIDTH: Final = 12

# A line of the journal of rejections.
NOTE_BAR: Final = 0
NOTE_SYMBOL: Final = 1
NOTE_SIDE: Final = 2
NOTE_ASKED: Final = 3
NOTE_FILLED: Final = 4
NOTE_REASON: Final = 5
NOTE_WIDTH: Final = 6

# Reasons of an exit: 0 is none.
BY_SIGNAL: Final = 1
BY_STOP: Final = 2
BY_TARGET: Final = 3
BY_TRAIL: Final = 4
BY_TIME: Final = 5
BY_RUNG: Final = 6
BY_LIQUIDATION: Final = 7
BY_REBALANCE: Final = 8
BY_END: Final = 9
EXIT_REASONS: Final = (
    "",
    "signal",
    "stop_loss",
    "take_profit",
    "trailing_stop",
    "time_stop",
    "ladder",
    "liquidation",
    "rebalance",
    "end_of_data",
)

# Reasons of a rejection: their places in rejections.REASONS.
BELOW_LOT: Final = 0
BELOW_MIN_NOTIONAL: Final = 1
NO_CASH: Final = 2
SHRUNK_TO_CASH: Final = 3
VOLUME: Final = 4
NO_STOP: Final = 5
NO_EDGE: Final = 6
NO_VOLATILITY: Final = 7
EXPIRED: Final = 8
REPLACED: Final = 9
MARGIN_CALL: Final = 10
RUINED: Final = 11

# Kinds of sizing.
ALL_OF_CASH: Final = 0
FRACTION: Final = 1
UNITS: Final = 2
CASH: Final = 3
BY_RISK: Final = 4
BY_VOLATILITY: Final = 5
KELLY: Final = 6

# The planes of Market.bars; average true ranges follow, one plane for each period in use.
OPEN: Final = 0
HIGH: Final = 1
LOW: Final = 2
CLOSE: Final = 3
TRADED: Final = 4  # the volume
SLIP: Final = 5
VOLATILITY: Final = 6
FIRST_LOWER: Final = 7  # the first bar of the lower timeframe
END_LOWER: Final = 8  # the one after the last
FIRST_RANGE: Final = 9

# The planes of Decisions.flags and of Decisions.values.
ENTRY: Final = 0
EXIT: Final = 1
SHORT_ENTRY: Final = 2
SHORT_EXIT: Final = 3
ENTRY_LIMIT: Final = 0
ENTRY_STOP: Final = 1
STOP_LOSS: Final = 2
TAKE_PROFIT: Final = 3
ENTRY_FRAC: Final = 4
TARGET_WEIGHT: Final = 5

# Kinds of distance, and the rows of Rules.table: distances first, then, after MOST_RUNGS rungs, the tiers.
NO_DISTANCE: Final = 0.0
OF_PRICE: Final = 1.0
OF_RANGE: Final = 2.0
OF_RISK: Final = 3.0
STOP_DISTANCE: Final = 0
TARGET_DISTANCE: Final = 1
TRAIL_DISTANCE: Final = 2
OFFSET: Final = 3
LIMIT_OFFSET: Final = 4
FIRST_RUNG: Final = 5
FIRST_TIER: Final = 13
# Its columns: of a distance, then of a tier.
KIND: Final = 0
VALUE: Final = 1
PERIOD: Final = 2  # which average true range
SHARE: Final = 3  # of a rung
ABOVE: Final = 0
RATE: Final = 1

# Kinds of entry order.
MARKET_ENTRY: Final = 0
LIMIT_ENTRY: Final = 1
STOP_ENTRY: Final = 2
STOP_LIMIT_ENTRY: Final = 3

# Profiles and same-bar rules.
NEXT_OPEN: Final = 0
BACKTESTING_PY: Final = 1
VECTORBT: Final = 2
STOP_FIRST: Final = 0
OHLC_PATH: Final = 1
LOWER_BARS: Final = 2
