"""The embedded PostgreSQL: its cluster, made once, and the server over it."""

import hashlib
import os
import shutil
import signal
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from aitrader.stack.binaries import Bundle, PostgresBinaries, find_postgres
from aitrader.stack.component import Component, Program
from aitrader.stack.connections import DATABASE_USER, database_problem, database_url
from aitrader.stack.data_dir import DataDir
from aitrader.stack.environment import server_environ
from aitrader.stack.errors import CannotDropRoot
from aitrader.stack.ports import LOOPBACK
from aitrader.stack.privileges import RunMode, choose_run_mode, nobody
from aitrader.stack.supervisor import Supervisor
from backend.core.private_files import kept_password, private_folder, write_private

# Where the cluster lies when PostgreSQL runs as another user, who cannot reach the data folder.
OTHER_USER_ROOT = Path("/var/lib/aitrader")
MAINTENANCE_DATABASE = "postgres"
INITDB_TIMEOUT_S = 120.0
SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",  # a socket's path may have no more than 107 bytes; TCP has no such limit
    "logging_collector": "off",
    "log_destination": "stderr",
    "max_connections": "200",
    "password_encryption": "scram-sha-256",
}


@dataclass(frozen=True, kw_only=True)
class PostgresHome:
    """Programs and cluster of one embedded server, both within reach of the user it runs as."""

    binaries: PostgresBinaries
    run_mode: RunMode
    folder: Path
    password_file: Path

    @property
    def cluster(self) -> Path:
        return self.folder / "cluster"

    @property
    def password(self) -> str:
        return self.password_file.read_text().strip()


async def prepare_postgres(
    supervisor: Supervisor, data_dir: DataDir, *, run_mode: RunMode | None = None
) -> PostgresHome:
    """Return the server's home, with a cluster in it."""
    home = find_home(data_dir, run_mode)
    if not home.cluster.exists():
        await _make_cluster(supervisor, data_dir, home)
    forget_dead_postmaster(home.cluster)
    return home


def find_home(data_dir: DataDir, run_mode: RunMode | None = None) -> PostgresHome:
    """Return where and as whom the server runs; None asks to find out as whom."""
    binaries = find_postgres()
    private_folder(data_dir.postgres)
    kept_password(data_dir.postgres_password)
    inside = PostgresHome(
        binaries=binaries,
        run_mode=RunMode.DIRECT,
        folder=data_dir.postgres,
        password_file=data_dir.postgres_password,
    )
    elsewhere = other_user_folder(inside.password)
    if run_mode is None:
        # A cluster that lies elsewhere stays there, whatever would be chosen today: data must not vanish.
        is_elsewhere = (elsewhere / "cluster").exists()
        run_mode = RunMode.OTHER_USER if is_elsewhere else choose_run_mode(data_dir.postgres, binaries.postgres)
    if run_mode is RunMode.OTHER_USER:
        return _other_user_home(inside, elsewhere)
    return PostgresHome(binaries=binaries, run_mode=run_mode, folder=inside.folder, password_file=inside.password_file)


def postgres_component(data_dir: DataDir, home: PostgresHome, *, port: int) -> tuple[Component, str]:
    """Return the component and the URL of its maintenance database."""
    url = database_url(password=home.password, port=port, database=MAINTENANCE_DATABASE)
    settings = [part for name, value in SETTINGS.items() for part in ("-c", f"{name}={value}")]

    async def readiness() -> str | None:
        return await database_problem(url)

    component = Component(
        program=Program(
            name="postgres",
            argv=(str(home.binaries.postgres), "-D", str(home.cluster), "-p", str(port), *settings),
            environ=server_environ(data_dir),
            cwd=home.folder,
            run_mode=home.run_mode,
        ),
        readiness=readiness,
        start_attempts=4,  # the children of a server that was killed hold its memory for a moment longer
        stop_signal=signal.SIGINT,  # "fast": ends sessions, then shuts down cleanly
        stop_grace_s=20.0,
    )
    return component, url


