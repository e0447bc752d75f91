"""What a worker weighs with every model in it, and whether its first job waits for anything."""

import json
import statistics
import subprocess
import sys
from pathlib import Path

from tests.platform import clean_environment

ROOT = Path(__file__).parents[3]
MOST_MB = 300  # of its own; the pages of libraries, a hundred more or so, are shared by all processes of a host
OPEN_ALL = """
import json, sys, time
from pathlib import Path
import numpy as np
import psutil
from workers.warm import warm
warm()
from model_files.manifest import model_folders, read_manifest
from suggestion_engine.ensemble import WINDOW_ROWS, Ensemble
from suggestion_engine.explain import explain
from suggestion_engine.feature_registry import RAW_FEATURES
from workers.inference.openers import OPENERS

opened = {"suggestion": [], "sentiment": []}
for folder in model_folders(Path("models")):
    manifest = read_manifest(folder)
    opened[manifest.task].append(OPENERS[manifest.task](folder, manifest))
ensemble = Ensemble(tuple(opened["suggestion"]))
windows = np.zeros((500, WINDOW_ROWS, len(RAW_FEATURES)))
times = []
for _ in range(10):
    start = time.process_time()
    ensemble.score(windows)
    ensemble.drift(windows[0])
    for member in ensemble.members:
        explain(member, windows[0])
    times.append(time.process_time() - start)
memory = psutil.Process().memory_info()
print(json.dumps({
    "models": {task: len(found) for task, found in opened.items()},
    "mb": (memory.rss - memory.shared) / 1e6,
    "times_s": times,
    "heavy": [name for name in ("torch", "sklearn", "lightgbm", "xgboost") if name in sys.modules],
}))
"""


def test_a_worker_with_all_models_is_small_and_ready_from_its_first_job() -> None:
    # Kernels are compiled once on a machine, at set-up or first start; the compiler's memory is not the worker's.
    # How much of a mapped library counts as resident depends on the page cache, so only private memory is compared.
    subprocess.run([sys.executable, "-c", "from workers.warm import warm; warm()"], check=True, cwd=ROOT)
    ended = subprocess.run(
        [sys.executable, "-c", OPEN_ALL], capture_output=True, text=True, check=False, cwd=ROOT, env=clean_environment()
    )
    assert ended.returncode == 0, ended.stderr
    told = json.loads(ended.stdout.splitlines()[-1])
    assert told["models"] == {"suggestion": 4, "sentiment": 1}
    assert told["mb"] < MOST_MB
    assert told["heavy"] == []
    assert told["times_s"][0] < 2.5 * statistics.median(told["times_s"][1:])
