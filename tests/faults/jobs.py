"""The jobs of a run: a seeded mix of all that users ask for and of all that goes wrong inside a job."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

USERS: Mapping[str, str] = {
    "ada": "admin",
    "bob": "admin",
    "cyd": "admin",
    "steady": "admin",  # its jobs report no progress: each of its events has to arrive, none may replace another
    "free": "free",
    "premium": "premium",
}
ADMINS = ("ada", "bob", "cyd", "steady")
PATIENT = 20  # attempts: more than faults can use up
SUCCEEDS, FAILS = frozenset({"succeeded"}), frozenset({"failed"})
HUGE_BYTES = 50_000_000


@dataclass(frozen=True)
class Wanted:
    """One job to be submitted, and the states that it may end in when nobody cancels it."""

    user: str
    job_type: str
    payload: Mapping[str, Any]
    ends: frozenset[str]
    options: Mapping[str, Any] = field(default_factory=dict)
    delay_s: float | None = None
    key: str | None = None
    error_code: str | None = None

    @property
    def body(self) -> dict[str, Any]:
        return {"job_type": self.job_type, "payload": dict(self.payload), **self.options}


Maker = Callable[[Random, str], Wanted]


def plan(random: Random, count: int) -> Sequence[Wanted]:
    """Return so many jobs; one in five hundred, and always one, has a huge result."""
    makers, weights = zip(*MIX, strict=True)
    jobs = [_made(random, random.choices(makers, weights)[0], number) for number in range(count)]
    for place in random.sample(range(count), max(1, count // 500)):
        jobs[place] = probe("bob", result_bytes=HUGE_BYTES)
    return jobs


def probe(
    user: str,
    *,
    ends: frozenset[str] = SUCCEEDS,
    max_attempts: int = PATIENT,
    priority: int = 5,
    error_code: str | None = None,
    delay_s: float | None = None,
    **payload: Any,
) -> Wanted:
    options = {"max_attempts": max_attempts, "priority": priority}
    return Wanted(user, "probe", payload, ends, options, delay_s=delay_s, error_code=error_code)


def _made(random: Random, maker: Maker, number: int) -> Wanted:
    wanted = maker(random, random.choice(ADMINS))
    key = f"key-{number}" if random.random() < 0.7 else None
    return Wanted(**{**vars(wanted), "key": key})


def _idle(_random: Random, user: str) -> Wanted:
    """A job that is declared short: a worker takes several at once."""
    return Wanted(user, "probe", {}, SUCCEEDS, {"max_attempts": PATIENT})


def _quick(random: Random, user: str) -> Wanted:
    return probe(user, sleep_s=random.uniform(0, 0.05), priority=random.randrange(10))


def _slow(random: Random, user: str) -> Wanted:
    return probe(user, sleep_s=random.uniform(0.2, 1.2), priority=random.randrange(10))


def _stepping(random: Random, user: str) -> Wanted:
    steps = 1 if user == "steady" else random.randrange(2, 12)
    return probe(user, sleep_s=random.uniform(0.2, 1.0), steps=steps)


def _later(random: Random, user: str) -> Wanted:
    return probe(user, delay_s=random.uniform(0.2, 3.0))


def _failing_first(random: Random, user: str) -> Wanted:
    how = random.choice(
        ["error", "memory_error", "exit", "unpicklable", "unstorable", "bad_result", "segfault", "vanish"]
    )
    return probe(user, fail_attempts=1, fail_with=how, sleep_s=random.uniform(0, 0.1))


def _poison(random: Random, user: str) -> Wanted:
    how = random.choice(["error", "segfault", "memory_error"])
    return probe(user, fail_attempts=99, fail_with=how, max_attempts=random.randrange(1, 4), ends=FAILS)


def _invalid(random: Random, user: str) -> Wanted:
    return probe(user, fail_attempts=99, fail_with="invalid", ends=FAILS, error_code="probe_invalid")


def _fragile(random: Random, user: str) -> Wanted:
    """A job that the loss of its only worker fails."""
    return probe(user, sleep_s=random.uniform(0.1, 0.5), max_attempts=1, ends=SUCCEEDS | FAILS)


def _overlong(random: Random, user: str) -> Wanted:
    return probe(user, sleep_s=30, soft_limit_s=0.3, ends=FAILS, error_code="time_limit_exceeded")


def _native(random: Random, user: str) -> Wanted:
    return probe(user, native_s=random.uniform(0.1, 0.6), ignore_cancel=random.random() < 0.5)


def _stubborn(random: Random, user: str) -> Wanted:
    return probe(user, sleep_s=random.uniform(0.5, 1.5), ignore_cancel=True)


def _big(random: Random, user: str) -> Wanted:
    return probe(user, result_bytes=random.randrange(1_000_000, 3_000_000))


def _backtest(random: Random, user: str) -> Wanted:
    strategy = {"kind": "sma_cross", "fast": random.randrange(2, 40), "slow": random.randrange(50, 200)}
    account = {"cash": random.randrange(1_000, 1_000_000) / 10}  # another each time, so that none is like another
    payload = {"symbols": ["AAPL"], "strategy": strategy, "account": account}
    return Wanted(random.choice(["free", "premium"]), "backtest", payload, SUCCEEDS, {"max_attempts": PATIENT})


MIX: Sequence[tuple[Maker, float]] = (
    (_idle, 30),
    (_quick, 18),
    (_slow, 12),
    (_stepping, 8),
    (_later, 4),
    (_failing_first, 8),
    (_poison, 3),
    (_invalid, 2),
    (_fragile, 3),
    (_overlong, 2),
    (_native, 3),
    (_stubborn, 2),
    (_big, 1),
    (_backtest, 8),
)
