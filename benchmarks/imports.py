"""How long the web process takes to import, beside its bare third-party imports."""

import statistics
import subprocess
import sys

RUNS = 9
THIRD_PARTY = """
import fastapi, fastapi.middleware.cors, fastapi.openapi.utils, fastapi.responses, fastapi.security
import platformdirs, psycopg, pydantic, pydantic_settings, redis, redis.asyncio, structlog
import sqlalchemy, sqlalchemy.dialects.postgresql, sqlalchemy.dialects.postgresql.psycopg, sqlalchemy.ext.asyncio
"""
MEASURED = "import time; start = time.process_time(); exec({code!r}); print(time.process_time() - start)"


def seconds(code: str) -> float:
    """Return the processor time that a fresh interpreter takes to run some imports."""
    command = [sys.executable, "-c", MEASURED.format(code=code)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main() -> None:
    pairs = [(seconds(THIRD_PARTY), seconds("import backend.main")) for _ in range(RUNS)]
    bare, whole = (statistics.median(times) for times in zip(*pairs, strict=True))
    ratio = statistics.median(whole / bare for bare, whole in pairs)
    print(f"third-party imports {bare:.3f} s, backend.main {whole:.3f} s, ratio {ratio:.2f} (median of {RUNS} pairs)")


if __name__ == "__main__":
    main()
