"""Find candlestick patterns in the newest bars of several symbols.

Needs a running stack (`aitrader up`), or AITRADER_URL and AITRADER_TOKEN.
"""

import sys

from aitrader.client import Client

symbols = sys.argv[1:] or ["AAPL", "FB", "GOOG", "IBM", "MSFT"]

with Client() as client:
    result = client.submit("pattern_scan", {"symbols": symbols, "last_bars": 3}).wait().result

for match in result["matches"]:
    print(f"{match['bar_time'][:10]}  {match['symbol']:<6} {match['direction']:<8} {match['pattern']}")
for failure in result["failures"]:
    print(f"{failure['symbol']}: {failure['message']}")
