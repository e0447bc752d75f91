"""Measures of the engines: time at each size, start-up and memory, each system in a process of its own."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from statistics import median

from benchmarks.backtests.agreement import EXACT, RULES, differences
from benchmarks.backtests.crew import OURS, Crew, Member
from benchmarks.backtests.table import Row
from benchmarks.backtests.work import FEES, save_prices

SHOWN = ("backtesting_py", "vectorbt_plain", "vectorbt_stats", "backtrader_plain")
SECONDS_A_TURN = 0.3
SLOW_S = 5.0  # what takes longer is run in one round only, after the run that is compared
UNITS = {2_520: ("us", 1e6), 100_000: ("ms", 1e3), 1_000_000: ("ms", 1e3)}
WANTED = {
    2_520: "under 500; vectorbt with stats 100x",
    100_000: "vectorbt with stats 50x",
    1_000_000: "vectorbt with stats 25x",
}
START_UP_BARS, MEMORY_BARS = 2_520, 100_000


def times(crew: Crew, size: int, *, rounds: int, without: frozenset[str] = frozenset()) -> tuple[list[Row], list[str]]:
    """Return the rows of one size and what is to be said of it; systems are taken in turn."""
    save_prices(crew.folder / f"prices-{size}.npz", size)
    with ExitStack() as stack:
        members = [stack.enter_context(crew.member(name)) for name in crew.names if name not in without]
        notes = _agreement(members, size)
        taken_s: dict[str, list[float]] = defaultdict(list)
        for number in range(rounds):
            for member in members if number % 2 == 0 else reversed(members):
                if not (taken_s[member.name] and taken_s[member.name][0] > SLOW_S):
                    taken_s[member.name].append(member.time_s(size, SECONDS_A_TURN))
    return rows_of({name: median(values) for name, values in taken_s.items()}, size), notes


def rows_of(medians_s: Mapping[str, float], size: int) -> list[Row]:
    unit, a_second = UNITS[size]
    units = {name: value * a_second for name, value in medians_s.items()}
    peers = {name: units[name] for name in SHOWN if name in units}
    whole_c = {"c": units["c_whole"]} if "c_whole" in units else {}
    kernel_c = {"c": units["c_loop"]} if "c_loop" in units else {}
    what = f"{size:,} bars, {FEES[size]:.2%} commission"
    return [
        Row(f"run(): {what}", unit, units[OURS], whole_c | peers, WANTED[size]),
        Row(f"kernel alone: {what}", unit, units["kernel"], kernel_c, "C loop 0.67x or more"),
    ]


def start_up(crew: Crew, *, rounds: int) -> list[Row]:
    """Return how long a fresh process takes to its first result, caches warm, and its memory with more bars."""
    names = [name for name in crew.names if name in {OURS, "c_whole", *SHOWN}]
    for size in (START_UP_BARS, MEMORY_BARS):
        save_prices(crew.folder / f"prices-{size}.npz", size)
    for name in names:
        crew.first_run(name, START_UP_BARS)  # fills the caches of files and of compiled code
    seconds: dict[str, list[float]] = defaultdict(list)
    for _ in range(rounds):
        for name in names:
            seconds[name].append(crew.first_run(name, START_UP_BARS)[0])
    peaks = {name: crew.first_run(name, MEMORY_BARS)[1] / 2**20 for name in names}
    return [
        _row(f"fresh process to first result, {START_UP_BARS:,} bars", "s", {n: median(s) for n, s in seconds.items()}),
        _row(f"peak memory of the process, {MEMORY_BARS:,} bars", "MiB", peaks),
    ]


def _row(measure: str, unit: str, values: Mapping[str, float]) -> Row:
    return Row(measure, unit, values[OURS], {{"c_whole": "c"}.get(n, n): v for n, v in values.items() if n != OURS})


def _agreement(members: Sequence[Member], size: int) -> list[str]:
    outcomes = {member.name: member.outcome(size) for member in members}
    ours = outcomes.pop(OURS)
    notes = [f"{size:,} bars: {len(ours.size):,} closed trades, final equity {ours.final_equity:.2f}."]
    for name, theirs in outcomes.items():
        rule = RULES.get(name, EXACT)
        found = differences(ours, theirs, rule)
        strictly = differences(ours, theirs)
        if found:
            notes.append(f"DIFFERS at {size:,} bars: {name} has {'; '.join(found)}.")
        elif strictly:
            notes.append(f"{size:,} bars: {name} has the same bars and prices, but {'; '.join(strictly)}.")
    return notes
