"""Where the demo is shown, and the few forms in which it says things."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from aitrader.client import Job

SOURCES = {
    "sample": "sample, real daily prices of 2000 to 2013 that come with the package bokeh-sampledata, adjusted for "
    "splits and dividends; no network was used",
    "import": "import, a file that was imported into this installation",
}


@dataclass(frozen=True)
class Table:
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Screen:
    """Where the demo is shown."""

    say: Callable[[str], None]
    show: Callable[[Table], None]
    wait: Callable[[Job], None]


def source_text(name: str) -> str:
    return SOURCES.get(name, name)


def told(value: float | None, form: str) -> str:
    """Return a figure as text; what is not defined (a ratio over zero) is a dash."""
    return "-" if value is None else format(value, form)
