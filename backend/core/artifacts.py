"""The artifact store: large results as Parquet files and pages, in any place that fsspec can reach."""

import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from backend.core.jobs.outcomes import Artifact, Page

if TYPE_CHECKING:
    import pyarrow as pa

ROWS_PER_GROUP = 65_536
PAGE_SUFFIX = ".html"


@dataclass(frozen=True)
class StoredArtifact:
    """Where an artifact lies, and what is in it; a page has no rows."""

    name: str
    path: str
    row_count: int
    byte_count: int
    sha256: bytes


class ArtifactStore:
    """Files under one address, each with a suffix that says what it is.

    Paths hold the lease token, so two attempts never write one file.
    """

    def __init__(self, url: str) -> None:
        self._url = url

    def write(self, job_id: UUID, token: UUID, artifact: Artifact | Page) -> StoredArtifact:
        if isinstance(artifact, Page):
            row_count, content, suffix = 0, artifact.html.encode(), PAGE_SUFFIX
        else:
            table = _table(artifact)
            row_count, content, suffix = table.num_rows, _parquet(table), ".parquet"
        path = f"{job_id}/{token}/{artifact.name}{suffix}"
        filesystem, root = self._place()
        filesystem.makedirs(f"{root}/{job_id}/{token}", exist_ok=True)
        filesystem.pipe_file(f"{root}/{path}", content)
        return StoredArtifact(artifact.name, path, row_count, len(content), hashlib.sha256(content).digest())

    def read_batches(self, path: str) -> Iterator["pa.RecordBatch"]:
        """Yield the rows of a stored artifact, a row group at a time."""
        import pyarrow.parquet as pq  # noqa: PLC0415 - the web process starts without it

        filesystem, root = self._place()
        with filesystem.open(f"{root}/{path}", "rb") as file:
            yield from pq.ParquetFile(file).iter_batches()

    def column_names(self, path: str) -> list[str]:
        """Return the names of a stored artifact's columns, which it has even without rows."""
        import pyarrow.parquet as pq  # noqa: PLC0415 - the web process starts without it

        filesystem, root = self._place()
        with filesystem.open(f"{root}/{path}", "rb") as file:
            return [str(name) for name in pq.read_schema(file).names]

    def read_bytes(self, path: str, chunk_bytes: int = 1 << 20) -> Iterator[bytes]:
        """Yield the stored file as it is."""
        filesystem, root = self._place()
        with filesystem.open(f"{root}/{path}", "rb") as file:
            while chunk := file.read(chunk_bytes):
                yield chunk

    def try_out(self, trial_id: UUID) -> None:
        """Write a file of its own, read it and remove it; raises what the store raises when it cannot."""
        filesystem, root = self._place()
        content = trial_id.bytes
        filesystem.makedirs(f"{root}/{trial_id}", exist_ok=True)
        try:
            filesystem.pipe_file(f"{root}/{trial_id}/trial", content)
            if filesystem.cat_file(f"{root}/{trial_id}/trial") != content:
                raise OSError("a file did not come back as it was written")
        finally:
            self._remove(str(trial_id))

    def drop_attempt(self, job_id: UUID, token: UUID) -> None:
        """Remove what one attempt wrote; nothing there is not an error."""
        self._remove(f"{job_id}/{token}")

    def drop_job(self, job_id: UUID) -> None:
        """Remove everything of a job; nothing there is not an error."""
        self._remove(str(job_id))

    def _remove(self, path: str) -> None:
        filesystem, root = self._place()
        if filesystem.exists(f"{root}/{path}"):
            filesystem.rm(f"{root}/{path}", recursive=True)

    def _place(self) -> tuple[Any, str]:  # Any: fsspec ships no types
        import fsspec  # noqa: PLC0415 - the web process starts without it

        filesystem, root = fsspec.core.url_to_fs(self._url)
        return filesystem, str(root)


def _table(artifact: Artifact) -> "pa.Table":
    import pyarrow as pa  # noqa: PLC0415 - the web process starts without it

    columns = {
        name: pa.array(values, pa.timestamp("ns", tz="UTC")) if name in artifact.time_columns else pa.array(values)
        for name, values in artifact.columns.items()
    }
    return pa.table(columns)


def _parquet(table: "pa.Table") -> bytes:
    import pyarrow.parquet as pq  # noqa: PLC0415 - the web process starts without it

    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd", row_group_size=ROWS_PER_GROUP)
    return buffer.getvalue()
