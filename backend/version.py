"""The version of the product, as it was installed."""

from importlib.metadata import version

VERSION = version("aitrader")
