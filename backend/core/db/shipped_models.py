"""Puts the models that came with the product into the table of models."""

from pathlib import Path

from sqlalchemy import Connection

from backend.core.db import models as sql
from backend.core.model_shelf import SHIPPED, model_row, shipped_models
from model_files.manifest import Manifest, folder_of


def register_shipped(connection: Connection, shipped: Path = SHIPPED) -> None:
    """Add those that are new, in the caller's transaction; doing it again changes nothing.

    A new one serves at once where nothing serves under its name, or what serves was shipped too: a newer product
    brings a better model. It never takes the place of a model that was trained here, and one that somebody rolled
    back from stays where it is.
    """
    for manifest in shipped_models(shipped):
        row = model_row(manifest, folder_of(shipped, manifest), "shipped")
        is_new = connection.execute(sql.add_model(row)).one_or_none() is not None
        _promote_if_it_should(connection, manifest, is_new=is_new)


def _promote_if_it_should(connection: Connection, manifest: Manifest, *, is_new: bool) -> None:
    versions = connection.execute(sql.lock_versions(manifest.name)).mappings().all()
    champion = next((row for row in versions if row["stage"] == "champion"), None)
    if champion is None or (is_new and champion["source"] == "shipped"):
        connection.execute(sql.retire_champion(manifest.name))
        connection.execute(sql.make_champion(manifest.name, manifest.version))
