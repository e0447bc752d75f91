"""Times the suggestion models that are shipped: one row through the whole ensemble, and a job of 500 symbols.

Bars come from memory, so that the figures are those of the computation. CPU seconds stand beside wall seconds: on a
machine that others use, the former are the steadier.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np

from backend.core.jobs.provenance import BarsUsed
from backend.core.jobs.suggestion import SuggestionPayload, SuggestionResult
from market_data.bars import Bars
from model_files.manifest import model_folders, read_manifest
from suggestion_engine.ensemble import Ensemble, windows_of
from suggestion_engine.evidence import Mood
from suggestion_engine.explain import explain
from suggestion_engine.member import Member, open_member
from workers.context import Context, LoadedBars
from workers.handlers.suggestion import suggestion
from workers.inference.serving import Serving

MODELS: Final = Path(__file__).parents[1] / "models"
N_SYMBOLS: Final = 500
N_BARS: Final = 3_000
DAY_NS: Final = 86_400 * 10**9


def main() -> None:
    members = shipped_members(MODELS)
    if not members:
        print("no suggestion model is shipped yet: `make train` writes them")
        return
    ensemble = Ensemble(members)
    every = {bars.symbol: bars for bars in map(_random_walk, range(N_SYMBOLS))}
    windows = windows_of(list(every.values()))
    print(f"{len(members)} models: {', '.join(member.name for member in members)}")
    _print("one row through the whole ensemble", lambda: ensemble.score(windows[:1]), times=200)
    for member in members:
        inputs = member.inputs(windows[:1])
        _print(f"  {member.name}", partial(member.probabilities, inputs), times=200)
    _print(f"features of {N_SYMBOLS} symbols", lambda: windows_of(list(every.values())))
    _print(f"{N_SYMBOLS} symbols through the ensemble", lambda: ensemble.score(windows))
    _print(f"drift of {N_SYMBOLS} symbols", lambda: [ensemble.drift(window) for window in windows])
    _print("explanations of one symbol", lambda: [explain(member, windows[0]) for member in members], times=20)
    payload = SuggestionPayload(symbols=tuple(every))
    _print(f"a whole job of {N_SYMBOLS} symbols, with its JSON", lambda: _job(payload, every, members))


def shipped_members(root: Path) -> tuple[Member, ...]:
    """Return the newest version of each suggestion model below `root`."""
    manifests = {manifest.name: (folder, manifest) for folder, manifest in _suggestion_models(root)}
    return tuple(open_member(folder, manifest) for folder, manifest in manifests.values())


def _suggestion_models(root: Path) -> list[tuple[Path, Any]]:
    found = [(folder, read_manifest(folder)) for folder in model_folders(root)]
    return [
        (folder, one) for folder, one in sorted(found, key=lambda pair: pair[1].version) if one.task == "suggestion"
    ]


def _job(payload: SuggestionPayload, every: dict[str, Bars], members: tuple[Member, ...]) -> str:
    outcome = suggestion(payload, _Desk(members, every).context())
    assert isinstance(outcome.result, SuggestionResult)
    assert len(outcome.result.suggestions) == N_SYMBOLS
    return outcome.result.model_dump_json()


class _Desk:
    """What a worker would give the job, from memory."""

    def __init__(self, members: tuple[Member, ...], every: dict[str, Bars]) -> None:
        self._members = members
        self._every = every

    def context(self) -> Context:
        parts: dict[str, Any] = dict.fromkeys(("news", "shared_symbols", "load_shared_bars", "work_folder"))
        parts |= dict.fromkeys(("models", "signals", "monitor"), self)
        return Context(
            attempt=1,
            hash_payload=lambda: "0" * 64,
            ends_by=time.monotonic() + 600,
            load_bars=lambda symbol, *_: self._load(symbol),
            is_stopping=lambda: False,
            **parts,
        )

    def suggestion(self) -> Serving[Member]:
        return Serving(self._members)

    def moods(self, *_: object) -> dict[str, Mood]:
        return {}

    def is_cancel_wanted(self) -> bool:
        return False

    def report(self, *_: object) -> None:
        return

    def _load(self, symbol: str) -> LoadedBars:
        bars = self._every[symbol]
        used = BarsUsed(
            symbol=symbol,
            timeframe="1d",
            source="benchmark",
            revision=1,
            bar_count=len(bars),
            first_bar="",
            last_bar="",
            fingerprint=bars.fingerprint(),
        )
        return LoadedBars(bars, used)


def _print(what: str, run: Callable[[], object], *, times: int = 3) -> None:
    run()
    wall, cpu = [], []
    for _ in range(times):
        wall_s, cpu_s = time.perf_counter(), time.process_time()
        run()
        wall.append(time.perf_counter() - wall_s)
        cpu.append(time.process_time() - cpu_s)
    print(f"  {what:52s} {np.median(wall) * 1e3:9.2f} ms   {np.median(cpu) * 1e3:9.2f} ms of CPU")


def _random_walk(seed: int) -> Bars:
    rng = np.random.default_rng(seed)
    closes = 100 * np.exp(np.cumsum(rng.normal(0, 0.012, N_BARS)))
    opens = closes * np.exp(rng.normal(0, 0.006, N_BARS))
    last_ns = int(datetime(2024, 1, 1, tzinfo=UTC).timestamp()) * 10**9
    return Bars.from_arrays(
        symbol=f"WALK{seed}",
        timeframe="1d",
        time=last_ns - np.arange(N_BARS, dtype=np.int64)[::-1] * DAY_NS,
        open=opens,
        high=np.maximum(opens, closes) * np.exp(np.abs(rng.normal(0, 0.004, N_BARS))),
        low=np.minimum(opens, closes) * np.exp(-np.abs(rng.normal(0, 0.004, N_BARS))),
        close=closes,
        volume=rng.integers(1_000, 9_000, N_BARS).astype(np.float64),
    )


if __name__ == "__main__":
    main()
