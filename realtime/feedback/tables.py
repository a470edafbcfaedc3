"""The tables of the store, and how entries become rows and rows entries."""

from __future__ import annotations

import json
import sqlite3
from typing import Any, Final

from realtime.feedback.records import (
    Consent,
    Crop,
    Feedback,
    Kept,
    Label,
    cue_from,
    cue_table,
    to_json,
)
from realtime.redact import redact
from realtime.types import VerdictState

TABLES: Final = """
CREATE TABLE feedback (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    created_s REAL NOT NULL,
    consent_scores INTEGER NOT NULL,
    consent_crops INTEGER NOT NULL,
    consent_s REAL NOT NULL,
    label TEXT NOT NULL CHECK (label IN ('real', 'fake')),
    person TEXT NOT NULL,
    source TEXT NOT NULL,
    source_sha256 TEXT NOT NULL,
    track_id INTEGER,
    start_s REAL NOT NULL,
    end_s REAL NOT NULL,
    model_name TEXT NOT NULL,
    model_sha256 TEXT NOT NULL,
    version TEXT NOT NULL,
    state TEXT,
    probability REAL,
    reasons TEXT NOT NULL,
    scores TEXT NOT NULL,
    cues TEXT NOT NULL,
    note TEXT NOT NULL
);
CREATE INDEX feedback_person ON feedback (person);
CREATE INDEX feedback_created ON feedback (created_s);
CREATE TABLE crop (
    feedback_id INTEGER NOT NULL REFERENCES feedback (id) ON DELETE CASCADE,
    time_s REAL NOT NULL,
    sha256 TEXT NOT NULL,
    width INTEGER NOT NULL,
    height INTEGER NOT NULL,
    png BLOB
);
CREATE INDEX crop_feedback ON crop (feedback_id);
"""


def insert(connection: sqlite3.Connection, clean: Feedback, consent: Consent, now_s: float) -> int:
    """Write an entry and the crops that ``consent`` allows; its number."""
    values = (
        *(now_s, consent.scores, consent.crops, consent.given_s or now_s),
        *(clean.label.value, clean.person, clean.source, clean.source_sha256),
        *(clean.track_id, clean.start_s, clean.end_s),
        *(redact(clean.model_name), clean.model_sha256, clean.version),
        None if clean.state is None else clean.state.value,
        clean.probability,
        *(to_json(clean.reasons), to_json(clean.scores)),
        *(to_json([cue_table(cue) for cue in clean.cues]), clean.note),
    )
    row = connection.execute(
        "INSERT INTO feedback (created_s, consent_scores, consent_crops, consent_s, label,"
        " person, source, source_sha256, track_id, start_s, end_s, model_name,"
        " model_sha256, version, state, probability, reasons, scores, cues, note)"
        " VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
        values,
    ).lastrowid
    connection.executemany(
        "INSERT INTO crop VALUES (?,?,?,?,?,?)",
        [
            (row, c.time_s, c.sha256, c.width, c.height, c.png if consent.crops else None)
            for c in clean.crops
        ],
    )
    assert row is not None
    return row


def purge(connection: sqlite3.Connection, before_s: float) -> int:
    """Delete what was kept before this Unix time; how many entries that were."""
    return connection.execute("DELETE FROM feedback WHERE created_s < ?", (before_s,)).rowcount


def kept(connection: sqlite3.Connection, row: sqlite3.Row, pictures: bool) -> Kept:
    """The entry of a row of ``feedback``."""
    column = "png" if pictures else "NULL"
    crops = connection.execute(
        f"SELECT time_s, sha256, width, height, {column} FROM crop"  # noqa: S608 - constants
        " WHERE feedback_id = ? ORDER BY time_s",
        (row["id"],),
    )
    consent = Consent(bool(row["consent_scores"]), bool(row["consent_crops"]), row["consent_s"])
    plain: dict[str, Any] = {
        name: row[name]
        for name in (
            *("person", "source", "source_sha256", "track_id", "start_s", "end_s"),
            *("model_name", "model_sha256", "version", "probability", "note"),
        )
    }
    feedback = Feedback(
        label=Label(row["label"]),
        state=None if row["state"] is None else VerdictState(row["state"]),
        reasons=tuple(json.loads(row["reasons"])),
        scores=tuple((time_s, odds) for time_s, odds in json.loads(row["scores"])),
        cues=tuple(cue_from(table) for table in json.loads(row["cues"])),
        crops=tuple(Crop(*crop) for crop in crops),
        **plain,
    )
    return Kept(row["id"], row["created_s"], consent, feedback)
