"""Payloads from the command line: JSON, `@file`, or `@-` for standard input."""

import json
import sys
from pathlib import Path
from typing import Any, NoReturn

from aitrader.errors import CommandFailed


def read_payload(text: str) -> dict[str, Any]:  # Any: a JSON value
    """Return the JSON object that the text holds or names."""
    source, content = _content(text)
    try:
        found: Any = json.loads(content, parse_constant=_refuse_constant)  # Any: a JSON value
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise CommandFailed(f"expected JSON in {source}, it is not at {where}: {error.msg}") from error
    except ValueError as error:
        raise CommandFailed(f"expected JSON in {source}, it is not: {error}") from error
    if not isinstance(found, dict):
        raise CommandFailed(f"expected a JSON object in {source}, it was {type(found).__name__}")
    return found


def _content(text: str) -> tuple[str, str]:
    """Return what to call the source, and what it says."""
    if text == "@-":
        return "standard input", sys.stdin.read()
    if not text.startswith("@"):
        return "--payload", text
    path = Path(text[1:])
    try:
        return str(path), path.read_text(encoding="utf-8")
    except OSError as error:
        raise CommandFailed(f"expected a payload in {path}, it cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise CommandFailed(f"expected UTF-8 text in {path}, it is not at byte {error.start}") from error


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")
