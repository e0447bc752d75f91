"""The version that every result records."""

from typing import Final

# Raise it with every change after which the same bars and parameters could give another number.
ENGINE_VERSION: Final = "3"
