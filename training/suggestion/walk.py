"""The walk forward: each fold's model fitted, calibrated on the year after, and asked about the slice after that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from market_data.bars import FloatArray
from training.progress import Progress
from training.suggestion.calibration import Calibration, fit_calibration
from training.suggestion.checkpoints import Checkpoints
from training.suggestion.economics import choose_min_edge
from training.suggestion.export import float32_calibration
from training.suggestion.fold_inputs import FoldInputs, thinned, with_blanks
from training.suggestion.judgement import Scored, class_shares, edge_of, scored
from training.suggestion.members import Fitted, Member
from training.suggestion.members.member import Float32Array
from training.suggestion.options import TREES, SuggestionOptions
from training.suggestion.splits import Fold


@dataclass(frozen=True, kw_only=True, eq=False)
class FoldModel:
    """A fitted, calibrated member and what its slices said: class shares, the least edge that paid (or a default)."""

    member: Member
    inputs: FoldInputs
    fitted: Fitted
    calibration: Calibration
    base: FloatArray
    min_edge: float
    edge_paid: bool
    n_train: int

    def probabilities(self, inputs: Float32Array) -> FloatArray:
        """Return the source model's calibrated probabilities, shape (n, 3)."""
        return self.calibration.probabilities(self.fitted.logits(inputs))


@dataclass(frozen=True, kw_only=True, eq=False)
class Walk:
    """A member's walk: its test slices before the hold-out as scored by fold models, and the last fold's model."""

    member: Member
    tests: tuple[Scored, ...]
    last: FoldModel


def walk(
    member: Member,
    folds: Sequence[FoldInputs],
    options: SuggestionOptions,
    checkpoints: Checkpoints,
    progress: Progress,
) -> Walk:
    """Return the member's walk over the folds, the last of which is the hold-out's."""
    tests: list[Scored] = []
    model: FoldModel | None = None
    for i, inputs in enumerate(folds):
        is_last = i == len(folds) - 1
        progress(i / len(folds), f"{member.name}, test from {inputs.fold.name}")
        if model is None or is_refitted(member, i, n_folds=len(folds), every=options.network_every):
            model = fit_fold(member, inputs, options, checkpoints)
        if not is_last:
            tests.append(_tested(model, inputs.fold))
    if model is None:
        raise ValueError("a walk needs at least one fold, there was none")
    return Walk(member=member, tests=tuple(tests), last=model)


def is_refitted(member: Member, i: int, *, n_folds: int, every: int) -> bool:
    """Tell whether fold `i` gets a model of its own: trees always, networks one fold in `every`, the last included."""
    return member.name in TREES or (n_folds - 1 - i) % every == 0


def fit_fold(member: Member, inputs: FoldInputs, options: SuggestionOptions, checkpoints: Checkpoints) -> FoldModel:
    """Return the fold's model, from its checkpoint when there is one."""
    rows, fold = inputs.dataset.rows, inputs.fold
    at_most = options.tree_rows if member.kind == "features" else options.network_rows
    train = thinned(fold.train, at_most=at_most, seed=options.seed)

    def fit() -> bytes:
        taught = with_blanks(inputs.of(member.kind, rows.at(train)), seed=options.seed)
        return member.fit(taught, rows.labels[train], seed=options.seed).dump()

    fitted = member.load(checkpoints.step(f"{member.name}-{fold.name}.bin", fit))
    later = rows.at(fold.calibration)
    logits = fitted.logits(inputs.of(member.kind, later))
    calibration = float32_calibration(fit_calibration(logits, later.labels))
    edge = edge_of(calibration.probabilities(logits))
    min_edge, edge_paid = choose_min_edge(edge, later.barrier_frac, later.days)
    return FoldModel(
        member=member,
        inputs=inputs,
        fitted=fitted,
        calibration=calibration,
        base=class_shares(rows.at(fold.train)),
        min_edge=min_edge,
        edge_paid=edge_paid,
        n_train=len(train),
    )


def _tested(model: FoldModel, fold: Fold) -> Scored:
    rows = model.inputs.dataset.rows.at(fold.test)
    said = model.probabilities(model.inputs.of(model.member.kind, rows))
    return scored(rows, said, base=model.base, min_edge=model.min_edge)
