"""A small search for the trees' parameters, on the first fold's training rows alone: no test ever takes part.

The last year of those rows judges what the earlier ones taught, with the same purge between them.
"""

from __future__ import annotations

import json
from functools import partial
from typing import Final

import numpy as np
import optuna

from market_data.bars import FloatArray, IntArray
from training.progress import Progress, part_of
from training.suggestion.calibration import softmax
from training.suggestion.checkpoints import Checkpoints
from training.suggestion.fold_inputs import FoldInputs, thinned, with_blanks
from training.suggestion.members import member_of
from training.suggestion.options import TREES, MemberName, SuggestionOptions

_JUDGED_DAYS: Final = 365
Parameters = dict[str, float]


def tune(
    inputs: FoldInputs, options: SuggestionOptions, checkpoints: Checkpoints, progress: Progress
) -> dict[MemberName, Parameters]:
    """Return the parameters of least log loss for each tree member that is asked for, by seeded TPE."""
    names = [name for name in options.members if name in TREES]
    chosen: dict[MemberName, Parameters] = {}
    for i, name in enumerate(names):
        search = partial(_search, name, inputs, options, part_of(progress, i / len(names), (i + 1) / len(names)))
        chosen[name] = json.loads(checkpoints.step(f"tuning-{name}.json", search))
    return chosen


def inner_split(inputs: FoldInputs, options: SuggestionOptions) -> tuple[IntArray, IntArray]:
    """Return the row numbers that teach and those that judge: the last year of the fold's training rows."""
    rows, train = inputs.dataset.rows, inputs.fold.train
    border = rows.days[train].max() - np.timedelta64(_JUDGED_DAYS, "D")
    gap = np.timedelta64(options.embargo_days, "D")
    return train[rows.label_ends[train] < border - gap], train[rows.days[train] >= border]


def log_loss(probabilities: FloatArray, labels: IntArray) -> float:
    """Return the mean of -ln(probability of what came)."""
    return float(-np.log(probabilities[np.arange(len(labels)), labels]).mean())


def _search(name: MemberName, inputs: FoldInputs, options: SuggestionOptions, progress: Progress) -> bytes:
    if options.tuning_trials == 0:
        return b"{}"
    teaching, judging = inner_split(inputs, options)
    rows = inputs.dataset.rows
    teaching = thinned(teaching, at_most=options.tuning_rows, seed=options.seed)
    judging = thinned(judging, at_most=options.tuning_rows, seed=options.seed)
    taught = with_blanks(inputs.of("features", rows.at(teaching)), seed=options.seed)
    judged = inputs.of("features", rows.at(judging))

    def loss(trial: optuna.Trial) -> float:
        progress(trial.number / options.tuning_trials, f"tuning {name}")
        member = member_of(name, options, _suggested(name, trial))
        fitted = member.fit(taught, rows.labels[teaching], seed=options.seed)
        return log_loss(softmax(fitted.logits(judged)), rows.labels[judging])

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=options.seed))
    study.optimize(loss, n_trials=options.tuning_trials)
    return json.dumps(study.best_params, sort_keys=True).encode()


def _suggested(name: MemberName, trial: optuna.Trial) -> Parameters:
    shared = {"learning_rate": trial.suggest_float("learning_rate", 0.01, 0.06, log=True)}
    if name == "lightgbm":
        return {
            **shared,
            "num_leaves": trial.suggest_int("num_leaves", 7, 31),
            "min_child_samples": trial.suggest_int("min_child_samples", 100, 2000, log=True),
            "feature_fraction": trial.suggest_float("feature_fraction", 0.2, 0.8),
            "lambda_l2": trial.suggest_float("lambda_l2", 0.1, 100.0, log=True),
        }
    return {
        **shared,
        "max_depth": trial.suggest_int("max_depth", 2, 5),
        "min_child_weight": trial.suggest_float("min_child_weight", 20.0, 500.0, log=True),
        "colsample_bytree": trial.suggest_float("colsample_bytree", 0.2, 0.8),
        "reg_lambda": trial.suggest_float("reg_lambda", 0.1, 100.0, log=True),
    }
