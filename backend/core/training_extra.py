"""What `python -m training` needs beside the product's own libraries, and how to get it."""

from collections.abc import Iterable
from importlib.util import find_spec

TRAINING_LIBRARIES = ("onnx", "onnxmltools", "onnxscript", "optuna", "sklearn", "torch", "xgboost")
HOW_TO_INSTALL = "run `make setup-train` in the project's folder"


def missing_libraries(wanted: Iterable[str] = TRAINING_LIBRARIES) -> list[str]:
    """Return those that are not installed, without loading any."""
    return [name for name in wanted if find_spec(name) is None]


def not_installed_text(missing: Iterable[str]) -> str:
    """Return what to tell somebody who wants to train and cannot."""
    return f"training needs {', '.join(missing)}, which this host does not have: {HOW_TO_INSTALL}"
