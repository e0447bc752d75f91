import pytest

from benchmarks.jobs.table import Line, markdown_table, text_table


@pytest.mark.parametrize(
    ("product", "reference", "told"),
    [(400.0, 100.0, "4.00x"), (1.0, None, ""), ("not there", 100.0, ""), (1.0, 0.0, ""), (1.0, float("nan"), "")],
)
def test_ratio_is_product_to_reference_where_there_is_one(
    product: float | str, reference: float | None, told: str
) -> None:
    assert Line("jobs", "1/s", product, reference).cells[4] == told


def test_both_tables_have_a_row_for_each_line() -> None:
    lines = [Line("a", "ms", 1.5, 3.0, "at most 1x"), Line("b", "1/s", 12_345.0)]
    assert "| a | ms | 1.50 | 3.00 | 0.50x | at most 1x |" in markdown_table(lines)
    assert text_table(lines).splitlines()[-1].split() == ["b", "1/s", "12,345"]
