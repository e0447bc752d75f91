"""Who asks: the person behind a token."""

from dataclasses import dataclass
from uuid import UUID

from backend.core.jobs.registry import Role


@dataclass(frozen=True)
class User:
    id: UUID
    name: str
    role: Role

    @property
    def is_admin(self) -> bool:
        return self.role == "admin"
