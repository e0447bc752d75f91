"""Temperature, bias and blend, chosen on the slice of the training tweets that nothing was fitted to.

Fitting weighs rare labels up, and our own sentences hold more of them than news does, so the network says "positive"
and "negative" too readily. Vector scaling with one slope puts that right: probabilities = softmax(logits / temperature
+ bias). Guo et al. (2017), "On Calibration of Modern Neural Networks".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sentiment_engine.lexicon import LexiconScore
from sentiment_engine.score import blended, lexicon_shares
from training.sentiment.fitting import softmax
from training.sentiment.metrics import measure

# The lexicon may tip a doubtful judgement and not overturn a sure one: its say ends at one unit of log odds.
BLENDS: Final = (0.0, 0.25, 0.5, 0.75, 1.0)
F1_GIVEN_UP: Final = 0.005
_N_STEPS: Final = 200
_ROUNDED: Final = 4


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """What turns logits into probabilities; the bias is of negative, neutral, positive and sums to about 0."""

    temperature: float
    bias: tuple[float, float, float]

    def applied(self, logits: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return probabilities, [rows, 3], of logits [rows, 3]."""
        return softmax(logits / self.temperature + np.array(self.bias))


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A blend with the calibration that suits it best, and what both score on the slice."""

    blend: float
    calibration: Calibration
    macro_f1: float
    nll: float

    def to_json(self) -> dict[str, object]:
        return asdict(self)


def candidates(
    logits: NDArray[np.float32], lexicon: Sequence[LexiconScore], labels: Sequence[int]
) -> tuple[Candidate, ...]:
    """Return each blend with the calibration that minimises the slice's negative log likelihood."""
    return tuple(_candidate(blend, logits, lexicon, labels) for blend in BLENDS)


def chosen(tried: Sequence[Candidate]) -> Candidate:
    """Return the largest blend whose macro F1 is at most 0.005 below the best one's.

    The slice holds tweets, on which the model was fitted and which the lexicon has never seen. What the lexicon costs
    nothing at home it is likely to bring abroad, where the model meets words it was not taught.
    """
    best = max(one.macro_f1 for one in tried)
    return max((one for one in tried if one.macro_f1 >= best - F1_GIVEN_UP), key=lambda one: one.blend)


def _candidate(
    blend: float, logits: NDArray[np.float32], lexicon: Sequence[LexiconScore], labels: Sequence[int]
) -> Candidate:
    calibration = _fitted(logits, blend * lexicon_shares(lexicon), labels)
    found = measure(labels, blended(calibration.applied(logits), lexicon, blend))
    return Candidate(blend=blend, calibration=calibration, macro_f1=found.macro_f1, nll=found.nll)


def _fitted(logits: NDArray[np.float32], added: NDArray[np.float64], labels: Sequence[int]) -> Calibration:
    """Return the calibration of least negative log likelihood, given what the lexicon adds."""
    slope = torch.ones(1, dtype=torch.float64, requires_grad=True)
    bias = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    told = torch.tensor(labels)
    shown, said = torch.from_numpy(logits.astype(np.float64)), torch.from_numpy(added)
    search = torch.optim.LBFGS([slope, bias], max_iter=_N_STEPS, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        search.zero_grad()
        value = nn.functional.cross_entropy(shown * slope + bias + said, told)
        value.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        return value

    search.step(loss)  # type: ignore[no-untyped-call]  # torch leaves it untyped
    centred = (bias - bias.mean()).detach().numpy().round(_ROUNDED).tolist()
    temperature = round(1.0 / max(float(slope.detach()), 1e-3), _ROUNDED)
    return Calibration(temperature=temperature, bias=(centred[0], centred[1], centred[2]))
