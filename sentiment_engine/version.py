"""The version of what this package computes; it is stored beside each result."""

from __future__ import annotations

from typing import Final

ENGINE_VERSION: Final = "1.0.0"
