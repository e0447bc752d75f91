"""`pattern_scan`: the newest bars of many symbols, each on its own: one bad symbol never sinks the rest.

Asked to, it splits the symbols among children that run at the same time; what they find is put together in order.

A provider that gives no answer is left alone for some seconds, so symbols that only it has fail at once meanwhile.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from backend.core.jobs.failures import SymbolFailure
from backend.core.jobs.outcomes import ChildJob, EndedChild, FanOut, Outcome
from backend.core.jobs.pattern_scan import FoundPattern, PatternScanPayload, PatternScanResult
from backend.core.jobs.provenance import BarsUsed
from market_data.errors import DomainError
from pattern_engine import ENGINE_VERSION, scan
from workers.context import Context
from workers.handlers.bars import iso, provenance


@dataclass
class _Findings:
    matches: list[FoundPattern] = field(default_factory=list)
    failures: list[SymbolFailure] = field(default_factory=list)
    used: list[BarsUsed] = field(default_factory=list)


def pattern_scan(payload: PatternScanPayload, context: Context) -> Outcome | FanOut:
    symbols = tuple(dict.fromkeys(payload.symbols))
    shares = min(payload.parallel, len(symbols))
    if shares > 1:
        return FanOut(children=[_share(payload, symbols, i, shares) for i in range(shares)])
    found = _Findings()
    for done, symbol in enumerate(symbols):
        counted = {"matches": len(found.matches), "failures": len(found.failures)}
        context.progress(done / len(symbols), f"{done} of {len(symbols)} symbols", **counted)
        try:
            _scan_symbol(symbol, payload, context, found)
        except DomainError as error:
            found.failures.append(SymbolFailure(symbol=symbol, code=error.code, message=str(error)))
            context.log.warning("symbol_failed", symbol=symbol, code=error.code, message=str(error))
    return _outcome(context, found)


def merge_pattern_scan(
    payload: PatternScanPayload,
    state: Mapping[str, Any],  # Any: JSON; the children's results say all
    children: Sequence[EndedChild],
    context: Context,
) -> Outcome:
    """Return what one job would have found: the children's findings, one share of the symbols after the other."""
    del payload, state
    found = _Findings()
    for child in children:
        part = PatternScanResult.model_validate_json(json.dumps(child.result))
        found.matches += part.matches
        found.failures += part.failures
        found.used += part.provenance.bars
    return _outcome(context, found)


def _share(payload: PatternScanPayload, symbols: Sequence[str], index: int, shares: int) -> ChildJob:
    first, end = index * len(symbols) // shares, (index + 1) * len(symbols) // shares
    part = {"symbols": tuple(symbols[first:end]), "parallel": 1}
    return ChildJob(job_type="pattern_scan", payload=payload.model_copy(update=part))


def _outcome(context: Context, found: _Findings) -> Outcome:
    result = PatternScanResult(
        matches=tuple(found.matches),
        failures=tuple(found.failures),
        provenance=provenance(context, "pattern_engine", ENGINE_VERSION, found.used),
    )
    return Outcome(result, summary=_summary(result, len(found.used) + len(found.failures)))


def _summary(result: PatternScanResult, symbol_count: int) -> str:
    bullish = sum(match.direction == "bullish" for match in result.matches)
    bearish = sum(match.direction == "bearish" for match in result.matches)
    told = f"{len(result.matches)} patterns in {symbol_count} symbols, {bullish} bullish, {bearish} bearish"
    return told + (f", {len(result.failures)} symbols failed" if result.failures else "")


def _scan_symbol(symbol: str, payload: PatternScanPayload, context: Context, found: _Findings) -> None:
    loaded = context.bars(symbol, payload.timeframe, payload.start, payload.end)
    matches = scan(loaded.bars, payload.patterns, last_bars=payload.last_bars)
    found.used.append(loaded.used)
    found.matches += [
        FoundPattern(
            symbol=symbol,
            pattern=match.pattern,
            direction=match.direction,
            strength=match.strength,
            bar_time=iso(match.bar_time_ns),
        )
        for match in matches
    ]