def other_user_folder(password: str) -> Path:
    """Return where the cluster lies when PostgreSQL runs as another user.

    It is named after the password, which is random and kept in the data folder: a data folder that moves
    keeps its cluster, and one that was deleted and made anew meets no cluster whose password is gone.
    """
    return OTHER_USER_ROOT / hashlib.sha256(password.encode()).hexdigest()[:16]


def _other_user_home(inside: PostgresHome, folder: Path) -> PostgresHome:
    try:
        _pass_through(folder)
        binaries = inside.binaries
        if binaries.bundle is not None:
            binaries = _copied(binaries, binaries.bundle, folder)
        home = PostgresHome(
            binaries=binaries,
            run_mode=RunMode.OTHER_USER,
            folder=folder,
            password_file=inside.password_file,
        )
        if inside.cluster.exists() and not home.cluster.exists():
            _adopt(inside.cluster, home.cluster)
    except OSError as error:
        raise CannotDropRoot(
            f"PostgreSQL does not run as root; expected to run it as nobody with its data in {folder}, that "
            f"failed: {error}; start as a user who is not root, or set DATABASE_URL to your own server"
        ) from error
    return home


def _pass_through(folder: Path) -> None:
    """Make the folder, in which the other user may reach what is its own and change nothing else."""
    OTHER_USER_ROOT.mkdir(mode=0o711, parents=True, exist_ok=True)
    OTHER_USER_ROOT.chmod(0o711)
    folder.mkdir(mode=0o710, exist_ok=True)
    os.chown(folder, os.geteuid(), nobody()[1])
    folder.chmod(0o710)


def _copied(binaries: PostgresBinaries, bundle: Bundle, folder: Path) -> PostgresBinaries:
    target = folder / f"programs-{bundle.version}"
    if not target.exists():
        unfinished = folder / "programs.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        for part in bundle.folders:
            shutil.copytree(bundle.root / part, unfinished / part, symlinks=True)
        _open_to_all(unfinished)
        unfinished.rename(target)
    return PostgresBinaries(folder=target / binaries.folder.relative_to(bundle.root), bundle=None)


def _open_to_all(tree: Path) -> None:
    for path in (tree, *tree.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)


def _adopt(cluster: Path, target: Path) -> None:
    unfinished = target.with_name("cluster.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    shutil.copytree(cluster, unfinished, symlinks=True)
    for path in (unfinished, *unfinished.rglob("*")):
        os.chown(path, *nobody(), follow_symlinks=False)
    unfinished.rename(target)
    shutil.rmtree(cluster)


async def _make_cluster(supervisor: Supervisor, data_dir: DataDir, home: PostgresHome) -> None:
    unfinished = home.folder / "cluster.unfinished"  # a crash half-way must not leave something like a cluster
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700)
    password_file = home.folder / "initdb.password"
    write_private(password_file, home.password + "\n")
    if home.run_mode is RunMode.OTHER_USER:
        for path in (unfinished, password_file):
            os.chown(path, *nobody())
    try:
        await supervisor.run(_initdb(data_dir, home, unfinished, password_file), timeout_s=INITDB_TIMEOUT_S)
    finally:
        password_file.unlink()
    unfinished.rename(home.cluster)


def _initdb(data_dir: DataDir, home: PostgresHome, target: Path, password_file: Path) -> Program:
    options = (
        f"--pgdata={target}",
        f"--username={DATABASE_USER}",
        f"--pwfile={password_file}",
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        "--locale=C",  # the same order of text on every machine
    )
    return Program(
        name="initdb",
        argv=(str(home.binaries.initdb), *options),
        environ=server_environ(data_dir),
        cwd=home.folder,
        run_mode=home.run_mode,
    )


def forget_dead_postmaster(cluster: Path) -> None:
    """Remove the lock file of a server that was killed, if its pid is some other program's by now.

    PostgreSQL refuses to start while that pid is alive, and after a reboot it often is. We hold the data
    folder's lock, so no supervisor runs this cluster; a real postgres is left to PostgreSQL's own check.
    """
    lock_file = cluster / "postmaster.pid"
    with suppress(FileNotFoundError, ValueError, IndexError, psutil.Error):
        pid = int(lock_file.read_text().splitlines()[0])
        if psutil.pid_exists(pid) and psutil.Process(pid).name() != "postgres":
            lock_file.unlink()
