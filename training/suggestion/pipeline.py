"""From bars to shipped models, in steps; a finished step is never done twice.

1. Features and labels of all bars, rows on the common calendar, walk-forward folds with purge and embargo.
2. A small search for the trees' parameters within the first fold's training rows.
3. Each member's walk: fitted, calibrated and asked, fold by fold.
4. Leak tests; suspicion stops everything unless it was accepted beforehand.
5. Files behind the parity gate, the hold-out scored through them, cards, manifests.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any, Final

import numpy as np

from model_files.manifest import MANIFEST_NAME, Manifest, describe_files, folder_of
from model_files.session import tensors_of
from suggestion_engine.feature_registry import FEATURE_SET
from training.errors import SuspectedLeak
from training.progress import Progress, part_of
from training.suggestion.card import CARD_JSON, CARD_TEXT, Card, Run, Verdicts, card_of, command_of, expiry_of
from training.suggestion.card_text import card_text
from training.suggestion.checkpoints import Checkpoints
from training.suggestion.dataset import HORIZON_BARS, Dataset, build_dataset, prices_for
from training.suggestion.economics import COST_BPS_ROUND_TRIP
from training.suggestion.fold_inputs import FoldInputs
from training.suggestion.judgement import Judged, Protocol, Scored, judge, of_year, pooled
from training.suggestion.leaks import LeakTests, leak_tests, suspicions
from training.suggestion.members import member_of
from training.suggestion.options import HELD_OUT_SYMBOLS, TREES, SuggestionOptions
from training.suggestion.sequences import SEQUENCE_BARS, SEQUENCE_FEATURES
from training.suggestion.shipping import Shipment, healthy_drift, ship
from training.suggestion.splits import walk_forward
from training.suggestion.tuning import tune
from training.suggestion.walk import Walk, walk

PIPELINE_VERSION: Final = "1"


def run(options: SuggestionOptions, progress: Progress) -> tuple[Manifest, ...]:
    """Write a model per member under `options.out` and return their manifests; SuspectedLeak writes none."""
    progress(0.0, "reading bars")
    prices = prices_for(options)
    options = options.settled(prices.first_day, prices.last_day)
    dataset = build_dataset(prices, options, part_of(progress, 0.0, 0.08))
    folds = folds_of(dataset, options)
    data = dataset.source.sha256
    key = {"pipeline": PIPELINE_VERSION, "features": FEATURE_SET, "data": data, **options.computed_from()}
    checkpoints = Checkpoints.under(options.work, key)
    tuned = tune(folds[0], options, checkpoints, part_of(progress, 0.08, 0.2))
    walks = []
    for i, name in enumerate(options.members):
        share = 0.65 / len(options.members)
        told = part_of(progress, 0.2 + i * share, 0.2 + (i + 1) * share)
        walks.append(walk(member_of(name, options, tuned.get(name)), folds, options, checkpoints, told))
    progress(0.85, "leak tests")
    judge_of_leaks = member_of("lightgbm", options, tuned.get("lightgbm"))
    leaks = leak_tests(judge_of_leaks, folds[0], folds[-1], options, checkpoints)
    return _written(walks, leaks, options, checkpoints.folder / "staged", part_of(progress, 0.9, 1.0))


def folds_of(dataset: Dataset, options: SuggestionOptions) -> tuple[FoldInputs, ...]:
    """Return the folds of the walk, the last of which is the hold-out's."""
    first_test_year, hold_out_year = options.test_years
    folds = walk_forward(
        dataset.rows.days,
        dataset.rows.label_ends,
        first_test_year=first_test_year,
        hold_out_year=hold_out_year,
        train_years=options.train_years,
        embargo_days=options.embargo_days,
    )
    return tuple(FoldInputs(dataset, fold, options.seed) for fold in folds)


def protocol_of(options: SuggestionOptions) -> Protocol:
    """Return how this run judges; configurations count what was tuned, each member, and what was tried before."""
    n_tuned = options.tuning_trials * sum(name in TREES for name in options.members)
    return Protocol(
        row_step_bars=options.row_step_bars,
        bootstrap_draws=options.bootstrap_draws,
        seed=options.seed,
        configurations=n_tuned + len(options.members) + options.earlier_configurations,
    )


def _written(
    walks: Sequence[Walk], leaks: LeakTests, options: SuggestionOptions, staged: Path, progress: Progress
) -> tuple[Manifest, ...]:
    shutil.rmtree(staged, ignore_errors=True)
    progress(0.0, "drift levels")
    inputs = walks[-1].last.inputs
    drift = healthy_drift(inputs, options.seed)
    shipments = []
    for i, one in enumerate(walks):
        progress(0.2 + 0.3 * i / len(walks), f"exporting {one.member.name}")
        shipments.append(ship(one.last, staged / one.member.name, drift, options))
    protocol = protocol_of(options)
    verdicts = []
    for i, (one, shipment) in enumerate(zip(walks, shipments, strict=True)):
        progress(0.5 + 0.4 * i / len(walks), f"judging {one.member.name}")
        verdicts.append(_verdicts(one.tests, shipment.hold_out, shipment.held_out_symbols, protocol))
    progress(0.9, "judging the ensemble")
    ensemble = _ensemble_verdicts(walks, shipments, protocol)
    shared = Run(
        options=options,
        dataset=inputs.dataset,
        protocol=protocol,
        leaks=leaks,
        suspicions=_suspicions(leaks, [*verdicts, ensemble]),
        ensemble=ensemble,
    )
    if shared.suspicions and not options.accept_suspected_leak:
        raise SuspectedLeak("; ".join(shared.suspicions))
    return tuple(
        _finish(shipment, card_of(one, shipment, verdict, shared), options)
        for one, shipment, verdict in zip(walks, shipments, verdicts, strict=True)
    )


