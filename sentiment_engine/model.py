"""The sentiment model: a graph, its tokenizer and its settings, opened from a folder that is what its manifest says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Final

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from model_files.errors import ModelRefused
from model_files.manifest import Manifest, read_manifest
from model_files.session import open_model
from sentiment_engine.score import LABELS
from sentiment_engine.text import model_input
from sentiment_engine.tokens import TOKENIZER_NAME, TokenEncoder, read_tokenizer

MAX_CHUNKS: Final = 16
_BATCH_ROWS: Final = 32
_BATCH_TOKENS: Final = 1_024


@dataclass(frozen=True)
class SentimentModel:
    """An open model. Its session belongs to the process that opened it."""

    manifest: Manifest
    session: ort.InferenceSession
    encoder: TokenEncoder
    blend: float

    @property
    def called(self) -> str:
        """Return name and version, as scores carry them."""
        return f"{self.manifest.name} {self.manifest.version}"

    def readable(self, cleaned: str) -> str:
        """Return the start of a cleaned text that is read: all of it, or its first 16 chunks up to a word's end."""
        if self.encoder.surely_fits(cleaned, max_chunks=MAX_CHUNKS):  # what the model is shown is never longer
            return cleaned
        end = self.encoder.readable_chars(model_input(cleaned), max_chunks=MAX_CHUNKS)
        return cleaned if end is None else cleaned[:end].rsplit(" ", 1)[0]

    def probabilities(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Return calibrated probabilities of cleaned texts, [texts, 3]: negative, neutral, positive; rows sum to 1.

        Texts are run in batches of like length, at most 32 rows and 1,024 tokens. The graph's scales are fixed, so a
        text's probabilities do not depend on what it is batched with. Of a text only what `readable` returns is read.
        """
        chunks = self.encoder.chunks([model_input(text) for text in texts], max_chunks=MAX_CHUNKS)
        owners = [row for row, parts in enumerate(chunks) for _ in parts]
        ids = [part for parts in chunks for part in parts]
        weights = np.array([len(part) for part in ids], dtype=np.float64)[:, None]
        summed = np.zeros((len(texts), len(LABELS)))
        np.add.at(summed, owners, weights * run_graph(self.session, ids))
        mean: NDArray[np.float64] = summed / summed.sum(axis=1, keepdims=True)
        return mean


def open_sentiment_model(folder: Path) -> SentimentModel:
    """Return the model in `folder`; ModelRefused when a file is missing, changed or of another shape than promised."""
    manifest = read_manifest(folder)
    if manifest.task != "sentiment":
        raise ModelRefused(f"{manifest.name}: the task must be sentiment, it was {manifest.task}")
    if tuple(manifest.settings.get("labels", ())) != LABELS:
        raise ModelRefused(f"{manifest.name}: labels must be {LABELS}, they were {manifest.settings.get('labels')}")
    session = open_model(folder, manifest)
    told = manifest.read(folder, TOKENIZER_NAME)
    try:
        max_tokens, blend = int(manifest.settings["max_tokens"]), float(manifest.settings["blend"])
    except (KeyError, TypeError, ValueError) as error:
        raise ModelRefused(f"{manifest.name}: settings must hold max_tokens and blend: {error!r}") from error
    return SentimentModel(manifest, session, TokenEncoder(read_tokenizer(told), max_tokens), blend)


def run_graph(session: ort.InferenceSession, ids: Sequence[Sequence[int]]) -> NDArray[np.float64]:
    """Return a graph's probabilities, [rows, 3], in the order of `ids`: rows of token ids with their marks."""
    out = np.zeros((len(ids), len(LABELS)))
    order = sorted(range(len(ids)), key=lambda row: len(ids[row]))
    start = 0
    while start < len(order):
        rows = order[start : start + _BATCH_ROWS]
        rows = rows[: max(1, _BATCH_TOKENS // len(ids[rows[-1]]))]
        out[rows] = session.run(["probabilities"], padded([ids[row] for row in rows]))[0]
        start += len(rows)
    return out


def padded(ids: Sequence[Sequence[int]]) -> dict[str, NDArray[np.int64]]:
    """Return a graph's inputs, [rows, longest], for rows of token ids: zeros fill up, and the mask leaves them out."""
    lengths = np.array([len(row) for row in ids])
    mask = np.arange(lengths.max())[None, :] < lengths[:, None]
    tokens = np.zeros(mask.shape, dtype=np.int64)
    tokens[mask] = np.fromiter(chain.from_iterable(ids), dtype=np.int64, count=int(lengths.sum()))
    return {"input_ids": tokens, "attention_mask": mask.astype(np.int64)}
