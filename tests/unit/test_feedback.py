"""Feedback: kept with consent, found again as it was, exported for training, and gone for good."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import stat
import threading
from pathlib import Path

import numpy as np
import pytest

from models.catalog import clips, photos
from realtime.cli import main
from realtime.errors import ConfigError, SinkError
from realtime.feedback.build import on_person, on_span
from realtime.feedback.export import export
from realtime.feedback.place import default_path
from realtime.feedback.records import Consent, Crop, Feedback, Label, person_key
from realtime.feedback.store import DAY_S, SCHEMA_VERSION, FeedbackStore
from realtime.report.gather import Gathering
from realtime.report.model import FileFacts
from realtime.types import Cue, VerdictState
from tests.contract.clips import make_clip
from tests.unit.report_runs import frame_result, start

YES = Consent(scores=True, crops=True, given_s=5.0)
NUMBERS = Consent(scores=True)
CUES = (
    Cue("blink", 14.0, 0.3, 0.8, 60.0, "14 blinks a minute", {"count": 14.0}),
    Cue.silent("pulse", "too dark"),
)


def crop(seed: int = 0) -> Crop:
    image = np.random.default_rng(seed).integers(0, 255, (60, 80, 3), np.uint8)
    return Crop.of(1.5, image, np.array([20, 20, 20, 20], np.float32))


def said(label: Label = Label.REAL, **changes: object) -> Feedback:
    given: dict = {
        "label": label,
        "source": "clip.mp4",
        "start_s": 1.0,
        "end_s": 9.5,
        "model_sha256": "ab" * 32,
        "track_id": 3,
        "source_sha256": "cd" * 32,
        "model_name": "detector",
        "version": "0.1.0",
        "state": VerdictState.STRONG,
        "probability": 0.95,
        "reasons": ("classifier 0.95",),
        "scores": ((1.0, 2.5), (1.25, 3.0)),
        "cues": CUES,
        "crops": (crop(),),
        "note": "she told me so",
    }
    return Feedback(**{**given, **changes})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "feedback.sqlite3"


@pytest.fixture
def store(path: Path):
    with FeedbackStore(path) as made:
        yield made


def test_what_was_said_is_found_as_it_was(path: Path, store: FeedbackStore) -> None:
    number = store.add(said(), YES)
    store.close()
    with FeedbackStore(path) as again:
        (kept,) = again.entries(pictures=True)
    assert kept.id == number
    assert kept.consent == YES
    assert kept.feedback == said(person=person_key("cd" * 32, 3))


def test_pictures_are_kept_only_if_they_are_allowed(path: Path, store: FeedbackStore) -> None:
    store.add(said(), NUMBERS)
    (kept,) = store.entries(pictures=True)
    (only,) = kept.feedback.crops
    assert only.png is None
    assert only.sha256 == crop().sha256
    store.close()
    assert crop().png not in path.read_bytes()


def test_without_consent_nothing_is_kept(store: FeedbackStore) -> None:
    with pytest.raises(ValueError, match="consent"):
        store.add(said(), Consent(scores=False, crops=True))
    assert store.count() == 0


def test_a_span_that_is_none_and_numbers_that_are_none(store: FeedbackStore) -> None:
    for first, last in ((2.0, 1.0), (0.0, float("nan"))):
        with pytest.raises(ValueError, match="span"):
            said(start_s=first, end_s=last)
    odd = Cue("x", float("nan"), float("inf"), 0.5, 1.0, "odd", {"a": float("nan")})
    odd_scores = ((float("nan"), 0.0), (1.0, 2.0))
    store.add(said(cues=(odd,), scores=odd_scores, probability=float("nan")), YES)
    (kept,) = store.entries()
    assert kept.feedback.cues == (Cue("x", None, 0.0, 0.5, 1.0, "odd", {}),)
    assert kept.feedback.scores == ((1.0, 2.0),)
    assert kept.feedback.probability is None


def test_credentials_are_not_kept(path: Path, store: FeedbackStore) -> None:
    address = "rtsp://user:hunter2@camera/1"
    store.add(said(source=address, note=f"see {address}", reasons=(address,), person=address), YES)
    store.close()
    assert b"hunter2" not in path.read_bytes()


def test_only_their_owner_may_read_the_files(path: Path, store: FeedbackStore) -> None:
    store.add(said(), YES)
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    files = list(path.parent.iterdir())
    assert {file.name for file in files} >= {path.name, f"{path.name}-wal"}
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


def test_a_file_that_others_could_read_is_closed_to_them(path: Path, store: FeedbackStore) -> None:
    store.close()
    path.chmod(0o644)
    FeedbackStore(path).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_person_is_deleted_without_a_trace(path: Path, store: FeedbackStore) -> None:
    """Not a byte of the pictures, names and notes is left in any of the files."""
    secret = crop(7)
    marked = said(person="Anna", note="the only note of its kind", crops=(secret,))
    store.add(said(person="Bert"), YES)
    for _ in range(3):
        store.add(marked, YES)
    assert store.delete_person("Anna") == 3
    assert [kept.feedback.person for kept in store.entries()] == ["Bert"]
    for file in path.parent.iterdir():
        data = file.read_bytes()
        assert secret.png is not None
        for trace in (secret.png[40:80], b"Anna", b"the only note of its kind"):
            assert trace not in data
    assert store.delete_person("Anna") == 0


def test_entries_are_deleted_by_number_with_their_pictures(store: FeedbackStore) -> None:
    first, second = store.add(said(), YES), store.add(said(), YES)
    assert store.delete(first, 99) == 1
    assert [kept.id for kept in store.entries()] == [second]
    orphans = sqlite3.connect(store.path).execute("SELECT count(*) FROM crop").fetchone()[0]
    assert orphans == 1
    assert store.add(said(), YES) > second  # a number is never given twice


def test_what_is_old_is_purged(path: Path) -> None:
    now = [1000 * DAY_S]
    with FeedbackStore(path, wall=lambda: now[0]) as store:
        store.add(said(note="old"), YES)
        now[0] += 10 * DAY_S
        store.add(said(note="new"), YES)
        assert store.purge(11) == 0
        assert store.purge(9) == 1
        assert [kept.feedback.note for kept in store.entries()] == ["new"]
    now[0] += 20 * DAY_S
    with FeedbackStore(path, keep_days=15, wall=lambda: now[0]) as store:
        assert store.count() == 0
        store.add(said(), YES)
        now[0] += 20 * DAY_S
        store.add(said(note="newest"), YES)
        assert [kept.feedback.note for kept in store.entries()] == ["newest"]


def test_many_threads_may_use_one_store(store: FeedbackStore) -> None:
    threads = [
        threading.Thread(target=lambda: [store.add(said(crops=()), YES) for _ in range(5)])
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({kept.id for kept in store.entries()}) == 30


def test_a_newer_or_foreign_database_is_left_alone(path: Path, store: FeedbackStore) -> None:
    store.close()
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    connection.close()
    with pytest.raises(ConfigError, match="newer fakewatch"):
        FeedbackStore(path)
    other = path.with_name("other.sqlite3")
    with sqlite3.connect(other) as connection:
        connection.execute("CREATE TABLE precious (x)")
    connection.close()
    before = other.read_bytes()
    with pytest.raises(ConfigError, match="another program"):
        FeedbackStore(other)
    assert other.read_bytes() == before


def test_a_closed_store_says_so(store: FeedbackStore) -> None:
    store.close()
    store.close()
    with pytest.raises(SinkError, match="closed"):
        store.add(said(), YES)


def test_a_crop_holds_the_face_and_what_is_around_it() -> None:
    image = np.arange(100 * 200 * 3, dtype=np.uint8).reshape(100, 200, 3)
    inside = Crop.of(0.0, image, np.array([50, 40, 20, 20], np.float32))
    assert (inside.width, inside.height) == (44, 44)
    edge = Crop.of(0.0, image, np.array([-5, -5, 20, 20], np.float32))
    assert (edge.width, edge.height) == (27, 27)
    assert inside.png is not None
    assert inside.sha256 == hashlib.sha256(inside.png).hexdigest()
    with pytest.raises(ValueError, match="outside"):
        Crop.of(0.0, image, np.array([500, 10, 20, 20], np.float32))


def test_the_catalogue_reads_what_was_exported(store: FeedbackStore, tmp_path: Path) -> None:
    media = tmp_path / "media"
    media.mkdir()
    real, fake = make_clip(media / "real.mp4", 10), make_clip(media / "fake.mp4", 12)
    make_clip(media / "unspoken.mp4", 14)
    hashes = {p: hashlib.sha256(p.read_bytes()).hexdigest() for p in (real, fake)}
    for person in ("../../Anna", "Bert"):
        face = (crop(hash(person) % 100),)
        store.add(said(person=person, source_sha256=hashes[real], crops=face), YES)
    store.add(said(Label.FAKE, source_sha256=hashes[fake], crops=(crop(200),)), YES)
    store.add(said(person="Carla", crops=(crop(201),)), NUMBERS)
    done = export(store, tmp_path / "out", media)
    assert (done.entries, done.real_crops, done.fake_crops, done.clips) == (4, 2, 1, 2)
    found = photos(tmp_path / "out")
    assert len(found) == 2
    assert len({photo.person for photo in found}) == 2
    assert [clip.fake for clip in clips(tmp_path / "out")] == [False, True]
    lines = (tmp_path / "out" / "feedback.jsonl").read_text("utf-8").splitlines()
    records = [json.loads(line) for line in lines]
    assert [r["label"] for r in records] == ["real", "real", "fake", "real"]
    assert records[0]["cues"][0]["name"] == "blink"
    assert all(r["schema"] == "fakewatch-feedback/1" for r in records)
    names = {p.relative_to(tmp_path / "out").parts[0] for p in (tmp_path / "out").rglob("*")}
    assert names == {"faces", "forged", "videos", "feedback.jsonl"}


def test_what_people_contradict_each_other_about_is_left_out(
    store: FeedbackStore, tmp_path: Path
) -> None:
    clip = make_clip(tmp_path / "clip.mp4", 5)
    sha256 = hashlib.sha256(clip.read_bytes()).hexdigest()
    for label in Label:
        store.add(said(label, source_sha256=sha256), YES)
    done = export(store, tmp_path / "out", tmp_path)
    assert (done.real_crops, done.fake_crops, done.clips, done.contradicted) == (0, 0, 0, 2)


def test_an_export_overwrites_nothing(store: FeedbackStore, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "precious").write_text("x")
    with pytest.raises(ConfigError, match="not empty"):
        export(store, tmp_path / "full")
    with pytest.raises(ConfigError, match="no folder"):
        export(store, tmp_path / "out", tmp_path / "missing")
    with pytest.raises(SinkError, match="Cannot export"):
        export(store, tmp_path / "full" / "precious" / "out")


def test_the_place_is_that_of_the_system(tmp_path: Path) -> None:
    home = Path("/home/someone")
    usual = home / ".local/share/fakewatch/feedback.sqlite3"
    assert default_path({}, home) == usual
    assert default_path({"XDG_DATA_HOME": "relative"}, home) == usual
    given = default_path({"XDG_DATA_HOME": str(tmp_path)}, home)
    assert given == tmp_path / "fakewatch" / "feedback.sqlite3"


def test_feedback_is_made_from_what_was_gathered(store: FeedbackStore) -> None:
    gathering = Gathering(start("clip.mp4"))
    for index in range(50):
        gathering.add(frame_result(index, index / 10, {1: VerdictState.STRONG}))
    run = gathering.run(None, FileFacts("ef" * 32, 10))
    whole = on_person(run, 1, Label.FAKE, note="it was a filter")
    assert (whole.start_s, whole.end_s, whole.state) == (0.0, 4.9, VerdictState.STRONG)
    assert len(whole.scores) == 50
    assert [cue.name for cue in whole.cues] == ["blink", "pulse"]
    assert whole.model_sha256 == run.start.model.sha256
    part = on_person(run, 1, Label.REAL, span=(1.0, 2.0), crops=(crop(),), person="Anna")
    assert [part.scores[0][0], part.scores[-1][0]] == [1.0, 2.0]
    span = on_span(run, Label.FAKE, (1.0, 2.0))
    assert span.track_id is None
    for made in (whole, part, span):
        store.add(made, YES)
    kept = [entry.feedback for entry in store.entries()]
    assert {entry.source_sha256 for entry in kept} == {"ef" * 32}
    assert kept[0].person == person_key("ef" * 32, 1)
    with pytest.raises(ValueError, match="no person 9"):
        on_person(run, 9, Label.REAL)


def test_the_command_lists_exports_purges_and_deletes(
    path: Path, store: FeedbackStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store.add(said(person="Anna"), YES)
    store.add(said(Label.FAKE, person="Bert", track_id=None), YES)
    store.add(said(person="Carla"), YES)
    store.close()

    def run(*arguments: str) -> str:
        assert main(["feedback", *arguments, "--store", str(path)]) == 0
        return capsys.readouterr().out

    lines = run("list").splitlines()
    assert len(lines) == 3
    assert "real  person Anna  clip.mp4  face 3  1.0-9.5 s, 1 crops: she told me so" in lines[0]
    assert "fake  person Bert  clip.mp4  everyone" in lines[1]
    assert [json.loads(x)["person"] for x in run("list", "--json", "--person", "Bert").splitlines()]
    assert "3 entries" in run("export", str(tmp_path / "out"))
    assert run("delete", "--person", "Anna") == "1 entries deleted, 2 kept\n"
    assert run("delete", "2", "77") == "1 entries deleted, 1 kept\n"
    assert run("purge", "--days", "30") == "0 entries deleted, 1 kept\n"
    assert run("purge", "--days", "0") == "1 entries deleted, 0 kept\n"
    assert run("list") == "no feedback is kept\n"


def test_mistakes_at_the_command_are_one_sentence(
    path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["feedback", "list", "--store", str(path)]) == 2
    assert main(["feedback", "delete", "--store", str(path)]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert [line.startswith("fakewatch: ") for line in lines] == [True, True]
    with pytest.raises(SystemExit) as caught:
        main(["feedback", "purge", "--days", "-3"])
    assert caught.value.code == 2
    capsys.readouterr()
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "nothing"))
    assert main(["feedback", "list"]) == 0
    assert capsys.readouterr().out == "no feedback is kept\n"
    assert not (tmp_path / "nothing").exists()
