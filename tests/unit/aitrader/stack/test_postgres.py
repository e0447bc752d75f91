import os
import subprocess
import sys

from aitrader.stack.postgres import forget_dead_postmaster, other_user_folder


def left_by(cluster, pid):
    lock_file = cluster / "postmaster.pid"
    lock_file.write_text(f"{pid}\n{cluster}\n")
    forget_dead_postmaster(cluster)
    return lock_file.exists()


def test_a_lock_file_whose_pid_is_another_program_by_now_is_removed(tmp_path):
    assert not left_by(tmp_path, os.getpid())


def test_a_lock_file_of_a_dead_process_is_left_to_postgres(tmp_path):
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        child.wait()
    assert left_by(tmp_path, child.pid)


def test_a_lock_file_that_cannot_be_read_is_left_to_postgres(tmp_path):
    assert left_by(tmp_path, "no pid")


def test_a_cluster_without_a_lock_file_is_fine(tmp_path):
    forget_dead_postmaster(tmp_path)


def test_each_data_folder_has_its_own_home_elsewhere():
    assert other_user_folder("one password") != other_user_folder("another")
    assert other_user_folder("one password") == other_user_folder("one password")
