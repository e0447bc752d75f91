import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market_data.errors import ImportRefused
from market_data.import_rules import IMPORT_COLUMNS, ImportChunk, check_names, first_failing, shortened


@given(st.integers(1, 300), st.data())
def test_first_failing_finds_the_first_bad_item_in_few_asks(count, data):
    bad = data.draw(st.sets(st.integers(0, count - 1), min_size=1))
    asked = []

    def attempt(prefix: int) -> None:
        asked.append(prefix)
        if min(bad) < prefix:
            raise ValueError(prefix)

    assert first_failing(count, attempt) == min(bad)
    assert len(asked) <= count.bit_length()
    assert 0 not in asked


@given(st.integers(1, 20), st.integers(1, 25))
def test_split_keeps_every_row_and_its_line(count, most_rows):
    column = np.arange(float(count))
    times = np.arange(count)
    chunk = ImportChunk(
        first_line=7,
        symbol=column.astype(object),
        time=times,
        open=column,
        high=column,
        low=column,
        close=column,
        volume=column,
    )
    pieces = list(chunk.split(most_rows))
    assert all(1 <= len(piece) <= most_rows for piece in pieces)
    assert [piece.first_line + i - 7 for piece in pieces for i in range(len(piece))] == times.tolist()
    assert np.concatenate([piece.close for piece in pieces]).tolist() == column.tolist()


@given(st.permutations(IMPORT_COLUMNS))
def test_columns_are_accepted_in_any_order(names):
    check_names(names, line=1)


@given(st.permutations(IMPORT_COLUMNS), st.sampled_from(IMPORT_COLUMNS))
def test_a_column_twice_is_refused(names, twice):
    with pytest.raises(ImportRefused, match="each once"):
        check_names([*names, twice], line=1)


def test_long_texts_are_cut():
    assert shortened("x" * 100) == repr("x" * 64 + "...")
    assert shortened("x") == "'x'"
