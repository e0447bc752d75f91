"""`pattern_scan`: the newest bars of many symbols, each on its own: one bad symbol never sinks the rest.

A provider that gives no answer is left alone for some seconds, so symbols that only it has fail at once meanwhile.
"""

from dataclasses import dataclass, field

from backend.core.jobs.failures import SymbolFailure
from backend.core.jobs.outcomes import Outcome
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


def pattern_scan(payload: PatternScanPayload, context: Context) -> Outcome:
    found = _Findings()
    symbols = tuple(dict.fromkeys(payload.symbols))
    for done, symbol in enumerate(symbols):
        counted = {"matches": len(found.matches), "failures": len(found.failures)}
        context.progress(done / len(symbols), f"{done} of {len(symbols)} symbols", **counted)
        try:
            _scan_symbol(symbol, payload, context, found)
        except DomainError as error:
            found.failures.append(SymbolFailure(symbol=symbol, code=error.code, message=str(error)))
            context.log.warning("symbol_failed", symbol=symbol, code=error.code, message=str(error))
    result = PatternScanResult(
        matches=tuple(found.matches),
        failures=tuple(found.failures),
        provenance=provenance(context, "pattern_engine", ENGINE_VERSION, found.used),
    )
    return Outcome(result, summary=_summary(result, len(symbols)))


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
