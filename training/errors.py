"""Why a training run writes no model.

DomainError
├── DataRefused      data_refused      files that are missing, hold nothing usable, or are not what a card tells of
├── ParityBroken     parity_broken     a graph that does not answer what its source model answers
├── SuspectedLeak    suspected_leak    figures too good to be true
└── FiguresDiffer    figures_differ    a card whose numbers the shipped files do not give
"""

from __future__ import annotations

from typing import ClassVar

from market_data.errors import DomainError


class DataRefused(DomainError):
    code: ClassVar[str] = "data_refused"


class ParityBroken(DomainError):
    code: ClassVar[str] = "parity_broken"


class SuspectedLeak(DomainError):
    code: ClassVar[str] = "suspected_leak"


class FiguresDiffer(DomainError):
    code: ClassVar[str] = "figures_differ"
