"""How often sources may be asked, counted in Redis for all workers together: one token bucket a source and key.

A bucket holds `burst` tokens at most and gains `per_s` a second. Each request takes one. All is done in one script
by Redis's own clock, so no two workers take the same token, and no worker's clock matters.
"""

from redis import Redis

from backend.core.logging import get_logger
from market_data.providers.news_sources import Budget

PREFIX = "aitrader:rate:"

# Returns how many seconds to wait for a token, 0 when one was taken. With a third argument above 0 it takes none,
# and lets nobody take one for so many seconds.
_SCRIPT = """
local burst, per_s, block_s = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
local stored = redis.call('HMGET', KEYS[1], 'tokens', 'at', 'blocked_until')
local tokens, at = tonumber(stored[1]) or burst, tonumber(stored[2]) or now
local blocked_until = math.max(tonumber(stored[3]) or 0, now + block_s)
tokens = math.min(burst, tokens + math.max(0, now - at) * per_s)
local wait_s = 0
if blocked_until > now then
  wait_s = blocked_until - now
elseif tokens < 1 then
  wait_s = (1 - tokens) / per_s
else
  tokens = tokens - 1
end
redis.call('HSET', KEYS[1], 'tokens', string.format('%.9f', tokens), 'at', string.format('%.6f', now),
  'blocked_until', string.format('%.6f', blocked_until))
redis.call('PEXPIRE', KEYS[1], math.ceil(1000 * math.max(burst / per_s, blocked_until - now)) + 1000)
return string.format('%.6f', wait_s)
"""

log = get_logger(__name__)


class RateLimit:
    def __init__(self, redis: Redis) -> None:
        self._script = redis.register_script(_SCRIPT)

    def take(self, bucket: str, budget: Budget) -> float:
        """Take a token and return 0, or return how many seconds it will be before there is one."""
        return self._run(bucket, budget, 0.0)

    def block(self, bucket: str, budget: Budget, for_s: float) -> None:
        """Let nobody ask for so long, because the source said so; a longer block that stands is kept."""
        log.info("source_blocked", bucket=bucket, for_s=round(for_s, 1))
        self._run(bucket, budget, for_s)

    def _run(self, bucket: str, budget: Budget, block_s: float) -> float:
        return float(self._script(keys=[PREFIX + bucket], args=[budget.burst, budget.per_s, block_s]))
