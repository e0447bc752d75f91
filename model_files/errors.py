"""Why a model's files are not used."""

from __future__ import annotations

from typing import ClassVar

from market_data.errors import DomainError


class ModelRefused(DomainError):
    """Files that are not what their manifest says, or a graph of another shape than it promises."""

    code: ClassVar[str] = "model_refused"
