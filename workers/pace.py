"""How many short jobs a child claims at once: as many as it lately ran in a moment.

Jobs claimed together share the statements, commits and messages around them, so the more the cheaper; but each waits
for all of them to be recorded, and whoever else has short jobs waits that long, too.
"""

from typing import Final

TOGETHER_S: Final = 0.05
FIRST: Final = 16
AT_MOST: Final = 64


class Pace:
    """One child's, for each queue of its own."""

    def __init__(self) -> None:
        self._at_once: dict[str, int] = {}

    def at_once(self, queue: str) -> int:
        """Return how many short jobs the next claim may take."""
        return self._at_once.get(queue, FIRST)

    def note(self, queue: str, n_jobs: int, took_s: float) -> None:
        """Take note of how long the handlers of a group took; the next is twice the size of the last at most."""
        fitting = int(TOGETHER_S * n_jobs / max(took_s, 1e-6))
        self._at_once[queue] = max(1, min(fitting, 2 * self.at_once(queue), AT_MOST))
