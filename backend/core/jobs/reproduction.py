"""Running a record again: whether the second run gave the bytes of the first, and if not what differs.

1. The same question: the payload as it was stored, so that its hash, and with it the seed, is the same.
2. The same bars, where they are still there: those from the first to the last that the record names, of the revision
   that is stored now. Bars that came since change nothing.
3. Compared are the result, as JSON, and each artifact, by its SHA-256. Left out is what tells of the surroundings: the
   provenance. What changed there is told as a condition, whether or not it changed anything else.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final
from uuid import UUID

from backend.core.jobs.payload import Part
from backend.core.jobs.provenance import BarsUsed, Provenance

MOST_TOLD: Final = 20
LONGEST_TOLD: Final = 200
ABSENT: Final = "none"
APART: Final = frozenset({"provenance", "reproduction"})


class Difference(Part):
    """`what`: such as `engine_version`, `bars AAPL 1d`, `metrics.sharpe` or `artifact trades`."""

    what: str
    then: str
    now: str


class Reproduction(Part):
    """Whether a second run gave what the first did.

    differs_first: the likeliest cause if one is known, else the first thing that differs; null where all matches.
    conditions: what is otherwise around the run: engine, bars, machine. fields, artifacts: what came out otherwise, at
    most 20 each.
    """

    of: str
    matches: bool
    differs_first: Difference | None
    conditions: tuple[Difference, ...]
    fields: tuple[Difference, ...]
    artifacts: tuple[Difference, ...]

    @property
    def told(self) -> str:
        """Return the verdict in a few words."""
        if self.differs_first is None:
            return "same bytes"
        return f"differs: {self.differs_first.what}"


@dataclass(frozen=True)
class Given:
    """What a run gave: its result as JSON, and the SHA-256 of each artifact, in hex, by name."""

    result: Mapping[str, Any]  # Any: JSON
    artifacts: Mapping[str, str]


def compare(job_id: UUID, then: Given, now: Given) -> Reproduction:
    """Return how the second run of job `job_id` compares with the first."""
    conditions = tuple(_conditions(_provenance(then), _provenance(now)))
    fields = tuple(islice(_fields(_compared(then), _compared(now), ""), MOST_TOLD))
    artifacts = tuple(islice(_artifacts(then.artifacts, now.artifacts), MOST_TOLD))
    different = (*fields, *artifacts)
    return Reproduction(
        of=str(job_id),
        matches=not different,
        differs_first=(*conditions, *different)[0] if different else None,
        conditions=conditions,
        fields=fields,
        artifacts=artifacts,
    )


def _provenance(given: Given) -> Provenance:
    return Provenance.model_validate(given.result["provenance"], strict=False)


def _compared(given: Given) -> Mapping[str, Any]:  # Any: JSON
    return {name: value for name, value in given.result.items() if name not in APART}


def _conditions(then: Provenance, now: Provenance) -> Iterator[Difference]:
    """Yield what is otherwise, the likelier cause first."""
    yield from _unequal("engine_version", then.engine_version, now.engine_version)
    yield from _bars({(used.symbol, used.timeframe): used for used in then.bars}, now.bars)
    machines = [{} if told.machine is None else told.machine.model_dump() for told in (then, now)]
    for name in ("cpu", "numba", "numpy", "pyarrow", "kernels"):
        yield from _unequal(name, *(str(machine.get(name, ABSENT)) for machine in machines))
    yield from _unequal("payload_hash", then.payload_hash, now.payload_hash)
    yield from _unequal("seed", str(then.seed), str(now.seed))


def _bars(then: Mapping[tuple[str, str], BarsUsed], now: tuple[BarsUsed, ...]) -> Iterator[Difference]:
    for used in now:
        before = then.get((used.symbol, used.timeframe))
        told = [ABSENT if one is None else _told_bars(one) for one in (before, used)]
        yield from _unequal(f"bars {used.symbol} {used.timeframe}", *told)


def _told_bars(used: BarsUsed) -> str:
    span = f"{used.bar_count} from {used.first_bar} to {used.last_bar}"
    return f"{used.source} revision {used.revision}, {span}, {used.fingerprint[:16]}"


def _artifacts(then: Mapping[str, str], now: Mapping[str, str]) -> Iterator[Difference]:
    for name in sorted({*then, *now}):
        yield from _unequal(f"artifact {name}", then.get(name, ABSENT), now.get(name, ABSENT))


def _fields(then: Any, now: Any, path: str) -> Iterator[Difference]:  # Any: JSON values
    """Yield the places at which two JSON values differ, in the order of the second; 1 and 1.0 are the same number."""
    if isinstance(then, Mapping) and isinstance(now, Mapping):
        for name in (*now, *(name for name in then if name not in now)):
            yield from _fields(then.get(name, ABSENT), now.get(name, ABSENT), f"{path}.{name}" if path else name)
    elif isinstance(then, list) and isinstance(now, list) and len(then) == len(now):
        for place, (before, after) in enumerate(zip(then, now, strict=True)):
            yield from _fields(before, after, f"{path}.{place}")
    elif then != now:
        yield Difference(what=path, then=repr(then)[:LONGEST_TOLD], now=repr(now)[:LONGEST_TOLD])


def _unequal(what: str, then: str, now: str) -> Iterator[Difference]:
    if then != now:
        yield Difference(what=what, then=then, now=now)
