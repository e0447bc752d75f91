from pathlib import Path

from strategy_engine.metrics import METRIC_NAMES
from strategy_engine.tearsheet.figures import FIGURES, HEADLINES

DOCS = Path(__file__).parents[4] / "docs" / "metrics.md"


def test_every_metric_has_one_place_on_the_page():
    shown = [figure.name for figures in FIGURES.values() for figure in figures]
    assert sorted(shown) == sorted(METRIC_NAMES)
    assert len(set(shown)) == len(shown)
    assert set(HEADLINES) <= set(shown)


def test_every_metric_is_documented():
    text = DOCS.read_text(encoding="utf-8")
    assert [name for name in METRIC_NAMES if f"`{name}`" not in text] == []
