"""The steps between the data and a fitted network: rows of tokens, the teacher, the network that ships."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from sentiment_engine.lexicon import lexicon_score
from sentiment_engine.text import clean
from sentiment_engine.tokens import TOKENIZER_NAME, TokenEncoder, read_tokenizer
from training.progress import Progress, part_of
from training.sentiment.calibration import candidates, chosen
from training.sentiment.fitting import Plan, Rows, fit, logits_of
from training.sentiment.network import Network, Shape, base_file, pretrained
from training.sentiment.options import SentimentOptions
from training.sentiment.sentences import sentences
from training.sentiment.shrinking import shrunk
from training.sentiment.tweets import Texts, once, read_tweets, split, thinned

TRAIN_NAME: Final = "train.csv"
VALID_NAME: Final = "valid.csv"
Role = Literal["teacher", "student"]
_OF_STUDENT: Final = frozenset({"layers", "inner", "epochs"})


@dataclass(frozen=True, kw_only=True)
class Data:
    """The texts as they are used: `fitted` and `kept_back` from the training file of tweets, `valid` to measure on.

    `own` are sentences of ours, fitted to beside the tweets.
    """

    fitted: Texts
    own: Texts
    kept_back: Texts
    valid: Texts
    n_repeated: int


def read_data(options: SentimentOptions) -> Data:
    valid = read_tweets(options.tweets / VALID_NAME)
    everything = read_tweets(options.tweets / TRAIN_NAME)
    train = once(everything, without=valid)
    fitted, kept_back = split(
        thinned(train, options.max_rows, seed=options.seed), options.slice_frac, seed=options.seed
    )
    return Data(
        fitted=fitted,
        own=sentences(options.n_sentences, seed=options.seed),
        kept_back=kept_back,
        valid=valid,
        n_repeated=len(everything) - len(train),
    )


def fitted_network(options: SentimentOptions, data: Data, progress: Progress) -> Network:
    """Return the network that ships, in float32, fitted after its teacher when there is one."""
    encoder = base_encoder(options.max_tokens)
    rows = tokenised(Texts(data.fitted.texts + data.own.texts, data.fitted.labels + data.own.labels), encoder)
    kept_back = tokenised(data.kept_back, encoder).ids
    source = pretrained(Shape(layers=options.teacher_layers or options.layers), seed=options.seed)
    judged = None
    taught_from = 0.0
    if options.teacher_layers:
        taught_from = 0.6
        source = fit(
            _plan(options, data, "teacher"),
            source,
            rows,
            kept_back,
            _called("teacher", part_of(progress, 0.0, taught_from)),
        )
        judged = logits_of(source, rows.ids)
    plan = replace(_plan(options, data, "student"), judged=judged)
    network = shrunk(source, options.shape(), rows.ids)
    return fit(plan, network, rows, kept_back, _called("network", part_of(progress, taught_from, 1.0)))


def checkpoint_key(options: SentimentOptions, data: Data, role: Role) -> str:
    """Return a name for what a checkpoint was made from: other texts, labels or options never continue it.

    A teacher does not depend on the network that it will teach, so several can be tried after one teacher.
    """
    used = [[texts.texts, texts.labels] for texts in (data.fitted, data.own, data.kept_back)]
    counted = {key: value for key, value in options.told().items() if role == "student" or key not in _OF_STUDENT}
    told = json.dumps([counted, used])
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def base_encoder(max_tokens: int) -> TokenEncoder:
    return TokenEncoder(read_tokenizer(base_file(TOKENIZER_NAME).read_bytes()), max_tokens)


def tokenised(texts: Texts, encoder: TokenEncoder) -> Rows:
    """Return the first chunk of each text's tokens, as the model is shown it."""
    chunks = encoder.chunks(texts.shown(), max_chunks=1)
    return Rows(tuple(tuple(parts[0]) for parts in chunks), texts.labels)


def _plan(options: SentimentOptions, data: Data, role: Role) -> Plan:
    is_teacher = role == "teacher"
    return Plan(
        epochs=options.teacher_epochs if is_teacher else options.epochs,
        learning_rate=options.learning_rate / 2 if is_teacher else options.learning_rate,
        batch_rows=options.batch_rows,
        seed=options.seed,
        checkpoint=options.work / f"{role}-{checkpoint_key(options, data, role)}.pt",
        judge=partial(calibrated_f1, data.kept_back),
    )


def calibrated_f1(kept_back: Texts, logits: NDArray[np.float32]) -> float:
    """Return the macro F1 on the slice as it would ship: bare logits lean to the labels that fitting weighs up."""
    lexicon = [lexicon_score(clean(text)) for text in kept_back.texts]
    return chosen(candidates(logits, lexicon, kept_back.labels)).macro_f1


def _called(role: str, progress: Progress) -> Progress:
    return lambda fraction, stage: progress(fraction, f"{role}: {stage}")
