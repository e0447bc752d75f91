"""Times as the server wants them: with a zone, which is UTC where none is given."""

from datetime import UTC, date, datetime


def aware(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def moment_text(day: date) -> str:
    """Return a day's first moment, or a time, as text."""
    return aware(day).isoformat() if isinstance(day, datetime) else f"{day.isoformat()}T00:00:00+00:00"
