"""The models of a library: affetto's own, and personal ones, older ones kept."""

import hashlib
import logging
import os
import sqlite3
import time
from dataclasses import dataclass
from pathlib import Path

from affetto.errors import CatalogueError
from affetto.library.labelling import default_sha256, labelled_by, relabel
from affetto.library.schema import writing
from affetto.model import MoodModel, load_model
from affetto.output import make_folder
from affetto.sources.playlists import printable

DEFAULT_NAME = "affetto's own"

_log = logging.getLogger("affetto.library")


@dataclass(frozen=True, slots=True)
class ShelvedModel:
    """A model that a library can use.

    Attributes
    ----------
    id : int
        0 for affetto's own.
    name : str
    made_at : float or None
        Seconds since 1970; None for affetto's own.
    in_use : bool
    path : Path or None
        Its file; None for affetto's own.
    sha256 : str or None
        Of its file as it was written; None for affetto's own, which changes with affetto.
    """

    id: int
    name: str
    made_at: float | None
    in_use: bool
    path: Path | None
    sha256: str | None = None

    @property
    def is_personal(self) -> bool:
        """Whether it was learned from the user's own labels."""
        return self.path is not None

    @property
    def is_there(self) -> bool:
        """Whether it can be loaded: its file was not deleted."""
        return self.path is None or self.path.is_file()


class ModelShelf:
    """Models on disk beside the database, and which of them is in use."""

    def __init__(self, db: sqlite3.Connection, database: Path):
        self._db = db
        self._folder = database.parent / "models"
        self._loaded: tuple[int, MoodModel] | None = None

    def models(self) -> list[ShelvedModel]:
        """List affetto's own and all personal ones, oldest first."""
        rows = self._db.execute("SELECT * FROM models ORDER BY id").fetchall()
        personal = [
            ShelvedModel(
                row["id"], row["name"], row["made_at"], bool(row["in_use"]),
                self._folder / row["file"], row["sha256"],
            )
            for row in rows
        ]  # fmt: skip
        own = ShelvedModel(0, DEFAULT_NAME, None, not any(m.in_use for m in personal), None)
        return [own, *personal]

    def in_use(self) -> ShelvedModel:
        """Give the one that labels."""
        return next(model for model in self.models() if model.in_use)

    def load(self) -> MoodModel:
        """Load the model in use.

        Raises
        ------
        CatalogueError
            If its file is gone.
        ModelError
            If its file is damaged.
        """
        chosen = self.in_use()
        if self._loaded is None or self._loaded[0] != chosen.id:
            if not chosen.is_there:
                raise CatalogueError(
                    f"{_lost(chosen)}; put it back, or go on with affetto's own model: "
                    "affetto library update"
                )
            self._loaded = chosen.id, load_model(chosen.path)
        return self._loaded[1]

    def use(self, model: MoodModel | None) -> ShelvedModel:
        """Put a personal model (None: affetto's own) in use; label all tracks by it.

        One transaction: every label is of the old model, or every one of the new. The older
        models stay on the shelf.

        Raises
        ------
        OutputError
            If the model's file cannot be written.
        """
        if model is None:
            self._switch(0, load_model(), default_sha256())
            return self.in_use()
        make_folder(self._folder)
        name = f"personal-{time.strftime('%Y%m%d-%H%M%S')}-{os.urandom(2).hex()}.affetto"
        path = model.save(self._folder / name)
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        try:
            with writing(self._db):
                known = self._db.execute(
                    "SELECT id, file FROM models WHERE sha256 = ?", [sha256]
                ).fetchone()
                if known and (self._folder / known["file"]).exists():
                    path.unlink()
                    chosen = known["id"]
                else:
                    chosen = self._db.execute(
                        "INSERT INTO models (name, file, sha256, made_at, in_use) "
                        "VALUES (?, ?, ?, ?, 0)",
                        [model.name, name, sha256, time.time()],
                    ).lastrowid
                self._switch(chosen, model, sha256)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        return self.in_use()

    def revert(self) -> ShelvedModel:
        """Go back to the model before the one in use; the first personal one's is affetto's own.

        Those whose files are gone are passed over.

        Raises
        ------
        CatalogueError
            If affetto's own is in use: there is none before it.
        """
        models = self.models()
        place = next(i for i, model in enumerate(models) if model.in_use)
        if place == 0:
            raise CatalogueError("affetto's own model is in use; there is none before it")
        before = next(model for model in reversed(models[:place]) if model.is_there)
        if before.sha256 is None:
            return self.use(None)
        self._switch(before.id, load_model(before.path), before.sha256)
        return self.in_use()

    def refresh(self) -> bool:
        """Label anew where the model in use is not the one that labelled: affetto was updated.

        Where a personal model's file is gone, affetto's own takes its place, and a warning is
        logged: music goes on being labelled, all of it by one model.
        """
        chosen = self.in_use()
        if not chosen.is_there:
            _log.warning("%s; affetto's own model labels the library from now on", _lost(chosen))
            self.use(None)
            return True
        sha256 = chosen.sha256 or default_sha256()
        before = labelled_by(self._db)
        if before == sha256:
            return False
        self._switch(chosen.id, self.load(), sha256)
        return before is not None

    def _switch(self, model_id: int, model: MoodModel, sha256: str) -> None:
        with writing(self._db) as db:
            db.execute("UPDATE models SET in_use = (id = ?)", [model_id])
            relabel(db, model, sha256)
        self._loaded = model_id, model


def _lost(model: ShelvedModel) -> str:
    return f"the personal model {printable(model.name)} is gone: {model.path} does not exist"
