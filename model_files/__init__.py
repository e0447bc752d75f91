"""A trained model on disk: a folder with its manifest, its ONNX graph, what engines need beside it, and its card.

Pure but for reading and writing that folder. `session` loads onnxruntime and is imported only where a model is scored.
"""

from model_files.errors import ModelRefused
from model_files.manifest import Manifest, ModelFile, Task, TensorSpec

__all__ = ["Manifest", "ModelFile", "ModelRefused", "Task", "TensorSpec"]
