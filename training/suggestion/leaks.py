"""Tests that should find nothing: where they find something, knowledge of the future has leaked into the rows.

shuffled labels    a model taught labels dealt out anew must not know up from down: AUC near 0.5
reversed time      a model taught the years after a test slice has as little to know: above 0.56 is suspected as below.
                   It is not compared with the model taught the years before; one year's AUC strays too far for that
too good           honest direction AUC on daily bars is 0.51 to 0.53; above 0.56 is a leak until shown otherwise, for
                   each member and for their ensemble, over all test years and on the hold-out
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from functools import partial
from typing import Final

import numpy as np

from market_data.bars import FloatArray, IntArray
from training.suggestion.calibration import HOLD, softmax
from training.suggestion.checkpoints import Checkpoints
from training.suggestion.fold_inputs import FoldInputs, thinned
from training.suggestion.judgement import edge_of
from training.suggestion.members import Member
from training.suggestion.members.member import Float32Array
from training.suggestion.metrics import auc
from training.suggestion.options import SuggestionOptions

SUSPECTED_AUC: Final = 0.56
SHUFFLED_GAP: Final = 0.03
_LEAK_ROWS: Final = 40_000
_SHUFFLES: Final = 3


@dataclass(frozen=True, kw_only=True)
class LeakTests:
    """AUC of direction: on the last fold with labels shuffled (each shuffle), and on the first fold's test slice by a
    model of the years after it (None when there are no rows that late)."""

    shuffled_aucs: tuple[float, ...]
    reversed_auc: float | None

    @property
    def shuffled_mean_auc(self) -> float:
        return float(np.mean(self.shuffled_aucs))


def suspicions(tests: LeakTests, *, walk_forward_auc: float | None, hold_out_auc: float | None) -> tuple[str, ...]:
    """Return what looks like a leak, in words; nothing when all is as it should be."""
    found = []
    if abs(tests.shuffled_mean_auc - 0.5) > SHUFFLED_GAP:
        found.append(f"shuffled labels must give an AUC of 0.5 +- {SHUFFLED_GAP}, it was {tests.shuffled_mean_auc:.4f}")
    measured = {
        "reversed time": tests.reversed_auc,
        "walk-forward": walk_forward_auc,
        "hold-out": hold_out_auc,
    }
    found += [
        f"direction AUC above {SUSPECTED_AUC} is taken for a leak, {what} was {value:.4f}"
        for what, value in measured.items()
        if value is not None and value > SUSPECTED_AUC
    ]
    return tuple(found)


def leak_tests(
    member: Member, first: FoldInputs, last: FoldInputs, options: SuggestionOptions, checkpoints: Checkpoints
) -> LeakTests:
    """Return the tests' figures, measured with a tree member."""
    content = checkpoints.step(f"leaks-{member.name}.json", partial(_measured, member, first, last, options))
    plain = json.loads(content)
    return LeakTests(shuffled_aucs=tuple(plain["shuffled_aucs"]), reversed_auc=plain["reversed_auc"])


def direction_auc(
    member: Member,
    *,
    train: Float32Array,
    train_labels: IntArray,
    test: Float32Array,
    test_labels: IntArray,
    seed: int,
) -> float:
    """Return the AUC of direction on `test` of a member fitted to `train`."""
    edge: FloatArray = edge_of(softmax(member.fit(train, train_labels, seed=seed).logits(test)))
    moved = test_labels != HOLD
    return auc(edge[moved], (test_labels[moved] > HOLD).astype(np.int64))


def _measured(member: Member, first: FoldInputs, last: FoldInputs, options: SuggestionOptions) -> bytes:
    rows = last.dataset.rows
    taught = thinned(last.fold.train, at_most=_LEAK_ROWS, seed=options.seed)
    train, test = last.of("features", rows.at(taught)), last.of("features", rows.at(last.fold.test))
    shuffled = [
        direction_auc(
            member,
            train=train,
            train_labels=np.random.default_rng(options.seed + i).permutation(rows.labels[taught]),
            test=test,
            test_labels=rows.labels[last.fold.test],
            seed=options.seed,
        )
        for i in range(_SHUFFLES)
    ]
    tests = LeakTests(shuffled_aucs=tuple(shuffled), reversed_auc=_reversed_auc(member, first, options))
    return json.dumps(asdict(tests)).encode()


def _reversed_auc(member: Member, first: FoldInputs, options: SuggestionOptions) -> float | None:
    rows, test = first.dataset.rows, first.fold.test
    border = rows.label_ends[test].max() + np.timedelta64(options.embargo_days, "D")
    later = np.flatnonzero(rows.days > border)
    if len(later) == 0:
        return None
    taught = thinned(later, at_most=_LEAK_ROWS, seed=options.seed)
    return direction_auc(
        member,
        train=first.of("features", rows.at(taught)),
        train_labels=rows.labels[taught],
        test=first.of("features", rows.at(test)),
        test_labels=rows.labels[test],
        seed=options.seed,
    )
