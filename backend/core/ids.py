"""Ids that sort by the time they were made."""

import os
import time
from uuid import UUID


def new_ids(count: int) -> list[UUID]:
    """Return ids that sort in their order: those of one millisecond would otherwise be in any."""
    return sorted(new_id() for _ in range(count))


def new_id() -> UUID:
    """Return a version 7 UUID: 48 bits of Unix milliseconds, then random bits (RFC 9562, section 5.7)."""
    milliseconds = time.time_ns() // 1_000_000
    random_bits = int.from_bytes(os.urandom(10))
    value = (milliseconds & (1 << 48) - 1) << 80 | random_bits
    value = value & ~(0xF << 76) | 0x7 << 76
    return UUID(int=value & ~(0x3 << 62) | 0x2 << 62)
