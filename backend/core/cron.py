"""When a cron expression fires in a time zone (docs/schedules.md).

Clocks that are put forward or back are where schedules lose runs or have them twice. The rule here:

- an hour field of `*` means each hour that passes: also the one that clocks show twice, and none that they skip;
- any other hour names times of the wall clock. One that does not exist fires at the first moment after the gap, one
  that exists twice fires the first time only, and times that fall on one moment fire once.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Self
from zoneinfo import ZoneInfo, available_timezones

from cronsim import CronSim, CronSimError

from backend.core.errors import Invalid, Problem

FIELD_COUNT = 5
MAX_LENGTH = 200
HOUR = 1
EVERY_HOUR = frozenset({"*", "*/1"})
MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Cron:
    """A checked expression of five fields, and the zone whose clocks it is read on."""

    expression: str
    zone: ZoneInfo

    @classmethod
    def parse(cls, expression: str, time_zone: str) -> Self:
        """Return the expression; Invalid when it is none, or can never fire."""
        if time_zone not in _time_zones():
            raise _wrong("time_zone", f"expected an IANA time zone such as Europe/Berlin, it was {time_zone[:80]!r}")
        cron = cls(" ".join(expression.split()), ZoneInfo(time_zone))
        told = f"it was {expression[:80]!r}"
        if len(cron.expression.split()) != FIELD_COUNT or len(expression) > MAX_LENGTH:
            raise _wrong("cron", f"expected five fields (minute, hour, day of month, month, day of week), {told}")
        try:
            first = next(cron.fires(datetime.now(UTC)), None)
        except CronSimError as error:
            raise _wrong("cron", f"expected a cron expression; {str(error).lower()}, {told}") from error
        if first is None:
            raise _wrong("cron", f"expected an expression that fires within 50 years, {told}")
        return cron

    def fires(self, after: datetime) -> Iterator[datetime]:
        """Yield the moments, in UTC and increasing, at which it fires after a moment."""
        local = after.astimezone(self.zone)
        is_every_hour = self.expression.split()[HOUR] in EVERY_HOUR
        last = after
        for found in CronSim(self.expression, local if is_every_hour else local.replace(tzinfo=None, fold=0)):
            moment = found.astimezone(UTC) if is_every_hour else _moment(found, self.zone)
            if moment > last:  # else it is in a gap with another, or was before clocks were put back
                last = moment
                yield moment

    @property
    def description(self) -> str:
        """Return the expression in English."""
        return CronSim(self.expression, datetime(2000, 1, 1)).explain()  # noqa: DTZ001 - explains, and counts nothing


def _moment(wall: datetime, zone: ZoneInfo) -> datetime:
    """Return the first moment at which clocks show this time, or the first after the gap that they skip it in."""
    while True:
        moment = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
        if moment.astimezone(zone).replace(tzinfo=None) == wall:
            return moment
        wall += MINUTE


@lru_cache(maxsize=1)
def _time_zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _wrong(path: str, message: str) -> Invalid:
    return Invalid(message, [Problem(path, message)])
