"""The SQLite file that feedback is kept in.

Several programs may use it at once: it is in WAL mode, every change is one transaction, and
what `FeedbackStore.add` has returned for is on the disk, whatever is killed afterwards. What is
deleted is overwritten. The file and its folder are for their owner alone.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from realtime.closing import Closing
from realtime.errors import ConfigError, SinkError
from realtime.feedback.records import Consent, Feedback, Kept
from realtime.feedback.tables import TABLES, insert, kept, purge
from realtime.redact import redact

SCHEMA_VERSION: Final = 1
APPLICATION_ID: Final = 0x66776662
"""Tells our files from those of others (SQLite, PRAGMA application_id)."""
BUSY_S: Final = 5.0
"""For so long another program may usually hold the file."""
DAY_S: Final = 86_400.0

log = logging.getLogger(__name__)


class FeedbackStore(Closing):
    """Feedback in one file, which is made if it is not there; any thread may use it.

    ``wall`` gives Unix time. With ``keep_days`` everything older is deleted when the store is
    opened and with every `add`.

    Raises:
        SinkError: here and from every method: the folder is read-only, the disk full, the file
            damaged or held by another program for more than ``busy_s``. Nothing is half done then.
        ConfigError: if the file is none of ours, or of a newer version.
    """

    def __init__(
        self,
        path: Path,
        *,
        keep_days: float | None = None,
        wall: Callable[[], float] = time.time,
        busy_s: float = BUSY_S,
    ) -> None:
        self._path = path
        self._keep_days = keep_days
        self._wall = wall
        self._busy_s = busy_s
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        if "\0" in str(path):
            raise SinkError(f"Cannot keep feedback in {redact(path)}: no file can be called so.")
        with self._told():
            self._make_private()
            self._connection = self._connect()
        try:
            if keep_days is not None:
                self.purge(keep_days)
        except BaseException:
            self.close()
            raise

    @property
    def path(self) -> Path:
        """Where the file is."""
        return self._path

    def add(self, feedback: Feedback, consent: Consent) -> int:
        """Keep it; the number it has from now on. Of crops only what ``consent`` allows.

        Raises:
            ValueError: without consent to anything.
        """
        if not consent.scores:
            raise ValueError("feedback is kept only with consent")
        clean, now = feedback.cleaned(), self._wall()
        with self._changing() as connection:
            row = insert(connection, clean, consent, now)
            if self._keep_days is not None:
                purge(connection, now - self._keep_days * DAY_S)
        return row

    def entries(self, *, person: str | None = None, pictures: bool = False) -> list[Kept]:
        """Everything, or what there is of one person, the oldest first.

        Without ``pictures`` the crops come as hashes.
        """
        where, values = ("WHERE person = ?", (person,)) if person is not None else ("", ())
        with self._lock, self._told():
            connection = self._open()
            connection.execute("BEGIN")
            try:
                rows = connection.execute(
                    f"SELECT * FROM feedback {where} ORDER BY id",  # noqa: S608 - a constant
                    values,
                ).fetchall()
                return [kept(connection, row, pictures) for row in rows]
            finally:
                connection.execute("ROLLBACK")

    def count(self) -> int:
        """How many entries there are."""
        with self._lock, self._told():
            found: int = self._open().execute("SELECT count(*) FROM feedback").fetchone()[0]
            return found

    def delete(self, *ids: int) -> int:
        """Delete entries by their numbers; how many there were."""
        with self._erasing() as connection:
            found = [connection.execute("DELETE FROM feedback WHERE id = ?", (i,)) for i in ids]
            return sum(cursor.rowcount for cursor in found)

    def delete_person(self, person: str) -> int:
        """Delete everything of one person; how many entries that were."""
        with self._erasing() as connection:
            return connection.execute("DELETE FROM feedback WHERE person = ?", (person,)).rowcount

    def purge(self, older_than_days: float) -> int:
        """Delete what is older; how many entries that were."""
        before = self._wall() - older_than_days * DAY_S
        with self._erasing() as connection:
            return purge(connection, before)

    def close(self) -> None:
        """Give the file back; may be called again."""
        with self._lock:
            connection, self._connection = self._connection, None
            if connection is not None:
                with suppress(sqlite3.Error):
                    connection.close()

    def _make_private(self) -> None:
        if not self._path.parent.is_dir():
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Made here, since SQLite would make it as the umask says; its other files follow it.
        os.close(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600))
        if self._path.is_file() and self._path.stat().st_mode & 0o077:
            self._path.chmod(0o600)

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._path, timeout=self._busy_s, isolation_level=None, check_same_thread=False
        )
        try:
            connection.row_factory = sqlite3.Row
            self._check_ours(connection)
            _patiently(lambda: connection.execute("PRAGMA journal_mode = WAL"), self._busy_s)
            for pragma in ("synchronous = FULL", "foreign_keys = ON", "secure_delete = ON"):
                connection.execute(f"PRAGMA {pragma}")
            self._make_tables(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _check_ours(self, connection: sqlite3.Connection) -> None:
        """Before anything is changed in it."""
        # All at one moment: another program may just be making its tables.
        connection.execute("BEGIN")
        try:
            tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
            owner = connection.execute("PRAGMA application_id").fetchone()[0]
            version = connection.execute("PRAGMA user_version").fetchone()[0]
        finally:
            connection.execute("ROLLBACK")
        if tables and owner != APPLICATION_ID:
            raise ConfigError(
                f"{redact(self._path)} is a database of another program; name another file."
            )
        if version > SCHEMA_VERSION:
            raise ConfigError(
                f"The feedback in {redact(self._path)} was written by a newer fakewatch; update "
                "this one, or name another file."
            )

    def _make_tables(self, connection: sqlite3.Connection) -> None:
        with _transaction(connection):
            if connection.execute("PRAGMA user_version").fetchone()[0]:
                return
            for statement in TABLES.split(";"):
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            raise SinkError(f"The feedback in {redact(self._path)} is closed.")
        return self._connection

    @contextmanager
    def _changing(self) -> Iterator[sqlite3.Connection]:
        with self._lock, self._told():
            connection = self._open()
            with _transaction(connection):
                yield connection

    @contextmanager
    def _erasing(self) -> Iterator[sqlite3.Connection]:
        """As `_changing`, and afterwards nothing of it is left in the file of the log either."""
        with self._lock:
            with self._changing() as connection:
                yield connection
            with self._told():
                busy = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
            if busy:
                log.warning(
                    "What was deleted from %s is overwritten once no other program reads it.",
                    redact(self._path),
                )

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Whatever the disk or SQLite says becomes one sentence."""
        try:
            yield
        except (sqlite3.Error, OSError) as exc:
            raise SinkError(
                f"Cannot keep feedback in {redact(self._path)}: {_reason(exc)}."
            ) from None


def _reason(exc: Exception) -> str:
    text = str(exc).lower()
    for sign, words in (
        ("locked", "another program holds the file; try again"),
        ("full", "the disk is full; free some space, nothing was changed"),
        ("readonly", "it may not be written; change its permissions or name another file"),
        ("not a database", "it is no database; name another file"),
        ("malformed", "the file is damaged; move it away"),
    ):
        if sign in text:
            return words
    if isinstance(exc, OSError) and exc.strerror:
        return f"{exc.strerror}; name another file"
    return f"{redact(exc)}; look at the disk or name another file"


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        raise


def _patiently(work: Callable[[], object], busy_s: float) -> None:
    """For what SQLite does not wait with: becoming a WAL database while others look."""
    deadline = time.monotonic() + busy_s
    while True:
        try:
            work()
            return
        except sqlite3.OperationalError as exc:
            if "locked" not in str(exc) or time.monotonic() >= deadline:
                raise
            time.sleep(0.02)
