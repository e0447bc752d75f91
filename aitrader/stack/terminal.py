"""What the person who started the stack sees on standard error."""

from typing import TextIO


class Terminal:
    """Lines of the stack's own, and while it starts (or always, when verbose) those of its components."""

    def __init__(self, stream: TextIO, *, echo_start: bool = True, verbose: bool = False) -> None:
        self._stream = stream
        self._echoes = echo_start or verbose
        self._verbose = verbose

    def say(self, text: str) -> None:
        self._print(text)

    def component_line(self, name: str, line: bytes) -> None:
        if self._echoes:
            self._print(f"[{name}] {line.decode(errors='replace')}")

    def stack_is_ready(self) -> None:
        """Be quiet from now on, unless verbose."""
        self._echoes = self._verbose

    def _print(self, text: str) -> None:
        try:
            self._stream.write(text + "\n")
            self._stream.flush()
        except (OSError, ValueError):  # the terminal went away; the stack need not follow it
            self._echoes = self._verbose = False
