import pytest

from benchmarks.backtests.jobs import rows_of
from benchmarks.backtests.table import HEADINGS, Row, markdown_table, text_table, times
from benchmarks.backtests.worker import median_s


@pytest.mark.parametrize(
    ("ratio", "told"), [(0.667, "0.67x"), (2.345, "2.3x"), (46.4, "46x"), (1_234.0, "1,234x"), (float("inf"), "-")]
)
def test_ratio_is_told_in_two_digits_or_more(ratio: float, told: str) -> None:
    assert times(ratio) == told


def test_peer_stands_in_its_column_with_how_many_times_ours_it_took() -> None:
    row = Row("run()", "us", 400.0, {"vectorbt_stats": 46_000.0}, "100x")
    told = dict(zip(HEADINGS, row.cells, strict=True))
    assert told["vectorbt, stats"] == "46,000 (115x)"
    assert told["C loop"] == told["backtrader"] == ""
    assert told["wanted"] == "100x"


def test_both_tables_have_a_row_for_each_measure() -> None:
    rows = [Row("a", "us", 1.0, {"c": 0.5}), Row("b", "ms", 2.0)]
    markdown = markdown_table(rows).splitlines()
    assert len(markdown) == 4
    assert len({line.count("|") for line in markdown}) == 1
    assert "| a | us | 1.00 | 0.50 (0.50x) |" in markdown[2]
    assert text_table(rows).splitlines()[-1].split() == ["b", "ms", "2.00"]


def test_jobs_compare_first_with_tenth_and_warm_with_probe() -> None:
    rows = rows_of([30.0, 32.0, 31.0], [20.0, 21.0, 22.0], [19.0, 20.0, 21.0], [15.0, 16.0, 17.0])
    assert [row.ours for row in rows] == [31.0, 21.0, 20.0, 16.0, 4.0]


def test_time_is_taken_at_least_once_and_no_longer_than_told() -> None:
    runs: list[int] = []
    assert median_s(lambda: runs.append(1), 0.0) >= 0.0
    assert len(runs) == 1
