from __future__ import annotations

import pytest

from sentiment_engine.language import detect_language


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Deutsche Bank erhöht die Prognose für das Gesamtjahr", "de"),
        ("Apple dépasse les attentes au troisième trimestre", "fr"),
        ("Las acciones de Tesla suben tras resultados", "es"),
        ("Il titolo Fiat crolla in borsa", "it"),
        ("Ações da Petrobras caem 5%", "pt"),
        ("Aandelen van Philips dalen fors", "nl"),
        ("Aktierna i Volvo stiger kraftigt", "sv"),
        ("Nokian osake nousi jyrkästi", "fi"),
        ("Akcje spółki Orlen rosną", "pl"),
        ("Акции Газпрома выросли", "ru"),
        ("株価が上昇した", "ja"),
        ("苹果公司股价下跌", "zh"),
        ("애플 주가 상승", "ko"),
        ("ارتفعت أسهم الشركة", "ar"),
    ],
)
def test_headlines_of_other_languages_are_recognised(text, language):
    assert detect_language(text) == language


@pytest.mark.parametrize(
    "text",
    [
        "Nestle profit tops forecasts",
        "AAPL MSFT GOOG",
        "Credit Agricole Q4 revenue EUR 5.1 mln vs. EUR 4.9 mln",
        "Nestlé and L'Oréal raise outlook",
        "Toyota (トヨタ) recalls one million cars over airbags",
        "$ES_F $SPY",
        "Oil drops",
        "Société Générale to cut jobs at investment bank",
    ],
)
def test_english_headlines_with_foreign_names_stay_english(text):
    assert detect_language(text) == "en"


@pytest.mark.parametrize("text", ["", "123", "🚀"])
def test_a_text_without_letters_has_no_language(text):
    assert detect_language(text) == "und"