def _verdicts(
    tests: Sequence[Scored], hold_out: Scored, held_out_symbols: Scored | None, protocol: Protocol
) -> Verdicts:
    years: dict[str, Judged] = {}
    for part in (*tests, hold_out):
        for year in np.unique(part.rows.days.astype("datetime64[Y]")).astype(str):
            rows = of_year(part, int(year))
            if rows is not None:
                years[str(year)] = judge(rows, protocol)
    return Verdicts(
        years=years,
        walk_forward=judge(pooled([*tests, hold_out]), protocol) if tests else None,
        hold_out=judge(hold_out, protocol),
        held_out_symbols=None if held_out_symbols is None else judge(held_out_symbols, protocol),
    )


def _ensemble_verdicts(walks: Sequence[Walk], shipments: Sequence[Shipment], protocol: Protocol) -> Verdicts:
    tests = [_averaged(parts) for parts in zip(*(one.tests for one in walks), strict=True)]
    held_out = [one.held_out_symbols for one in shipments if one.held_out_symbols is not None]
    return _verdicts(
        tests,
        _averaged([one.hold_out for one in shipments]),
        _averaged(held_out) if held_out else None,
        protocol,
    )


def _averaged(parts: Sequence[Scored]) -> Scored:
    return Scored(
        rows=parts[0].rows,
        probabilities=np.mean([part.probabilities for part in parts], axis=0),
        base=parts[0].base,
        min_edge=np.mean([part.min_edge for part in parts], axis=0),
    )


def _suspicions(leaks: LeakTests, verdicts: Sequence[Verdicts]) -> tuple[str, ...]:
    found: list[str] = []
    for one in verdicts:
        walked = None if one.walk_forward is None else one.walk_forward.skill.direction_auc.value
        found += suspicions(leaks, walk_forward_auc=walked, hold_out_auc=one.hold_out.skill.direction_auc.value)
    return tuple(dict.fromkeys(found))


def _finish(shipment: Shipment, card: Card, options: SuggestionOptions) -> Manifest:
    folder = shipment.folder
    content = json.dumps(card, indent=1, sort_keys=True, allow_nan=False) + "\n"
    (folder / CARD_JSON).write_text(content, encoding="utf-8")
    # From what was written, so that the text can be made again from the file.
    (folder / CARD_TEXT).write_text(card_text(json.loads(content)), encoding="utf-8")
    manifest = _manifest(shipment, card, options).versioned()
    manifest.write(folder)
    target = folder_of(options.out, manifest)
    shutil.rmtree(target, ignore_errors=True)
    # The manifest comes last: a folder without one is no model.
    shutil.copytree(folder, target, ignore=shutil.ignore_patterns(MANIFEST_NAME))
    manifest.write(target)
    return manifest


def _manifest(shipment: Shipment, card: Card, options: SuggestionOptions) -> Manifest:
    model = shipment.model
    rows, fold = model.inputs.dataset.rows, model.inputs.fold
    trained_to = date.fromisoformat(str(rows.label_ends[fold.calibration].max()))
    return Manifest(
        name=str(card["name"]),
        version="",
        task="suggestion",
        files=describe_files(shipment.folder, [path.name for path in shipment.folder.iterdir()]),
        inputs=tensors_of(shipment.session.get_inputs()),
        outputs=tensors_of(shipment.session.get_outputs()),
        trained_from=date.fromisoformat(str(rows.days[fold.train].min())),
        trained_to=trained_to,
        expires_at=expiry_of(model.inputs.dataset.last_day),
        feature_set=FEATURE_SET,
        timeframe="1d",
        horizon_bars=HORIZON_BARS,
        held_out_symbols=HELD_OUT_SYMBOLS,
        settings=_settings(shipment),
        metrics=headline(card),
        provenance={
            "command": command_of(options),
            "data_files": card["data"]["files"],
            "data_note": options.data_note,
            "data_sha256": card["data"]["sha256"],
            "seed": options.seed,
            "tools": card["tools"],
        },
    )


def _settings(shipment: Shipment) -> dict[str, Any]:  # Any: JSON
    is_sequence = shipment.model.member.kind == "sequence"
    return {
        "input": shipment.model.member.kind,
        "sequence_bars": SEQUENCE_BARS if is_sequence else None,
        "sequence_features": list(SEQUENCE_FEATURES) if is_sequence else None,
        "classes": ["sell", "hold", "buy"],
        "returns": asdict(shipment.returns),
        "min_edge": shipment.model.min_edge,
        "cost_bps_round_trip": COST_BPS_ROUND_TRIP,
        "drift": asdict(shipment.drift.thresholds),
        "weight": 1.0,
    }


def headline(card: Card) -> dict[str, Any]:  # Any: JSON
    """Return the figures a list of models shows: of the hold-out, scored through the shipped graph."""
    skill, money = card["hold_out"]["skill"], card["hold_out"]["money"]
    told = {f"hold_out_{name}": skill[name]["value"] for name in ("direction_auc", "accuracy_frac", "brier_skill")}
    return {
        **told,
        "hold_out_direction_auc_low": skill["direction_auc"]["low"],
        "hold_out_direction_auc_high": skill["direction_auc"]["high"],
        "hold_out_accuracy_base_frac": skill["accuracy_base_frac"],
        "hold_out_ece": skill["ece"]["value"],
        "hold_out_rank_ic": skill["rank_ic"]["value"],
        "hold_out_abstained_frac": money["abstained_frac"],
        "hold_out_mean_trade_bps": money["mean_trade_bps"],
        "parity_max_error": card["parity"]["max_error"],
    }
