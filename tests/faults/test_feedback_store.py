"""The store of feedback when something goes wrong: killed, doubled, full, read-only, damaged."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from realtime.errors import SinkError
from realtime.feedback import store as store_file
from realtime.feedback.records import Consent, Crop, Feedback, Label
from realtime.feedback.store import FeedbackStore
from tests.contract.test_sink_contract import as_nobody
from tests.faults.test_outputs import small_disk

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals and modes of POSIX")

ROOT = Path(__file__).resolve().parents[2]
YES = Consent(scores=True, crops=True)
WRITER = """
import sys
from pathlib import Path
from realtime.feedback.records import Consent, Crop, Feedback, Label
from realtime.feedback.store import FeedbackStore
crop = Crop(0.0, "00" * 32, 9, 9, b"picture" * 2000)
said = Feedback(Label.REAL, "clip.mp4", 0.0, 1.0, "", crops=(crop,))
with FeedbackStore(Path(sys.argv[1])) as store:
    for _ in range(int(sys.argv[2])):
        print(store.add(said, Consent(scores=True, crops=True)), flush=True)
"""


def said(size: int = 1000) -> Feedback:
    picture = Crop(0.0, "00" * 32, 9, 9, b"\xaa" * size)
    return Feedback(Label.FAKE, "clip.mp4", 0.0, 1.0, "", crops=(picture,))


def writer(path: Path, entries: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITER, str(path), str(entries)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def one_sentence(error: SinkError, path: Path) -> bool:
    text = str(error)
    return str(path) in text and "\n" not in text and text.endswith(".") and text.count(". ") == 0


def whole(path: Path) -> bool:
    connection = sqlite3.connect(path)
    try:
        return connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    finally:
        connection.close()


def test_what_was_confirmed_survives_a_kill(tmp_path: Path) -> None:
    path = tmp_path / "feedback.sqlite3"
    for _ in range(2):
        with writer(path, 100_000) as process:
            assert process.stdout is not None
            confirmed = [int(process.stdout.readline()) for _ in range(20)]
            process.send_signal(signal.SIGKILL)
            confirmed += [int(line) for line in process.stdout.read().split("\n")[:-1]]
        with FeedbackStore(path) as store:
            kept = {entry.id for entry in store.entries()}
        assert set(confirmed) <= kept
        # One more may have been on the disk before its number was printed.
        assert len(kept) - max(confirmed) <= 1
        assert whole(path)


def test_two_programs_write_at_once_and_nothing_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "feedback.sqlite3"
    both = [writer(path, 30) for _ in range(2)]
    printed = [int(n) for process in both for n in process.communicate(timeout=60)[0].split()]
    assert [process.returncode for process in both] == [0, 0]
    assert sorted(printed) == list(range(1, 61))
    with FeedbackStore(path) as store:
        assert store.count() == 60


def test_another_program_that_does_not_let_go_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_file, "BUSY_S", 0.2)
    path = tmp_path / "feedback.sqlite3"
    with FeedbackStore(path) as store:
        holder = sqlite3.connect(path, isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        with pytest.raises(SinkError, match="another program holds the file") as caught:
            store.add(said(), YES)
        assert one_sentence(caught.value, path)
        holder.execute("ROLLBACK")
        holder.close()
        assert store.add(said(), YES) == 1


def test_a_full_disk_is_told_and_changes_nothing(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    with small_disk(disk, 400_000) as limit:
        if limit is not None:
            pytest.skip("this user may write read-only files")  # and mount no disk
        path = disk / "feedback.sqlite3"
        other = disk / "other"
        other.write_bytes(bytes(150_000))

        def fill() -> None:
            for _ in range(100):
                store.add(said(20_000), YES)

        with FeedbackStore(path) as store:
            with pytest.raises(SinkError, match="the disk is full") as caught:
                fill()
            assert one_sentence(caught.value, path)
            kept = store.count()
            assert 0 < kept < 100
            other.unlink()
            assert store.delete(*range(1, kept)) == kept - 1
            store.add(said(10), YES)
        assert whole(path)


def test_a_folder_that_may_not_be_written_is_one_sentence(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    for place in (tmp_path, *tmp_path.parents[:3]):
        place.chmod(place.stat().st_mode | 0o055)
    folder.chmod(0o555)
    for path in (folder / "feedback.sqlite3", folder / "inner" / "feedback.sqlite3"):
        with as_nobody(), pytest.raises(SinkError, match="Permission denied") as caught:
            FeedbackStore(path)
        assert one_sentence(caught.value, path)


@pytest.mark.parametrize(
    "content", [b"no database at all, but long enough" * 9, b"SQLite format 3"]
)
def test_a_file_that_is_no_database_is_left_as_it_is(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "feedback.sqlite3"
    path.write_bytes(content)
    with pytest.raises(SinkError) as caught:
        FeedbackStore(path)
    assert one_sentence(caught.value, path)
    assert path.read_bytes() == content


def test_a_damaged_file_is_told(tmp_path: Path) -> None:
    path = tmp_path / "feedback.sqlite3"
    with FeedbackStore(path) as store:
        for _ in range(20):
            store.add(said(5000), YES)
    data = bytearray(path.read_bytes())
    data[8192 : len(data) // 2] = b"\x99" * (len(data) // 2 - 8192)
    path.write_bytes(data)
    with pytest.raises(SinkError) as caught, FeedbackStore(path) as store:
        store.entries(pictures=True)
    assert one_sentence(caught.value, path)


@pytest.mark.parametrize("name", ["a\0b", "x" * 300, "folder"])
def test_a_name_that_cannot_be_is_one_sentence(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(SinkError) as caught:
        FeedbackStore(tmp_path / name)
    assert str(caught.value).startswith("Cannot keep feedback in ")
    assert "\0" not in str(caught.value)
