"""How a training run says how far it is."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[float, str], None]
"""Takes the share of the work that is done (0 to 1) and the stage that begins."""


def unheard(fraction: float, stage: str) -> None:
    """Tell nobody: the progress of a run that nobody watches."""


def part_of(progress: Progress, start: float, end: float) -> Progress:
    """Return a progress whose 0 to 1 is `start` to `end` of `progress`."""

    def told(fraction: float, stage: str) -> None:
        progress(start + (end - start) * fraction, stage)

    return told
