"""How each part of an installation is, by its own health routes. No token is needed to ask."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from aitrader.client.installation import is_loopback

TIMEOUT_S = 10.0
ROUTES = ("/readyz", "/health/services")
UNESSENTIAL = frozenset({"providers", "flower"})


@dataclass(frozen=True)
class PartHealth:
    """One part. status: ok, down, or unknown where it cannot be told."""

    name: str
    status: str
    detail: str | None
    fields: Mapping[str, Any]  # Any: JSON, in the shape that the part chose

    @property
    def told(self) -> str:
        """Return the detail, else the fields as a person reads them."""
        return self.detail or _read_out(self.fields)


@dataclass(frozen=True)
class Health:
    parts: tuple[PartHealth, ...]

    @property
    def is_ok(self) -> bool:
        """Tell whether jobs are accepted and run, and nothing that was asked for is down."""
        return all(
            part.status == "ok" or (part.status == "unknown" and part.name in UNESSENTIAL) for part in self.parts
        )

    def part(self, name: str) -> PartHealth | None:
        return next((part for part in self.parts if part.name == name), None)


def read_health(url: str) -> Health:
    """Return the health of the API and all that it tells of; only the API, down, when it does not answer."""
    parts: list[PartHealth] = []
    with httpx.Client(base_url=url, timeout=TIMEOUT_S, trust_env=not is_loopback(url)) as http:
        for route in ROUTES:
            try:
                told = http.get(route).json()
            except (httpx.HTTPError, ValueError) as error:
                reason = f"GET {url}{route}: {error or type(error).__name__}"
                return Health((PartHealth("api", "down", reason, {}),))
            parts += _parts(told)
    return Health((PartHealth("api", "ok", None, {"url": url}), *parts))


def _parts(told: Any) -> list[PartHealth]:  # Any: a JSON value
    named = told.items() if isinstance(told, dict) else ()
    return [_part(name, fields) for name, fields in named if isinstance(fields, dict)]


def _part(name: str, told: dict[str, Any]) -> PartHealth:  # Any: a JSON value
    others = {key: value for key, value in told.items() if key not in {"status", "detail"}}
    return PartHealth(name, str(told.get("status", "unknown")), told.get("detail"), others)


def _read_out(fields: Mapping[str, Any]) -> str:  # Any: a JSON value
    return ", ".join(
        f"{name} ({_read_out(value)})" if isinstance(value, dict) else f"{name} {value}"
        for name, value in fields.items()
    )
