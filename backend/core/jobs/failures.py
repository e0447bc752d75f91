"""A part of a job that could not be done, while the rest of it was."""

from backend.core.jobs.payload import Contract


class SymbolFailure(Contract):
    symbol: str
    code: str
    message: str
