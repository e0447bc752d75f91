"""Times the shipped sentiment model on one core, beside its float32 self, VADER and the lexicon alone.

Headlines are sentences of our own. CPU seconds stand beside wall seconds: on a machine that others use, the former are
the steadier. The fastest of some runs is told, which is what the machine can do when it is left alone.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

from model_files.manifest import Manifest, folder_of, read_manifests
from model_files.session import open_graph
from sentiment_engine.model import SentimentModel, open_sentiment_model, run_graph
from sentiment_engine.score import score_texts
from sentiment_engine.text import clean, model_input
from training.sentiment.sentences import sentences

if TYPE_CHECKING:
    from training.sentiment.network import Shape

MODELS: Final = Path(__file__).parents[1] / "models"
N_HEADLINES: Final = 1_000
N_RUNS: Final = 5


def main() -> None:
    shipped = [one for one in read_manifests(MODELS) if one.task == "sentiment"]
    if not shipped:
        print("no sentiment model is shipped yet: `make train` writes it")
        return
    texts = sentences(N_HEADLINES, seed=1).texts
    model = open_sentiment_model(folder_of(MODELS, shipped[-1]))
    ids = [parts[0] for parts in model.encoder.chunks([model_input(clean(text)) for text in texts], max_chunks=1)]
    print(f"{model.called}: {N_HEADLINES:,} headlines of {sum(map(len, ids)) / len(ids):.0f} tokens, best of {N_RUNS}")
    whole = _print("int8, whole engine: clean, tokens, model, companies", lambda: score_texts(texts, model))
    _print("int8, tokens and model", lambda: model.probabilities(texts), beside=whole)
    _print("int8, model alone", lambda: run_graph(model.session, ids), beside=whole)
    _print_float(model, ids, whole)
    _print_vader(texts, whole)
    _print("lexicon, whole engine", lambda: score_texts(texts, None), beside=whole)


def _print_float(model: SentimentModel, ids: Sequence[Sequence[int]], whole: float) -> None:
    if find_spec("torch") is None:
        print("  float32: not measured, the extra `train` is not installed")
        return
    from training.sentiment.calibration import Calibration  # noqa: PLC0415 -- loads torch
    from training.sentiment.export import FLOAT_GRAPH_NAME, write_graphs  # noqa: PLC0415 -- loads torch
    from training.sentiment.network import Network  # noqa: PLC0415 -- loads torch

    with tempfile.TemporaryDirectory() as name:
        network = Network(_shape(model.manifest)).eval()  # other weights, the same work
        write_graphs(network, Calibration(temperature=1.0, bias=(0.0, 0.0, 0.0)), Path(name), ids)
        session = open_graph(Path(name) / FLOAT_GRAPH_NAME)
        _print("float32, model alone", lambda: run_graph(session, ids), beside=whole)


def _print_vader(texts: Sequence[str], whole: float) -> None:
    if find_spec("vaderSentiment") is None:
        print("  VADER: not measured, vadersentiment is not installed")
        return
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer  # noqa: PLC0415 -- of the extra `dev`

    analyzer = SentimentIntensityAnalyzer()
    _print("VADER", lambda: [analyzer.polarity_scores(text) for text in texts], beside=whole)


def _shape(manifest: Manifest) -> Shape:
    from training.sentiment.network import Shape  # noqa: PLC0415 -- loads torch

    options = manifest.provenance["options"]
    return Shape(layers=options["layers"], inner=options["inner"], asking=1)


def _print(what: str, run: Callable[[], object], *, beside: float | None = None) -> float:
    """Print and return the headlines a CPU second of the fastest run; `beside` adds the ratio to another's."""
    run()
    wall_s, cpu_s = min((_timed(run) for _ in range(N_RUNS)), key=lambda pair: pair[1])
    rate = N_HEADLINES / cpu_s
    ratio = "" if beside is None else f"   {rate / beside:6.2f} x"
    print(f"  {what:52} {rate:9,.0f} a CPU second {N_HEADLINES / wall_s:9,.0f} a second{ratio}")
    return rate


def _timed(run: Callable[[], object]) -> tuple[float, float]:
    wall_s, cpu_s = time.perf_counter(), time.process_time()
    run()
    return time.perf_counter() - wall_s, time.process_time() - cpu_s


if __name__ == "__main__":
    main()
