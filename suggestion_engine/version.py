"""The versions that results and models record."""

from typing import Final

# Raise it with every change after which the same bars and models could give another suggestion.
ENGINE_VERSION: Final = "1"

# Raise it with every change after which the same bars could give another feature; part of FEATURE_SET, so a model
# trained on the older features is refused.
KERNEL_VERSION: Final = "1"
