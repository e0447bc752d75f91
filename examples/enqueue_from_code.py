"""Start a job from the machine that the platform runs on: straight into the database, without HTTP or a token.

Needs a running stack (`aitrader up`), or DATABASE_URL and REDIS_URL.
The first argument is the user; `admin` if left out.
"""

import sys

from backend.services.job_runner import enqueue_job

user = sys.argv[1] if len(sys.argv) > 1 else "admin"
job_id = enqueue_job(job_type="pattern_scan", user_id=user, payload={"symbols": ["AAPL", "GOOG"]})
print(job_id)
