"""Machine code of another state of the sources is never run, and that of this state is compiled once."""

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from market_data.kernel_cache import KEPT_DAYS, KEPT_FOLDERS, PACKAGES, folder_name, prune

ROOT = Path(__file__).parents[3]
CALLEE = "from market_data.kernels import FLOAT, kernel\n\n@kernel(FLOAT)\ndef scaled(x):\n    return x * {factor}\n"
CALLER = (
    "from callees.scaling import scaled\nfrom market_data.kernels import FLOAT, kernel\n\n"
    "@kernel(FLOAT)\ndef scaled_once_more(x):\n    return scaled(x) + 1.0\n"
)
PROGRAM = """
import json, sys
from callees.caller import scaled, scaled_once_more
kernels = (scaled, scaled_once_more)
print(json.dumps({
    "value": scaled_once_more(10.0),
    "loaded": sum(sum(k.stats.cache_hits.values()) for k in kernels),
    "compiled": sum(sum(k.stats.cache_misses.values()) for k in kernels),
    "folder": scaled.stats.cache_path,
}))
"""


@pytest.fixture
def package(tmp_path):
    """Return a package of two files, of which one calls the other's kernel."""
    folder = tmp_path / "sources" / "callees"
    folder.mkdir(parents=True)
    (folder / "__init__.py").touch()
    (folder / "scaling.py").write_text(CALLEE.format(factor=2.0))
    (folder / "caller.py").write_text(CALLER)
    return folder


def started(package, *, before="", **environ):
    kept = {name: value for name, value in os.environ.items() if name not in {"NUMBA_CACHE_DIR", "XDG_CACHE_HOME"}}
    paths = os.pathsep.join([str(package.parent), str(ROOT)])
    return subprocess.Popen(
        [sys.executable, "-c", before + PROGRAM],
        env={**kept, "PYTHONPATH": paths, **{name: str(value) for name, value in environ.items()}},
        stdout=subprocess.PIPE,
        text=True,
    )


def ended(process):
    told, _ = process.communicate()
    assert process.returncode == 0
    return json.loads(told)


def ran(package, **given):
    return ended(started(package, **given))


def test_a_second_process_loads_what_the_first_compiled(package, tmp_path):
    first, second = (ran(package, NUMBA_CACHE_DIR=tmp_path / "kernels") for _ in range(2))
    assert (first["loaded"], first["compiled"]) == (0, 2)
    assert (second["loaded"], second["compiled"]) == (2, 0)
    assert first["value"] == second["value"] == 21.0
    assert Path(first["folder"]).parent == tmp_path / "kernels"


def test_a_kernel_that_was_edited_in_another_file_is_compiled_into_its_caller(package, tmp_path):
    assert ran(package, NUMBA_CACHE_DIR=tmp_path)["value"] == 21.0
    (package / "scaling.py").write_text(CALLEE.format(factor=3.0))
    assert ran(package, NUMBA_CACHE_DIR=tmp_path)["value"] == 31.0
    (package / "scaling.py").write_text(CALLEE.format(factor=2.0))
    again = ran(package, NUMBA_CACHE_DIR=tmp_path)
    assert (again["value"], again["compiled"]) == (21.0, 0)


def test_an_edit_while_a_process_runs_leaves_nothing_of_it_behind(package, tmp_path):
    edit = f"import callees.scaling\nopen({str(package / 'scaling.py')!r}, 'a').write('# edited')\n"
    assert ran(package, before=edit, NUMBA_CACHE_DIR=tmp_path)["compiled"] == 2
    (package / "scaling.py").write_text(CALLEE.format(factor=2.0))
    later = ran(package, NUMBA_CACHE_DIR=tmp_path)
    assert (later["loaded"], later["compiled"]) == (1, 1)


def test_processes_that_compile_at_once_all_end_well(package, tmp_path):
    together = [started(package, NUMBA_CACHE_DIR=tmp_path) for _ in range(3)]
    assert [ended(process)["value"] for process in together] == [21.0] * 3
    assert ran(package, NUMBA_CACHE_DIR=tmp_path)["compiled"] == 0


