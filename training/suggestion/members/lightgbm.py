"""Gradient-boosted trees by LightGBM."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

import lightgbm as lgb
import numpy as np
import onnx
import onnxmltools
from onnxmltools.convert.common.data_types import FloatTensorType

from market_data.bars import FloatArray, IntArray
from training.suggestion.export import CONVERTER_OPSET, tree_graph
from training.suggestion.members.member import Float32Array, InputKind

_FIXED: Final = {
    "objective": "multiclass",
    "num_class": 3,
    "num_threads": 1,
    "deterministic": True,
    "force_row_wise": True,
    "verbose": -1,
    "max_bin": 127,
    "bagging_freq": 1,
}
_DEFAULTS: Final = {
    "learning_rate": 0.03,
    "num_leaves": 31,
    "min_child_samples": 500,
    "feature_fraction": 0.5,
    "bagging_fraction": 0.6,
    "lambda_l2": 10.0,
}


@dataclass(frozen=True, kw_only=True)
class LightgbmMember:
    """`rounds` boosting rounds of three trees each; `tuned` goes over the defaults."""

    rounds: int
    tuned: dict[str, float] = field(default_factory=dict)
    name: str = "lightgbm"
    kind: InputKind = "features"

    @property
    def settings(self) -> dict[str, float | int | str]:
        return {"rounds": self.rounds, "max_bin": 127, **_DEFAULTS, **self.tuned}

    def fit(self, inputs: Float32Array, labels: IntArray, *, seed: int) -> FittedLightgbm:
        parameters = {**_FIXED, **_DEFAULTS, **self.tuned, "seed": seed}
        booster = lgb.train(parameters, lgb.Dataset(inputs, labels), num_boost_round=self.rounds)
        lowered = lgb.Booster(model_str=_with_float32_thresholds(booster.model_to_string()))
        return self.load(lowered.model_to_string().encode())

    def load(self, content: bytes) -> FittedLightgbm:
        return FittedLightgbm(content.decode())


class FittedLightgbm:
    def __init__(self, text: str) -> None:
        self._text = text
        self._booster = lgb.Booster(model_str=text)

    def logits(self, inputs: Float32Array) -> FloatArray:
        raw: FloatArray = np.asarray(self._booster.predict(inputs, raw_score=True, num_threads=1), dtype=np.float64)
        return raw

    def dump(self) -> bytes:
        return self._text.encode()

    def graph(self) -> onnx.ModelProto:
        n_features = self._booster.num_feature()
        return tree_graph(
            onnxmltools.convert_lightgbm(
                self._booster,
                initial_types=[("features", FloatTensorType([None, n_features]))],
                zipmap=False,
                target_opset=CONVERTER_OPSET,
            ),
            n_features,
        )


def _with_float32_thresholds(text: str) -> str:
    """Return the model with each threshold lowered to a float32.

    ONNX holds thresholds as float32. For a float32 x, `x <= t` says the same as `x <= (largest float32 <= t)`, so
    this changes no answer here, while rounding to the nearest would change some there. The header's `tree_sizes`
    would be wrong after it; without them the trees are read one by one.
    """
    unsized = re.sub(r"^tree_sizes=.*\n", "", text, flags=re.MULTILINE)
    return re.sub(r"^threshold=(.*)$", _lowered, unsized, flags=re.MULTILINE)


def _lowered(line: re.Match[str]) -> str:
    exact = np.array([float(word) for word in line[1].split()])
    nearest = exact.astype(np.float32)
    lowered = np.where(nearest > exact, np.nextafter(nearest, np.float32(-np.inf)), nearest)
    return "threshold=" + " ".join(repr(float(value)) for value in lowered)
