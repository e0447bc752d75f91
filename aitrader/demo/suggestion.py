"""The suggestions of the demo."""

from collections.abc import Mapping, Sequence
from typing import Any

from aitrader.client import Job
from aitrader.demo.screen import Screen, Table, told

SUGGESTION: Mapping[str, Any] = {  # Any: a JSON value
    "symbols": ["AAPL", "FB", "GOOG", "IBM", "MSFT"],
    "timeframe": "1d",
}
DAYS_A_YEAR = 365.25
S_A_DAY = 86_400
REASONS = {
    "edge": "the edge pays for the costs",
    "no_edge": "no edge after costs",
    "low_confidence": "unlike what the models know",
}
COLUMNS = ("SYMBOL", "ACTION", "BECAUSE", "BUY", "SELL", "HOLD", "EXPECTED", "ENTRY", "STOP", "TARGET", "SIZE", "SURE")

Suggestion = Mapping[str, Any]  # Any: a JSON value


def show_suggestions(job: Job, screen: Screen) -> None:
    result = job.result
    suggestions: Sequence[Suggestion] = result["suggestions"]
    screen.show(Table(COLUMNS, [_row(suggestion) for suggestion in suggestions]))
    for failure in result["failures"]:
        screen.say(f"{failure['symbol']}: {failure['message']}")
    if suggestions:
        _show_reasons(suggestions, screen)
        _show_caveats(suggestions, screen)


def _row(suggestion: Suggestion) -> tuple[str, ...]:
    chances = suggestion["probabilities"]
    return (
        suggestion["symbol"],
        suggestion["action"],
        REASONS.get(suggestion["reason"], suggestion["reason"]),
        *(f"{chances[action]:.0%}" for action in ("buy", "sell", "hold")),
        f"{suggestion['expected_return']['mean_frac']:+.2%}",
        *(told(suggestion[level], ",.2f") for level in ("entry", "stop", "target")),
        f"{suggestion['size_frac']:.1%}",
        f"{suggestion['confidence']:.2f}",
    )


def _show_reasons(suggestions: Sequence[Suggestion], screen: Screen) -> None:
    """Say what moved the models most, for the share that they lean furthest about."""
    explained = [suggestion for suggestion in suggestions if suggestion["explanation"]]
    if not explained:
        return
    furthest = max(explained, key=lambda one: abs(one["probabilities"]["buy"] - one["probabilities"]["sell"]))
    first = furthest["explanation"][0]
    screen.say(f"\nWhat moves {first['model']} most about {furthest['symbol']}:")
    for share in first["features"]:
        screen.say(f"  {'+' if share['contribution'] > 0 else '-'} {share['text']}")


def _show_caveats(suggestions: Sequence[Suggestion], screen: Screen) -> None:
    """Say how old the prices are and what else to bear in mind, once for all that it is true of."""
    newest = suggestions[0]
    years = newest["data_age_s"] / S_A_DAY / DAYS_A_YEAR
    screen.say(f"\nThe newest bar is of {newest['as_of'][:10]}, {years:.0f} years old: a look at the past, not advice.")
    heard: dict[str, list[str]] = {}
    for suggestion in suggestions:
        for warning in suggestion["warnings"]:
            heard.setdefault(warning, []).append(suggestion["symbol"])
    for warning, symbols in heard.items():
        screen.say(f"{', '.join(symbols)}: {warning}")
    models = ", ".join(f"{model['name']} {model['version']}" for model in newest["models"])
    screen.say(f"models: {models}; their cards: GET /api/models")
