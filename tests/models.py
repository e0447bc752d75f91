"""Small suggestion models for tests: real graphs, universes and manifests, with weights that a test chooses."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from market_data.bars import Bars
from model_files import Manifest, TensorSpec
from model_files.manifest import describe_files, folder_of
from suggestion_engine.feature_registry import FEATURE_NAMES, FEATURE_SET
from suggestion_engine.features import raw_features
from suggestion_engine.reference import Reference, build_reference

DAY_NS = 86_400 * 10**9
CHANNELS = ("return_1", "vol_20", "rank_return_5")
SEQUENCE_BARS = 8
SETTINGS: Mapping[str, Any] = {
    "input": "features",
    "classes": ["sell", "hold", "buy"],
    "returns": {
        "up_atr": 1.9,
        "flat_atr": 0.1,
        "down_atr": -1.9,
        "residual_q10_atr": -2.0,
        "residual_q90_atr": 2.0,
    },
    "min_edge": 0.05,
    "cost_bps_round_trip": 20,
    "drift": {"psi_max": 1e6, "dissimilarity_max": 1e6},
    "weight": 1.0,
}


def walk(symbol: str = "WALK", *, seed: int = 1, count: int = 700, first: str = "2020-01-01") -> Bars:
    """Return a random walk of daily bars."""
    rng = np.random.default_rng(seed)
    closes = 100 * np.exp(np.cumsum(rng.normal(0, 0.012, count)))
    opens = closes * np.exp(rng.normal(0, 0.006, count))
    start = int(np.datetime64(first, "ns").astype(np.int64))
    return Bars.from_arrays(
        symbol=symbol,
        timeframe="1d",
        time=start + np.arange(count, dtype=np.int64) * DAY_NS,
        open=opens,
        high=np.maximum(opens, closes) * np.exp(np.abs(rng.normal(0, 0.004, count))),
        low=np.minimum(opens, closes) * np.exp(-np.abs(rng.normal(0, 0.004, count))),
        close=closes,
        volume=rng.integers(1_000, 9_000, count).astype(np.float64),
    )


@cache
def universe() -> Reference:
    """Return the universe of a few random walks."""
    return build_reference(np.vstack([raw_features(walk(seed=seed))[260:] for seed in range(3)]), seed=0)


def write_model(
    root: Path,
    name: str = "suggestion-tiny",
    *,
    lean: float = 0.0,
    weights: Mapping[str, float] | None = None,
    settings: Mapping[str, Any] | None = None,
    extra_files: Mapping[str, str] | None = None,
    reference: Reference | None = None,
    **manifest: Any,
) -> tuple[Path, Manifest]:
    """Write a model below `root`; return its folder and manifest.

    It answers softmax((-s, 0, s)) with s = lean + weights * inputs (by feature; NaN counts as 0), a sequence model
    with the mean over its bars.
    """
    told = {**SETTINGS, **(settings or {})}
    is_sequence = told["input"] == "sequence"
    if is_sequence:
        told = {"sequence_bars": SEQUENCE_BARS, "sequence_features": list(CHANNELS), **told}
    names: Sequence[str] = told["sequence_features"] if is_sequence else FEATURE_NAMES
    shape = (None, told["sequence_bars"], len(names)) if is_sequence else (None, len(names))
    draft = root / "draft"
    draft.mkdir(parents=True, exist_ok=True)
    slopes = np.array([(weights or {}).get(one, 0.0) for one in names], dtype=np.float32)
    (draft / "model.onnx").write_bytes(graph(shape, slopes, lean))
    (reference or universe()).save(draft / "reference.npz")
    for file, text in (extra_files or {}).items():
        (draft / file).write_text(text, encoding="utf-8")
    described = Manifest(
        name=name,
        version="",
        task="suggestion",
        files=describe_files(draft, ["model.onnx", "reference.npz", *(extra_files or {})]),
        inputs=(TensorSpec(name=told["input"], dtype="float32", shape=shape),),
        outputs=(TensorSpec(name="probabilities", dtype="float32", shape=(None, 3)),),
        trained_from=date(2000, 1, 3),
        trained_to=date(2015, 12, 31),
        expires_at=date(2999, 12, 31),
        feature_set=FEATURE_SET,
        timeframe="1d",
        horizon_bars=10,
        settings=told,
    )
    versioned = replace(described, **manifest).versioned()
    versioned.write(draft)
    folder = folder_of(root, versioned)
    folder.parent.mkdir(parents=True, exist_ok=True)
    return draft.rename(folder), versioned


def graph(shape: tuple[int | None, ...], slopes: np.ndarray, lean: float) -> bytes:
    """Return the ONNX graph of `write_model`."""
    dims = ["N", *shape[1:]]
    given = "sequence" if len(shape) == 3 else "features"
    columns = np.stack([-slopes, np.zeros_like(slopes), slopes], axis=1)
    bias = np.array([-lean, 0.0, lean], dtype=np.float32)
    constants = {"zero": np.float32(0.0), "columns": columns, "bias": bias, "axes": np.array([1], dtype=np.int64)}
    row = "known"
    nodes = [
        helper.make_node("IsNaN", [given], ["missing"]),
        helper.make_node("Where", ["missing", "zero", given], ["known"]),
    ]
    if len(shape) == 3:
        nodes.append(helper.make_node("ReduceMean", ["known", "axes"], ["mean"], keepdims=0))
        row = "mean"
    else:
        del constants["axes"]
    nodes += [
        helper.make_node("MatMul", [row, "columns"], ["score"]),
        helper.make_node("Add", ["score", "bias"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
    ]
    made = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info(given, TensorProto.FLOAT, dims)],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["N", 3])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(model)
    return model.SerializeToString()
