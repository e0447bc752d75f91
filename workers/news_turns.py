"""How one request to a source is run: in its turn where the source's library serves one at a time, and not for ever."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Final

from market_data.errors import ProviderTimedOut, ProviderUnavailable
from market_data.providers.news_sources import RawNews

SHORTEST_ASK_S: Final = 0.2
"""With less time than this left, nobody is asked any more."""

_LOOK_EVERY_S: Final = 0.1


class Turns:
    """The turns at one source. Without a lock of its own, everybody has one at any time.

    Waiting for a turn is our affair: it takes from the caller's time, and none of what the source has to answer.
    """

    def __init__(self, whose: str, lock: "threading.Lock | None") -> None:
        self._whose = whose
        self._lock = lock
        self._last: Turn | None = None

    @contextmanager
    def take(self, left_s: Callable[[], float]) -> Iterator["Turn"]:
        """Wait for a turn and yield it; raise ProviderUnavailable when none comes in the time that is left."""
        turn = Turn(self._whose, self._lock)
        if self._lock is None:
            check_time_left(self._whose, left_s)
        else:
            self._wait(self._lock, left_s)
            self._last = turn
        try:
            yield turn
        finally:
            turn.let_go()

    def _wait(self, lock: "threading.Lock", left_s: Callable[[], float]) -> None:
        check_time_left(self._whose, left_s)
        while not lock.acquire(timeout=_LOOK_EVERY_S):
            if self._last is not None and self._last.is_hanging:
                raise ProviderUnavailable(f"{self._whose} was not asked: a request that was given up has not ended yet")
            check_time_left(self._whose, left_s)


class Turn:
    """One caller's turn. The lock is free again when he has let go, and a request that he gave up has ended."""

    def __init__(self, whose: str, lock: "threading.Lock | None") -> None:
        self._whose = whose
        self._lock = lock
        self._guard = threading.Lock()
        self._is_running = False
        self._is_given_up = False

    @property
    def is_hanging(self) -> bool:
        """Return whether a request that nobody waits for any more is still running."""
        return self._is_given_up and self._is_running

    def run(self, limit_s: float, ask: Callable[[], RawNews]) -> RawNews:
        """Return what `ask` returns, or raise ProviderTimedOut and leave it behind: a name may take long to resolve.

        No timeout of a request reaches the resolver. What is left behind ends with the process, which does not wait.
        """
        answer: Future[RawNews] = Future()

        def run() -> None:
            try:
                raw = ask()
            except BaseException as error:  # noqa: BLE001 - raised again where the answer is waited for
                self._end()
                answer.set_exception(error)
            else:
                self._end()
                answer.set_result(raw)

        self._start(threading.Thread(target=run, name="news-ask", daemon=True))
        try:
            return answer.result(limit_s)
        except TimeoutError as error:
            raise ProviderTimedOut(f"{self._whose} gave no answer within {limit_s:.3g} s") from error

    def let_go(self) -> None:
        with self._guard:
            self._is_given_up = self._is_running
            is_free = not self._is_running
        if is_free and self._lock is not None:
            self._lock.release()

    def _start(self, thread: threading.Thread) -> None:
        self._is_running = True
        try:
            thread.start()
        except RuntimeError as error:  # no more threads: nothing runs that would ever end
            self._is_running = False
            raise ProviderUnavailable(f"{self._whose} was not asked: no thread could be started") from error

    def _end(self) -> None:
        with self._guard:
            self._is_running = False
            is_free = self._is_given_up
        if is_free and self._lock is not None:
            self._lock.release()


def check_time_left(whose: str, left_s: Callable[[], float]) -> None:
    """Raise ProviderTimedOut when there is no time left to ask."""
    if left_s() < SHORTEST_ASK_S:
        raise ProviderTimedOut(f"{whose} was not asked: no time was left for it")
