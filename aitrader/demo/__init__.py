"""The demo: a job of every type on real prices and headlines, through the public client, told in plain words."""

from aitrader.client import Client, Job
from aitrader.demo.backtest import BACKTEST, show_backtest
from aitrader.demo.pattern_scan import SCAN, show_scan
from aitrader.demo.screen import Screen, Table
from aitrader.demo.sentiment import SENTIMENT, show_sentiment
from aitrader.demo.suggestion import SUGGESTION, show_suggestions

__all__ = ["Screen", "Table", "run_demo"]

ACTS = (
    (
        "Backtest: AAPL, sma_cross 10/30, 2000-03-01 to 2013-03-01, 10,000 cash, commission 0.1 % of every fill",
        "backtest",
        BACKTEST,
        show_backtest,
    ),
    (
        f"Pattern scan: candlestick patterns in the newest 5 bars of {', '.join(SCAN['symbols'])}",
        "pattern_scan",
        SCAN,
        show_scan,
    ),
    (
        "Suggestions: what the models make of five shares that they were not trained on",
        "suggestion",
        SUGGESTION,
        show_suggestions,
    ),
    (
        "Sentiment: the mood of ten headlines by agencies of the United States, whose words are public domain",
        "sentiment_analysis",
        SENTIMENT,
        show_sentiment,
    ),
)


def run_demo(client: Client, screen: Screen) -> None:
    """Run every job and show its result; JobFailed or JobCancelled when one did not succeed."""
    for number, (title, job_type, payload, show) in enumerate(ACTS, start=1):
        screen.say(f"{chr(10) if number > 1 else ''}{number}. {title}")
        show(_done(client.submit(job_type, payload), screen), screen)


def _done(job: Job, screen: Screen) -> Job:
    screen.wait(job)
    return job.wait()
