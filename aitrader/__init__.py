"""AITrader as a person meets it: the command line, the notebook client and the one-command stack."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("aitrader")
except PackageNotFoundError:  # run from a source tree that was never installed
    __version__ = "0+unknown"

__all__ = ["__version__"]
