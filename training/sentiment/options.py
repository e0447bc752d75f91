"""What a training run of the sentiment model is given."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from market_data.errors import require
from training.sentiment.network import BASE_INNER, BASE_LAYERS, Shape


@dataclass(frozen=True, kw_only=True)
class SentimentOptions:
    """Where the data is, and how the model is fitted. `work` and `out` change nothing in the model.

    tweets: folder with train.csv and valid.csv (columns text, label); valid is only measured on.
    finentity: csv with columns text, entity, label, single_sentiment; only measured on; None leaves it out.
    inner: units of each feed-forward step of the network that ships; the base has 1,536.
    teacher_layers: layers of the network whose judgement the shipped one learns from; 0 learns from the labels alone.
    n_sentences: sentences of our own (`sentences.py`) added to the tweets.
    slice_frac: share of the training tweets kept back for early stopping, temperature and blend.
    max_rows: at most so many training tweets, the same share of each label; None takes all.
    """

    tweets: Path
    out: Path
    work: Path
    finentity: Path | None = None
    seed: int = 20_221_231
    layers: int = 3
    inner: int = 896
    epochs: int = 4
    teacher_layers: int = 6
    teacher_epochs: int = 3
    learning_rate: float = 8e-5
    batch_rows: int = 32
    max_tokens: int = 64
    slice_frac: float = 0.1
    n_sentences: int = 2400
    max_rows: int | None = None

    def __post_init__(self) -> None:
        require(1 <= self.layers <= BASE_LAYERS, f"layers must be 1 to {BASE_LAYERS}, it was {self.layers}")
        require(
            0 <= self.teacher_layers <= BASE_LAYERS,
            f"teacher_layers must be 0 to {BASE_LAYERS}, it was {self.teacher_layers}",
        )
        require(
            self.teacher_layers == 0 or self.layers <= self.teacher_layers,
            f"layers must be at most teacher_layers, {self.teacher_layers}, it was {self.layers}",
        )
        require(1 <= self.inner <= BASE_INNER, f"inner must be 1 to {BASE_INNER}, it was {self.inner}")
        require(self.epochs >= 1, f"epochs must be 1 or more, it was {self.epochs}")
        require(self.teacher_epochs >= 1, f"teacher_epochs must be 1 or more, it was {self.teacher_epochs}")
        require(0 < self.slice_frac < 1, f"slice_frac must lie between 0 and 1, it was {self.slice_frac}")
        require(0 < self.learning_rate < 1, f"learning_rate must lie between 0 and 1, it was {self.learning_rate}")

    def shape(self) -> Shape:
        """Return what the network that ships is built of."""
        return Shape(layers=self.layers, inner=self.inner, asking=1)

    def told(self) -> dict[str, object]:
        """Return what decides the result, as JSON: everything but where files are."""
        return {key: value for key, value in asdict(self).items() if key not in {"tweets", "finentity", "out", "work"}}
