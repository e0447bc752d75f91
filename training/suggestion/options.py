"""What a training run of the suggestion models is given."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path
from typing import Final, Literal, Self

from market_data.errors import DomainError, require

MemberName = Literal["lightgbm", "xgboost", "lstm", "transformer"]
MEMBERS: Final[tuple[MemberName, ...]] = ("lightgbm", "xgboost", "lstm", "transformer")
TREES: Final[tuple[MemberName, ...]] = ("lightgbm", "xgboost")

# The product shows its demo on five of them; GOOGL is the same company as GOOG, and META is FB since 2022.
HELD_OUT_SYMBOLS: Final = ("AAPL", "FB", "GOOG", "GOOGL", "IBM", "META", "MSFT")

_FEWER_TEST_YEARS: Final = 2
_YEARS_BEFORE_TEST: Final = 3


@dataclass(frozen=True, kw_only=True)
class SuggestionOptions:
    """Where the data is, how it is split, and how much is spent. `data`, `out` and `work` say only where.

    data: Parquet files with columns symbol, date (or time), open, high, low, close, volume; none: made-up bars.
    first_test_year, hold_out_year: walk-forward tests run one year at a time from the first to before the second;
        from `hold_out_year` to the end of the data is the last fold's test, and the last fold's model is shipped.
        None settles them by the data's span, see `settled`.
    train_years: longest span of training rows, which the calibration year follows.
    row_step_bars: one row in so many bars of the common calendar.
    embargo_days: calendar days kept free between the last day a label saw and the next slice.
    tree_rows, network_rows: at most so many training rows of a fold for a member of that kind.
    network_every: the networks are fitted anew for one test slice in so many, counted back from the last.
    tuning_trials: configurations tried per tree member, on the first fold's inner split only.
    earlier_configurations: configurations tried on this data before this run; they count in the deflated Sharpe ratio.
    synthetic_symbols: how many symbols to make up when there is no data.
    data_note: where the data came from, in words, for the card and the manifest.
    """

    data: tuple[Path, ...]
    out: Path
    work: Path
    seed: int = 20_171_110
    members: tuple[MemberName, ...] = MEMBERS
    first_test_year: int | None = None
    hold_out_year: int | None = None
    train_years: int = 8
    row_step_bars: int = 5
    embargo_days: int = 7
    tree_rounds: int = 160
    tree_rows: int = 120_000
    network_rows: int = 40_000
    network_epochs: int = 3
    network_every: int = 2
    tuning_trials: int = 8
    tuning_rows: int = 30_000
    earlier_configurations: int = 0
    parity_rows: int = 5_000
    bootstrap_draws: int = 300
    max_symbols: int | None = None
    synthetic_symbols: int = 0
    accept_suspected_leak: bool = False
    data_note: str = ""

    def __post_init__(self) -> None:
        require(
            bool(self.data) or self.synthetic_symbols > 0, "training needs data: at least one Parquet file, it was none"
        )
        require(bool(self.members), "members must name at least one of " + ", ".join(MEMBERS))
        for name in self.members:
            require(name in MEMBERS, f"a member must be one of {', '.join(MEMBERS)}, it was {name!r}")
        if self.first_test_year is not None and self.hold_out_year is not None:
            require(
                self.first_test_year <= self.hold_out_year,
                f"first_test_year must be at most hold_out_year {self.hold_out_year}, it was {self.first_test_year}",
            )
        for what in ("train_years", "row_step_bars", "tree_rounds", "network_epochs", "network_every", "parity_rows"):
            require(getattr(self, what) >= 1, f"{what} must be 1 or more, it was {getattr(self, what)}")

    @classmethod
    def small(cls, *, data: tuple[Path, ...], out: Path, work: Path) -> Self:
        """Return the whole pipeline at a size that takes under a minute: for tests and CI, not for use."""
        return cls(
            data=data,
            out=out,
            work=work,
            train_years=3,
            tree_rounds=10,
            tree_rows=4_000,
            network_rows=1_024,
            network_epochs=1,
            tuning_trials=2,
            tuning_rows=1_500,
            parity_rows=1_000,
            bootstrap_draws=40,
            max_symbols=12,
            synthetic_symbols=0 if data else 12,
            # A dozen symbols are too few to tell luck from a leak.
            accept_suspected_leak=True,
        )

    def settled(self, first: date, last: date) -> Self:
        """Return these options with both years set, for data from `first` to `last`.

        The hold-out starts with the year before the last. Walk-forward years before it are two fewer than
        `train_years`, and as many as leave the first of them a year each of warm-up, training and calibration.
        """
        hold_out = last.year - 1 if self.hold_out_year is None else self.hold_out_year
        earliest = max(hold_out - self.train_years + _FEWER_TEST_YEARS, first.year + _YEARS_BEFORE_TEST)
        first_test = min(earliest, hold_out) if self.first_test_year is None else self.first_test_year
        return replace(self, first_test_year=first_test, hold_out_year=hold_out)

    @property
    def test_years(self) -> tuple[int, int]:
        """Return the first test year and the hold-out's; DomainError before `settled`."""
        if self.first_test_year is None or self.hold_out_year is None:
            raise DomainError("first_test_year and hold_out_year must be settled by the data's span, they were not")
        return self.first_test_year, self.hold_out_year

    def told(self) -> dict[str, object]:
        """Return what decides the result, as JSON: everything but where files are."""
        paths = {"data", "out", "work"}
        return {key: value for key, value in asdict(self).items() if key not in paths}

    def computed_from(self) -> dict[str, object]:
        """Return what decides the figures, as JSON: `told` but what only decides whether and how they are written."""
        only_written = {"accept_suspected_leak", "data_note"}
        return {key: value for key, value in self.told().items() if key not in only_written}


def is_held_out(symbol: str) -> bool:
    """Tell whether training may not see this symbol, however it is spelled."""
    return plain_symbol(symbol) in HELD_OUT_SYMBOLS


def plain_symbol(symbol: str) -> str:
    """Return AAPL for aapl, AAPL.US and AAPL/USD."""
    return re.split(r"[./]", symbol.upper(), maxsplit=1)[0]
