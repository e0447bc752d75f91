import subprocess
import sys

LOADED = "import sys, aitrader.client; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
STACK = "import sys, aitrader.client; print(*(name for name in sys.modules if name.startswith('aitrader.stack')))"


def run(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()


def test_client_loads_nothing_of_the_server_and_no_pandas():
    assert set(run(LOADED)).isdisjoint({"backend", "workers", "sqlalchemy", "redis", "celery", "pandas", "numpy"})


def test_client_loads_nothing_of_the_stack():
    assert run(STACK) == []
