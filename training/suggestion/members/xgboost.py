"""Gradient-boosted trees by XGBoost."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
import onnx
import onnxmltools
import xgboost as xgb
from onnxmltools.convert.common.data_types import FloatTensorType

from market_data.bars import FloatArray, IntArray
from training.suggestion.export import CONVERTER_OPSET, tree_graph
from training.suggestion.members.member import Float32Array, InputKind

_FIXED: Final = {
    "objective": "multi:softprob",
    "num_class": 3,
    "nthread": 1,
    "tree_method": "hist",
    "max_bin": 128,
    "verbosity": 0,
}
_DEFAULTS: Final = {
    "learning_rate": 0.03,
    "max_depth": 5,
    "min_child_weight": 150.0,
    "colsample_bytree": 0.5,
    "subsample": 0.6,
    "reg_lambda": 10.0,
}


@dataclass(frozen=True, kw_only=True)
class XgboostMember:
    """`rounds` boosting rounds of three trees each; `tuned` goes over the defaults."""

    rounds: int
    tuned: dict[str, float] = field(default_factory=dict)
    name: str = "xgboost"
    kind: InputKind = "features"

    @property
    def settings(self) -> dict[str, float | int | str]:
        return {"rounds": self.rounds, "max_bin": 128, **_DEFAULTS, **self.tuned}

    def fit(self, inputs: Float32Array, labels: IntArray, *, seed: int) -> FittedXgboost:
        parameters = {**_FIXED, **_DEFAULTS, **self.tuned, "seed": seed}
        data = xgb.QuantileDMatrix(inputs, labels, max_bin=int(str(_FIXED["max_bin"])), nthread=1)
        return FittedXgboost(xgb.train(parameters, data, num_boost_round=self.rounds))

    def load(self, content: bytes) -> FittedXgboost:
        booster = xgb.Booster({"nthread": 1})
        booster.load_model(bytearray(content))
        return FittedXgboost(booster)


class FittedXgboost:
    def __init__(self, booster: xgb.Booster) -> None:
        self._booster = booster

    def logits(self, inputs: Float32Array) -> FloatArray:
        margins: FloatArray = np.asarray(
            self._booster.predict(xgb.DMatrix(inputs, nthread=1), output_margin=True), dtype=np.float64
        )
        return margins

    def dump(self) -> bytes:
        return bytes(self._booster.save_raw("ubj"))

    def graph(self) -> onnx.ModelProto:
        n_features = self._booster.num_features()
        return tree_graph(
            onnxmltools.convert_xgboost(
                self._booster,
                initial_types=[("features", FloatTensorType([None, n_features]))],
                target_opset=CONVERTER_OPSET,
            ),
            n_features,
        )
