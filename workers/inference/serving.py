"""What a job is given to score with."""

from dataclasses import dataclass
from typing import Generic, TypeVar

Opened = TypeVar("Opened", covariant=True)  # noqa: PLC0105 - what it is says more than that it is covariant


@dataclass(frozen=True)
class Serving(Generic[Opened]):
    """The champions of one task, ready to score, by name; `warnings` belong into the job's result."""

    models: tuple[Opened, ...]
    warnings: tuple[str, ...] = ()
