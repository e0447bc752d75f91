"""Why a member leans the way it does: the features that move its score of buying over selling the most.

tree_shap   LightGBM's own TreeSHAP (Lundberg et al. 2020, Nature MI 2) on the raw scores before calibration: the
            contributions and the bias add up to the score exactly
occlusion   for other models: how far p_buy - p_sell falls when a feature is put at its median in the model's
            reference universe (Zeiler and Fergus 2014). It does not add up, and it is called what it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from market_data.bars import FloatArray
from suggestion_engine.feature_registry import FEATURE_NAMES, FEATURES
from suggestion_engine.member import BUY, SELL, Float32Array, Member

Method = Literal["tree_shap", "occlusion"]

TOP: Final = 5
_BY_NAME: Final = {feature.name: feature for feature in FEATURES}


@dataclass(frozen=True, kw_only=True)
class FeatureShare:
    """What one feature adds to the score of buying over selling. `value` is None where the feature is not defined."""

    feature: str
    value: float | None
    contribution: float
    text: str


@dataclass(frozen=True)
class Explanation:
    model: str
    method: Method
    features: tuple[FeatureShare, ...]


def explain(member: Member, window: FloatArray, *, top: int = TOP) -> Explanation:
    """Return the `top` features of a member's answer about one symbol, the strongest first.

    window: raw features, shape (rows, len(RAW_FEATURES)), the newest row last. About 4 ms for the trees' own method,
    one batch of as many rows as there are features for the other.
    """
    inputs = member.inputs(window[np.newaxis])
    if member.has_booster:
        contributions = tree_contributions(member, inputs)[:-1]
        return Explanation(member.name, "tree_shap", _strongest(member, inputs[0], contributions, top))
    newest = inputs[0, -1] if member.settings.input == "sequence" else inputs[0]
    return Explanation(member.name, "occlusion", _strongest(member, newest, occlusion(member, inputs), top))


def tree_contributions(member: Member, inputs: Float32Array) -> FloatArray:
    """Return what each feature and then the bias add to score(buy) - score(sell) of one row, shape (features + 1,)."""
    by_class = member.booster.contributions(inputs[0].astype(np.float64))
    difference: FloatArray = by_class[BUY] - by_class[SELL]
    return difference


def occlusion(member: Member, inputs: Float32Array) -> FloatArray:
    """Return how much of p_buy - p_sell each feature (or channel, over all its bars) is worth, shape (features,).

    inputs: what the graph takes for one symbol, shape (1, features) or (1, bars, channels).
    """
    middle = medians(member)
    n_features = inputs.shape[-1]
    batch = np.repeat(inputs, n_features + 1, axis=0)
    for column in range(n_features):
        batch[column + 1, ..., column] = middle[column]
    probabilities = member.probabilities(batch)
    edges = probabilities[:, BUY] - probabilities[:, SELL]
    worth: FloatArray = edges[0] - edges[1:]
    return worth


def medians(member: Member) -> NDArray[np.float32]:
    """Return the reference universe's median of each input feature; of a rank that is 1/2."""
    names, known = _input_names(member), member.reference.feature_names
    middle = member.reference.quantiles.shape[1] // 2
    values = [
        0.5 if name not in known else float(member.reference.quantiles[known.index(name), middle]) for name in names
    ]
    return np.array(values, dtype=np.float32)


def _input_names(member: Member) -> tuple[str, ...]:
    return member.settings.sequence_features if member.settings.input == "sequence" else FEATURE_NAMES


def _strongest(member: Member, values: Float32Array, contributions: FloatArray, top: int) -> tuple[FeatureShare, ...]:
    names = _input_names(member)
    order = sorted(range(len(names)), key=lambda i: (-abs(contributions[i]), names[i]))[:top]
    return tuple(
        _share(member, names[i], float(values[i]), float(contributions[i])) for i in order if contributions[i] != 0.0
    )


def _share(member: Member, name: str, value: float, contribution: float) -> FeatureShare:
    side = "buying" if contribution > 0 else "selling"
    is_known = bool(np.isfinite(value))
    told = f"is {value:.4g}{_standing(member, name, value)}" if is_known else "is not defined on this bar"
    return FeatureShare(
        feature=name,
        value=value if is_known else None,
        contribution=contribution,
        text=f"{name} ({_BY_NAME[name].definition}) {told}; it speaks for {side}",
    )


def _standing(member: Member, name: str, value: float) -> str:
    """Return where a value stands in the model's reference universe; a rank says so itself."""
    if name not in member.reference.feature_names:
        return f", higher than {value:.0%} of the reference"
    share = float(member.reference.percentile(np.array([value], dtype=np.float64), name)[0])
    return f", higher than {share:.0%} of the reference" if np.isfinite(share) else ""
