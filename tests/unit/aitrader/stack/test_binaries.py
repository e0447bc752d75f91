import os
import subprocess

import pytest

from aitrader.stack import binaries
from aitrader.stack.errors import ServerMissing


@pytest.fixture
def no_wheels(monkeypatch):
    monkeypatch.setattr(binaries, "POSTGRES_WHEEL", "a_wheel_that_is_not_installed")
    monkeypatch.setattr(binaries, "VALKEY_WHEEL", "a_wheel_that_is_not_installed")


def a_program(folder, name):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("#!/bin/sh\n")
    (folder / name).chmod(0o755)
    return folder / name


def test_the_wheels_newest_postgres_is_found_and_runs():
    found = binaries.find_postgres()
    answer = subprocess.run([found.postgres, "--version"], capture_output=True, text=True, check=True)
    assert int(answer.stdout.split()[-1].split(".")[0]) >= 18
    assert found.bundle is not None


def test_the_wheels_valkey_is_found_and_runs():
    answer = subprocess.run([binaries.find_valkey(), "--version"], capture_output=True, text=True, check=True)
    assert "Valkey" in answer.stdout


def test_without_wheels_programs_on_path_are_used(tmp_path, monkeypatch, no_wheels):
    folder = tmp_path / "bin"
    for name in ("postgres", "initdb", "redis-server"):
        a_program(folder, name)
    monkeypatch.setenv("PATH", str(folder))
    assert binaries.find_postgres() == binaries.PostgresBinaries(folder=folder, bundle=None)
    assert binaries.find_valkey() == folder / "redis-server"


def test_without_wheels_and_path_debians_newest_postgres_is_used(tmp_path, monkeypatch, no_wheels):
    for major in ("9.6", "15", "17"):
        for name in ("postgres", "initdb"):
            a_program(tmp_path / major / "bin", name)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(binaries, "DEBIAN_POSTGRES", tmp_path)
    assert binaries.find_postgres().folder == tmp_path / "17" / "bin"


def test_no_server_anywhere_says_what_to_install_or_to_set(tmp_path, monkeypatch, no_wheels):
    monkeypatch.setenv("PATH", os.fspath(tmp_path))
    monkeypatch.setattr(binaries, "DEBIAN_POSTGRES", tmp_path)
    with pytest.raises(ServerMissing, match=r"install PostgreSQL, or set DATABASE_URL"):
        binaries.find_postgres()
    with pytest.raises(ServerMissing, match=r"install Valkey or Redis, or set REDIS_URL"):
        binaries.find_valkey()
