"""The client that commands use."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aitrader.client import Client


def connect() -> "Client":
    """Return a client of the installation that is named, else of the local stack."""
    from aitrader.client import Client  # noqa: PLC0415 - httpx takes long to load

    return Client()
