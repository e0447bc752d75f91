"""Copies of bars on this host: what is kept, what is dropped, and what becomes of a broken one."""

import os
from pathlib import Path

import numpy as np
import pytest

from workers.bar_cache import BarCache

COLUMNS = np.arange(12, dtype=np.int64).reshape(6, 2)


def kept(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_what_was_put_is_mapped_read_only(tmp_path: Path) -> None:
    cache = BarCache(tmp_path)
    cache.put(7, 1, COLUMNS)
    columns = cache.get(7, 1)
    assert isinstance(columns, np.memmap)
    assert not columns.flags.writeable
    assert np.array_equal(columns, COLUMNS)


def test_what_was_never_put_is_none(tmp_path: Path) -> None:
    assert BarCache(tmp_path).get(7, 1) is None


def test_a_new_revision_drops_the_older_ones_of_its_series_only(tmp_path: Path) -> None:
    cache = BarCache(tmp_path)
    for series_id, revision in ((7, 9), (77, 1), (7, 10)):
        cache.put(series_id, revision, COLUMNS)
    assert kept(tmp_path) == {"7-10.npy", "77-1.npy"}


def test_a_late_older_revision_leaves_the_newer_one(tmp_path: Path) -> None:
    cache = BarCache(tmp_path)
    cache.put(7, 10, COLUMNS)
    cache.put(7, 9, COLUMNS)
    assert "7-10.npy" in kept(tmp_path)


def test_the_oldest_go_when_there_is_no_room(tmp_path: Path) -> None:
    BarCache(tmp_path).put(1, 1, COLUMNS)
    size_bytes = (tmp_path / "1-1.npy").stat().st_size
    BarCache(tmp_path).put(2, 1, COLUMNS)
    os.utime(tmp_path / "1-1.npy", (1_000, 1_000))
    os.utime(tmp_path / "2-1.npy", (2_000, 2_000))
    BarCache(tmp_path, max_bytes=2 * size_bytes).put(3, 1, COLUMNS)
    assert kept(tmp_path) == {"2-1.npy", "3-1.npy"}


@pytest.mark.parametrize("content", [b"", b"not columns at all", b"\x93NUMPY\x01\x00"])
def test_a_broken_copy_is_none_and_can_be_replaced(tmp_path: Path, content: bytes) -> None:
    cache = BarCache(tmp_path)
    (tmp_path / "7-1.npy").write_bytes(content)
    assert cache.get(7, 1) is None
    cache.put(7, 1, COLUMNS)
    assert np.array_equal(cache.get(7, 1), COLUMNS)


def test_a_cut_copy_is_none(tmp_path: Path) -> None:
    cache = BarCache(tmp_path)
    cache.put(7, 1, COLUMNS)
    whole = (tmp_path / "7-1.npy").read_bytes()
    (tmp_path / "7-1.npy").write_bytes(whole[:-8])
    assert cache.get(7, 1) is None


def test_a_folder_that_takes_no_files_fails_nothing(tmp_path: Path) -> None:
    cache = BarCache(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    cache.put(7, 1, COLUMNS)
    assert cache.get(7, 1) is None
