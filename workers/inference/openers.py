"""What each task's models are opened to. Engines and onnxruntime are loaded when the first model is opened."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from model_files import Manifest, Task

Opener = Callable[[Path, Manifest], Any]  # Any: what the task scores with; raises ModelRefused


def open_suggestion(folder: Path, manifest: Manifest) -> Any:  # Any: a Member
    from suggestion_engine.member import open_member  # noqa: PLC0415 - loads onnxruntime

    return open_member(folder, manifest)


def open_sentiment(folder: Path, manifest: Manifest) -> Any:  # Any: a SentimentModel
    from sentiment_engine.model import open_sentiment_model  # noqa: PLC0415 - loads onnxruntime

    del manifest  # it reads the same one
    return open_sentiment_model(folder)


OPENERS: Mapping[Task, Opener] = {"suggestion": open_suggestion, "sentiment": open_sentiment}
