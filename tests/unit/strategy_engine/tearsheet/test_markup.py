import pytest
from hypothesis import given
from hypothesis import strategies as st

from strategy_engine.tearsheet.markup import raw, tag
from tests.unit.strategy_engine.tearsheet.pages import Page


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"])), st.text(st.characters(exclude_categories=["Cs", "Cc"])))
def test_any_text_comes_back_as_it_went_in(text, attribute):
    page = Page(tag("p", text, title=attribute))
    assert page.tags == [("p", {"title": attribute})]
    assert "".join(page.texts) == text


def test_markup_is_not_escaped_again():
    assert tag("p", tag("b", "a & b"), " < c", class_="x") == '<p class="x"><b>a &amp; b</b> &lt; c</p>'


def test_a_script_cannot_be_closed_from_within():
    with pytest.raises(ValueError, match="must not contain"):
        raw("script", "a = '</script>'")
