"""Which sources are left alone because they failed, told in Redis to all workers.

    closed -- failures that count OPENS_AT within WINDOW_S --> open -- OPEN_S later --> half-open
    half-open lets one request through: an answer closes, a failure opens again

A request that timed out counts as OPENS_AT failures: the next one would cost somebody as long.
"""

from typing import Final

from redis import Redis

PREFIX: Final = "aitrader:breaker:"
OPENS_AT: Final = 3
WINDOW_S: Final = 60.0
OPEN_S: Final = 30.0
PROBE_S: Final = 15.0
"""How long the one request of a half-open source may take before another is let through."""

# Returns how many seconds the source is left alone, 0 when it may be asked.
_ALLOW = """
local open_until = tonumber(redis.call('HGET', KEYS[1], 'open_until') or '0')
if open_until == 0 then return '0' end
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
local probed_until = tonumber(redis.call('HGET', KEYS[1], 'probed_until') or '0')
local alone_until = math.max(open_until, probed_until)
if now < alone_until then return string.format('%.6f', alone_until - now) end
redis.call('HSET', KEYS[1], 'probed_until', string.format('%.6f', now + tonumber(ARGV[1])))
return '0'
"""

_FAIL = """
local weight, opens_at, window_s, open_s = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
local stored = redis.call('HMGET', KEYS[1], 'count', 'since', 'open_until')
local count, since = tonumber(stored[1]) or 0, tonumber(stored[2]) or now
if now - since > window_s then count, since = 0, now end
count = count + weight
local was_open = stored[3] ~= false and stored[3] ~= nil
redis.call('HSET', KEYS[1], 'count', count, 'since', string.format('%.6f', since))
if was_open or count >= opens_at then
  redis.call('HSET', KEYS[1], 'open_until', string.format('%.6f', now + open_s))
  redis.call('HDEL', KEYS[1], 'probed_until')
end
redis.call('PEXPIRE', KEYS[1], math.ceil(1000 * (window_s + open_s)))
return '0'
"""


class CircuitBreaker:
    def __init__(self, redis: Redis, *, open_s: float = OPEN_S) -> None:
        self._redis = redis
        self._open_s = open_s
        self._allow = redis.register_script(_ALLOW)
        self._fail = redis.register_script(_FAIL)

    def left_alone_s(self, source: str) -> float:
        """Return 0 when the source may be asked now, else for how long it is left alone."""
        return float(self._allow(keys=[PREFIX + source], args=[PROBE_S]))

    def failed(self, source: str, *, weight: int = 1) -> None:
        """Count a failure of the source."""
        self._fail(keys=[PREFIX + source], args=[weight, OPENS_AT, WINDOW_S, self._open_s])

    def answered(self, source: str) -> None:
        """Forget the source's failures."""
        self._redis.delete(PREFIX + source)