def test_a_file_that_a_crash_cut_off_is_compiled_and_mended(package, tmp_path):
    ran(package, NUMBA_CACHE_DIR=tmp_path)
    for number, file in enumerate(sorted(tmp_path.glob("*/*.nb?"))):
        file.write_bytes(file.read_bytes()[: 40 * (number % 2)])
    assert ran(package, NUMBA_CACHE_DIR=tmp_path)["value"] == 21.0
    assert ran(package, NUMBA_CACHE_DIR=tmp_path)["compiled"] == 0


def test_where_nothing_can_be_written_kernels_are_compiled_in_memory(package, tmp_path):
    no_room = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))\n"
    for _ in range(2):
        told = ran(package, before=no_room, NUMBA_CACHE_DIR=tmp_path)
        assert (told["value"], told["compiled"]) == (21.0, 2)
    assert not list(tmp_path.glob("*/*.nbc"))


def test_where_nothing_can_be_written_what_is_there_is_loaded(package, tmp_path):
    ran(package, NUMBA_CACHE_DIR=tmp_path)
    no_room = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))\n"
    assert ran(package, before=no_room, NUMBA_CACHE_DIR=tmp_path)["compiled"] == 0


def test_a_place_that_cannot_be_made_gives_way_to_the_users_cache(package, tmp_path):
    (tmp_path / "file").touch()
    told = ran(package, NUMBA_CACHE_DIR=tmp_path / "file" / "kernels", XDG_CACHE_HOME=tmp_path / "cache")
    assert Path(told["folder"]).parent == tmp_path / "cache" / "aitrader" / "kernels"
    assert (Path(told["folder"]).stat().st_mode & 0o777) == 0o700


def test_a_place_that_others_can_write_to_is_not_trusted_unless_it_was_chosen(package, tmp_path):
    open_to_all = tmp_path / "cache" / "aitrader" / "kernels"
    open_to_all.mkdir(parents=True)
    open_to_all.chmod(0o777)
    (tmp_path / "temporary").mkdir()
    told = ran(package, XDG_CACHE_HOME=tmp_path / "cache", TMPDIR=tmp_path / "temporary")
    assert Path(told["folder"]).parent == tmp_path / "temporary" / f"aitrader-kernels-{os.getuid()}"
    assert Path(ran(package, NUMBA_CACHE_DIR=open_to_all)["folder"]).parent == open_to_all


def test_a_kernel_of_no_package_is_never_kept(tmp_path):
    program = (
        "from market_data.kernels import FLOAT, kernel\n"
        "half = kernel(FLOAT)(lambda x: x / 2.0)\nprint(half(3.0), half.stats.cache_path)"
    )
    told = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert told.stdout == "1.5 None\n"


def test_every_package_with_kernels_is_hashed():
    uses = re.compile(r"^from market_data\.kernels import|^from numba import.*jit", re.MULTILINE)
    packages = {
        path.relative_to(ROOT).parts[0]
        for path in ROOT.glob("*/**/*.py")
        if path.relative_to(ROOT).parts[0] not in {"tests", "benchmarks", ".venv"} and uses.search(path.read_text())
    }
    assert packages <= set(PACKAGES)


def test_the_name_is_the_same_as_long_as_nothing_changes():
    assert folder_name() == folder_name()
    assert folder_name("tests") != folder_name()


def test_folders_that_nobody_uses_are_deleted_and_nothing_else(tmp_path):
    now = time.time()
    ages_days = [0.0, 1.0, KEPT_DAYS + 1.0]
    for age_days in ages_days:
        folder = tmp_path / f"{int(age_days):032x}"
        folder.mkdir()
        os.utime(folder, (now - age_days * 86_400.0,) * 2)
    (tmp_path / "strategy_engine_0123").mkdir()
    prune(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"{0:032x}", f"{1:032x}", "strategy_engine_0123"]


def test_of_many_folders_the_newest_stay(tmp_path):
    now = time.time()
    for age_s in range(KEPT_FOLDERS + 3):
        folder = tmp_path / f"{age_s:032x}"
        folder.mkdir()
        os.utime(folder, (now - age_s,) * 2)
    prune(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"{age_s:032x}" for age_s in range(KEPT_FOLDERS)]
