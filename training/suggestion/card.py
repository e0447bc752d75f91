"""What a shipped model is, what it was made from and what it is worth: `card.json`, and `card.md` made of it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from importlib.metadata import version
from typing import Any, Final

from suggestion_engine.feature_registry import FEATURE_SET, FEATURES
from training.suggestion.dataset import HORIZON_BARS, Dataset
from training.suggestion.economics import COST_BPS_ROUND_TRIP
from training.suggestion.judgement import Judged, Protocol
from training.suggestion.leaks import LeakTests
from training.suggestion.options import HELD_OUT_SYMBOLS, TREES, SuggestionOptions, is_held_out, plain_symbol
from training.suggestion.sequences import SEQUENCE_BARS, SEQUENCE_FEATURES
from training.suggestion.shipping import Shipment
from training.suggestion.walk import Walk

CARD_JSON: Final = "card.json"
CARD_TEXT: Final = "card.md"
_TOOLS: Final = {
    "lightgbm": ("lightgbm", "onnxmltools"),
    "xgboost": ("xgboost-cpu", "onnxmltools"),
    "lstm": ("torch", "onnxscript"),
    "transformer": ("torch", "onnxscript"),
}
_ALWAYS: Final = ("numpy", "onnx", "onnxruntime", "optuna", "ta-lib", "numba")
_VALID_DAYS: Final = 365
Card = dict[str, Any]  # Any: JSON


@dataclass(frozen=True, kw_only=True)
class Verdicts:
    """How one model's answers were judged: by test year, over all walk-forward years, on the hold-out, on the
    held-out symbols over the hold-out's span."""

    years: Mapping[str, Judged]
    walk_forward: Judged | None
    hold_out: Judged
    held_out_symbols: Judged | None


@dataclass(frozen=True, kw_only=True, eq=False)
class Run:
    """What all members of a run share."""

    options: SuggestionOptions
    dataset: Dataset
    protocol: Protocol
    leaks: LeakTests
    suspicions: tuple[str, ...]
    ensemble: Verdicts


def card_of(walk: Walk, shipment: Shipment, verdicts: Verdicts, run: Run) -> Card:
    """Return the card's content as JSON."""
    model, fold = walk.last, walk.last.inputs.fold
    member, rows = walk.member, run.dataset.rows
    return {
        "name": f"suggestion-{member.name}",
        "data": _data(run),
        "labels": {
            "rule": "which barrier comes first within the horizon after entry at the next bar's open: entry + 2 ATR "
            "(buy), entry - 2 ATR (sell), none (hold); of both in one bar the lower",
            "atr_bars": 14,
            "horizon_bars": HORIZON_BARS,
            "tie_frac": float(rows.is_tie.mean()),
            "hold_out_tie_frac": float(rows.is_tie[fold.test].mean()),
        },
        "features": {
            "hash": FEATURE_SET,
            "list": [{"name": one.name, "group": one.group, "definition": one.definition} for one in FEATURES],
            "sequence_bars": SEQUENCE_BARS if member.kind == "sequence" else None,
            "sequence_features": list(SEQUENCE_FEATURES) if member.kind == "sequence" else None,
        },
        "splits": {
            "train_from": str(fold.train_from),
            "train_rows": model.n_train,
            "train_rows_available": len(fold.train),
            "calibration_from": str(fold.calibration_from),
            "calibration_rows": len(fold.calibration),
            "test_from": str(fold.test_from),
            "test_rows": len(fold.test),
            "last_date_seen": str(rows.label_ends[fold.calibration].max()),
            "expires_at": str(expiry_of(run.dataset.last_day)),
            "purge_bars": HORIZON_BARS + 1,
            "embargo_days": run.options.embargo_days,
            "refitted_every_test_slices": 1 if member.name in TREES else run.options.network_every,
        },
        "member": {"kind": member.kind, "settings": member.settings},
        "calibration": asdict(model.calibration),
        "base_fracs": [float(share) for share in model.base],
        "min_edge": {"value": model.min_edge, "paid_on_calibration_slice": model.edge_paid},
        "returns_atr": asdict(shipment.returns),
        "cost_bps_round_trip": COST_BPS_ROUND_TRIP,
        "hold_out": _judged(verdicts.hold_out),
        "held_out_symbols": _judged(verdicts.held_out_symbols),
        "walk_forward": {
            "years": {year: _judged(one) for year, one in verdicts.years.items()},
            "all": _judged(verdicts.walk_forward),
        },
        "ensemble": {
            "members": list(run.options.members),
            "hold_out": _judged(run.ensemble.hold_out),
            "held_out_symbols": _judged(run.ensemble.held_out_symbols),
            "walk_forward": _judged(run.ensemble.walk_forward),
        },
        "leak_tests": {**asdict(run.leaks), "suspicions": list(run.suspicions)},
        "parity": {"max_error": shipment.parity_error, "rows": shipment.parity_rows},
        "drift": {**asdict(shipment.drift.thresholds), "hold_out_drifted_frac": shipment.drifted_frac},
        "protocol": asdict(run.protocol),
        "options": run.options.told(),
        "command": command_of(run.options),
        "tools": {name: version(name) for name in sorted((*_ALWAYS, *_TOOLS[member.name]))},
    }


def expiry_of(last_day: date) -> date:
    """Return when a model expires: 365 days after the last day of the data that it was trained and judged on.

    The hold-out counts: it shows what the model was worth up to that day, though it learned nothing from it.
    """
    return last_day + timedelta(days=_VALID_DAYS)


def command_of(options: SuggestionOptions) -> str:
    """Return the command that makes these models again, with data by file name."""
    small = SuggestionOptions.small(data=options.data, out=options.out, work=options.work)
    is_small = options.max_symbols == small.max_symbols
    plain = small if is_small else SuggestionOptions(data=options.data, out=options.out, work=options.work)
    flags = [f"--data {path.name}" for path in options.data] + ["--small"] * is_small
    flags += [
        f"--{name.replace('_', '-')} {_typed(value)}"
        for name, value in options.told().items()
        if value != plain.told()[name] and name != "accept_suspected_leak"
    ]
    if options.accept_suspected_leak and not is_small:
        flags.append("--accept-suspected-leak")
    return " ".join(["python -m training suggestion", *flags])


def _typed(value: object) -> str:
    return shlex.quote(",".join(value) if isinstance(value, tuple) else str(value))


def _data(run: Run) -> Card:
    data = run.dataset
    held_out = [name for name in data.symbols if is_held_out(name)]
    found = {plain_symbol(name) for name in held_out}
    return {
        "files": list(data.source.names),
        "note": run.options.data_note,
        "sha256": data.source.sha256,
        "is_synthetic": data.source.is_synthetic,
        "symbols": len(data.symbols),
        "held_out_symbols": held_out,
        "held_out_missing": [name for name in HELD_OUT_SYMBOLS if name not in found],
        "bars": data.n_bars,
        "bars_dropped": data.n_dropped,
        "first_day": str(data.first_day),
        "last_day": str(data.last_day),
        "row_step_bars": run.options.row_step_bars,
    }


def _judged(one: Judged | None) -> Card | None:
    return None if one is None else asdict(one)
