"""How long to wait before a component that died is started again."""

from dataclasses import dataclass


@dataclass
class Backoff:
    """Doubling pauses, forgotten once the component has been up for a stable time."""

    first_s: float = 0.25
    longest_s: float = 15.0
    stable_after_s: float = 30.0
    _deaths: int = 0

    def pause_s(self, uptime_s: float) -> float:
        """Return the pause after a death that followed `uptime_s` of running."""
        if uptime_s >= self.stable_after_s:
            self._deaths = 0
        pause_s = min(self.first_s * 2.0**self._deaths, self.longest_s)
        if pause_s < self.longest_s:
            self._deaths += 1
        return pause_s
