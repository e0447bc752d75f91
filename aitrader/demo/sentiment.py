"""The sentiment analysis of the demo."""

from collections.abc import Mapping
from typing import Any

from aitrader.client import Job
from aitrader.demo.headlines import HEADLINES
from aitrader.demo.screen import Screen, Table

SENTIMENT: Mapping[str, Any] = {"texts": [headline.text for headline in HEADLINES]}  # Any: a JSON value
SHOWN_CHARACTERS = 90


def show_sentiment(job: Job, screen: Screen) -> None:
    result = job.result
    rows = [_row(item) for item in result["items"]]
    screen.show(Table(("MOOD", "SCORE", "AGENCY", "DAY", "HEADLINE"), rows))
    for failure in result["failures"]:
        screen.say(f"text {failure['index']}: {failure['message']}")
    moods = [f"{mood['symbol']} {mood['label']} {mood['score']:+.2f}" for mood in result["by_symbol"]]
    if moods:
        screen.say(f"\nBy company, from the clauses that name it: {', '.join(moods)}")
    scorers = sorted({item["scored_by"] for item in result["items"]})
    screen.say(f"scored by: {', '.join(scorers)}")


def _row(item: Mapping[str, Any]) -> tuple[str, ...]:  # Any: a JSON value
    headline = HEADLINES[item["index"]]
    text = headline.text
    shown = text if len(text) <= SHOWN_CHARACTERS else f"{text[: SHOWN_CHARACTERS - 3]}..."
    return item["label"], f"{item['score']:+.2f}", headline.agency, headline.day, shown
