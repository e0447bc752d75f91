"""The pattern scan of the demo."""

from collections.abc import Mapping
from typing import Any

from aitrader.client import Job
from aitrader.demo.screen import Screen, Table, source_text

SCAN: Mapping[str, Any] = {"symbols": ["AAPL", "FB", "GOOG", "IBM", "MSFT"], "timeframe": "1d"}  # Any: a JSON value
SHOWN_MATCHES = 15


def show_scan(job: Job, screen: Screen) -> None:
    # Stable, so each day keeps its order by symbol.
    matches = sorted(job.result["matches"], key=lambda match: match["bar_time"], reverse=True)
    for source in sorted({bars["source"] for bars in job.result["provenance"]["bars"]}):
        screen.say(f"source: {source_text(source)}")
    screen.say(f"\n{len(matches)} matches found{', the newest of them:' if len(matches) > SHOWN_MATCHES else ':'}")
    names = ("symbol", "pattern", "direction", "strength", "bar_time")
    rows = [[str(match[name]).removesuffix("T00:00:00Z") for name in names] for match in matches[:SHOWN_MATCHES]]
    screen.show(Table(("SYMBOL", "PATTERN", "DIRECTION", "STRENGTH", "DAY"), rows))
    for failure in job.result["failures"]:
        screen.say(f"{failure['symbol']}: {failure['message']}")
