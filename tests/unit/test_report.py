"""Reports: what is in them, that they need nothing beside them, and that nobody can get in."""

from __future__ import annotations

import hashlib
import io
import os
import re
import zlib
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import cv2
import numpy as np
import pytest

from realtime.errors import ConfigError, SinkError
from realtime.report import plots, words, write
from realtime.report.gather import MAX_PEOPLE, Gathering, Scores
from realtime.report.hashing import PIECE_BYTES, FileHash
from realtime.report.lanes import Lane
from realtime.report.model import Run
from realtime.report.page import page
from realtime.report.pdf import pdf
from realtime.report.pictures import cut_out, whole
from realtime.report.sink import ReportSink, RunRecorder
from realtime.types import Cue, DropCause, FrameCounts, RunSummary, VerdictState
from tests.unit.report_runs import LONG, STATES, frame_result, start, summary, track

UNSURE, STRONG = VerdictState.UNCERTAIN, VerdictState.STRONG
HOSTILE = "שלום مرحبا <script>alert(1)<img src=x onerror=alert(2)> 新 \u202egpj.mp4"


def gathered(
    people: int,
    *,
    name: str = "clip.mp4",
    faces: bool = False,
    size: tuple[int, int] = (320, 240),
    frames: int = 30,
    ended: bool = True,
) -> Run:
    """A run of 25 frames a second in which so many people are seen all the time."""
    gathering = Gathering(start(name, size=size), faces=faces)
    states = {i: STATES[i % 5] for i in range(1, people + 1)}
    for index in range(frames):
        gathering.add(frame_result(index, index / 25, states, size=size))
    tracks = tuple(track(i, state) for i, state in states.items())
    return gathering.run(summary(tracks, frames) if ended else None, None)


class Page(HTMLParser):
    """Every tag with its attributes, and the text that a reader sees."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in {"meta", "br", "img", "rect", "polyline", "polygon"}:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_all_that_is_known_is_on_the_page() -> None:
    read = Page(page([gathered(5)]))
    assert read.open == []
    for fact in (
        "clip.mp4",
        "320 × 240, h264",
        "ab" * 32,
        "few clips",
        "At even odds.",
        "strong by classifier",
        LONG.strip(),
        "14 blinks a minute",
        "People often do not blink",
        "not assessable: too dark",
        "too small 1.0 s",
        "Captured",
        "could not be decoded",
        "verdict.half_life_s = 5.0",
        "half-life of 5.0 s",
        *words.LIMITS,
    ):
        assert fact in read.text, fact
    rows = re.findall(r"(Captured|Analysed|could not be decoded|on their way)\s*(\d+)", read.text)
    assert rows == [
        ("Captured", "32"),
        ("Analysed", "30"),
        ("could not be decoded", "2"),
        ("on their way", "0"),
    ]


def test_the_gravest_person_comes_first() -> None:
    run = gathered(5)
    assert [p.track_id for p in run.people] == [4, 3, 2, 1, 5]
    assert words.headline(run).startswith("Gravest verdict: very strong evidence")


@pytest.mark.parametrize("faces", [False, True])
def test_the_page_asks_nobody_for_anything(faces: bool) -> None:
    """No address in it is fetched, and the browser is told to fetch none."""
    read = Page(page([gathered(3, faces=faces, name=HOSTILE), gathered(0)]))
    for tag, attributes in read.tags:
        assert tag not in {"script", "link", "iframe", "object", "form", "base"}
        for key, value in attributes.items():
            assert not key.startswith("on")
            if key in {"src", "href"}:
                assert str(value).startswith(("data:image/jpeg;base64,", "#"))
    policy = [a["content"] for t, a in read.tags if "http-equiv" in a]
    assert policy[0] is not None
    assert "default-src 'none'" in policy[0]
    assert "url(" not in page([gathered(1)])


def test_a_hostile_name_is_only_text() -> None:
    html = page([gathered(1, name=HOSTILE)])
    assert "<script" not in html
    assert "onerror=alert(2)>" not in html
    read = Page(html)
    assert "<script>alert(1)<img src=x" in read.text
    assert "\u202e" not in html
    assert not [tag for tag, _ in read.tags if tag == "img"]
    assert "<bdi>" in html  # so that letters from right to left turn nothing else round


def test_credentials_are_not_in_it() -> None:
    run = gathered(1, name="rtsp://user:hunter2@camera/1")
    assert "hunter2" not in page([run])
    assert not any("hunter2" in value for _, value in words.source_facts(run))
    cue = Cue.silent("rtsp://user:hunter2@camera/1", "rtsp://user:hunter2@camera/1")
    assert "hunter2" not in words.cue_text(cue) + words.cue_title(cue)
    lines = words.settings({"a": {"password": "hunter2"}, "b": "rtsp://u:hunter2@h/"})
    assert "hunter2" not in "".join(lines)


def test_nobody_and_nothing_are_said_to_prove_nothing() -> None:
    read = Page(page([gathered(0)]))
    assert "No face was found. Nothing is said about this source." in read.text
    assert "no proof" in read.text
    assert "nothing to report" in Page(page([])).text
    unseen = Gathering(start())
    unseen.add(frame_result(0, 0.0, {1: VerdictState.NOT_ASSESSABLE}))
    run = unseen.run(summary((track(1, VerdictState.NOT_ASSESSABLE),), 1), None)
    assert "No face could be assessed" in Page(page([run])).text


def test_a_run_that_was_broken_off_says_so() -> None:
    assert "was not looked at" in Page(page([gathered(1, ended=False)])).text
    gathering = Gathering(start())
    run = gathering.run(summary((), 0, "The file is damaged; get it anew."), None)
    assert "The run broke off: The file is damaged" in Page(page([run])).text
    assert not run.complete
    assert gathered(1).complete


@pytest.mark.parametrize("size", [(320, 240), (240, 426)])
def test_twenty_people_are_all_told_of_in_both_forms(size: tuple[int, int]) -> None:
    run = gathered(20, faces=True, size=size, frames=3)
    read = Page(page([run]))
    for person in run.people:
        assert f"Person #{person.track_id}: " in read.text
    if size[0] < size[1]:
        assert text_of(pdf([run])).pages > 5


def test_pictures_are_there_only_if_they_are_allowed() -> None:
    assert not [t for t, _ in Page(page([gathered(1)])).tags if t == "img"]
    assert b"/Subtype /Image" not in pdf([gathered(1)])
    shown = Page(page([gathered(1, faces=True)]))
    assert len([t for t, _ in shown.tags if t == "img"]) >= 3
    assert b"/Subtype /Image" in pdf([gathered(1, faces=True)])


def test_the_pdf_says_what_the_page_says() -> None:
    found = text_of(pdf([gathered(2, name=HOSTILE)]))
    assert found.pages >= 2
    assert "Strong" not in found.text  # text is in glyphs of the embedded font, not in letters
    assert found.data.startswith(b"%PDF-")
    assert b"/URI" not in found.data
    assert b"/JavaScript" not in found.data


def test_letters_that_the_font_lacks_are_told_apart_in_the_pdf() -> None:
    from realtime.report.flow import Flow

    empty = Flow()
    safe = empty.safe("a\n新聞 שלום é")
    empty.close_fonts()
    assert safe == "a\n\\u65b0\\u805e שלום é"


class Pdf:
    """What can be seen of a PDF without a reader."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.pages = len(re.findall(rb"/Type /Page\b(?!s)", data))
        self.text = ""
        for stream in re.findall(rb"stream\r?\n(.*?)\r?\nendstream", data, re.DOTALL):
            try:
                self.text += zlib.decompress(stream).decode("latin-1")
            except zlib.error:
                continue


def text_of(data: bytes) -> Pdf:
    return Pdf(data)


def test_bystanders_cannot_be_recognised() -> None:
    """What is not the face loses all detail, the face itself none."""
    image = np.random.default_rng(0).integers(0, 255, (200, 400, 3), np.uint8)
    own = np.array([160, 60, 60, 60], np.float32)
    other = np.array([[225, 60, 60, 60]], np.float32)
    picture, (left, top), scale = cut_out(image, own, other)
    assert scale == (1.0, 1.0)
    x, y = 160 - left, 60 - top
    np.testing.assert_array_equal(picture[y : y + 60, x : x + 60], image[60:120, 160:220])
    beside = picture[y : y + 60, x + 66 : x + 90].astype(float)
    assert beside.std() < 0.35 * image.std()
    around = whole(image, own)
    assert around[:, 300:].astype(float).std() < 0.35 * image.std()


def test_a_face_that_overlaps_another_keeps_its_own_pixels_only() -> None:
    image = np.random.default_rng(1).integers(0, 255, (200, 200, 3), np.uint8)
    own = np.array([50, 50, 60, 60], np.float32)
    other = np.array([[112, 50, 60, 60]], np.float32)
    picture, (left, top), _ = cut_out(image, own, other)
    strip = picture[60 - top : 100 - top, 111 - left : 118 - left].astype(float)
    assert strip.std() < 0.5 * image.std()


@pytest.mark.parametrize("box", [(-30, -30, 60, 60), (380, 180, 90, 90), (0, 0, 400, 200)])
def test_faces_at_the_edge_are_cut_out(box: tuple[int, int, int, int]) -> None:
    image = np.zeros((200, 400, 3), np.uint8)
    picture, _, _ = cut_out(image, np.array(box, np.float32), np.empty((0, 4), np.float32))
    assert min(picture.shape[:2]) >= 1
    assert max(picture.shape[:2]) <= 320


def test_the_moments_kept_are_apart_and_the_strongest() -> None:
    gathering = Gathering(start(), faces=True)
    strength = {10: 5.0, 12: 6.0, 40: 4.0, 60: 3.0, 80: 2.0, 90: -1.0}
    for index in range(100):
        odds = strength.get(index, 0.0)
        gathering.add(frame_result(index, index / 10, {1: STRONG}, log_odds=odds))
    (person,) = gathering.run(None, None).people
    assert [s.log_odds for s in person.shown] == [6.0, 4.0, 3.0, -1.0]
    assert [s.wide is not None for s in person.shown] == [True, False, False, False]
    for shown in person.shown:
        assert shown.heat is not None
        assert cv2.imdecode(np.frombuffer(shown.plain, np.uint8), 1).shape[2] == 3
        # What is not doubted does not glow.
        assert (shown.heat != shown.plain) is (shown.log_odds > 0)


@pytest.mark.parametrize("rate", [8, 15, 30, 60])
def test_bands_are_the_same_at_every_frame_rate(rate: int) -> None:
    lane = Lane()
    for index in range(20 * rate):
        time_s = index / rate
        if 10 <= time_s < 12:
            continue
        state = UNSURE if time_s < 5 else STRONG
        lane.add(time_s, state, 0.5)
    spans = lane.spans()
    assert [span.state for span in spans] == [UNSURE, STRONG, STRONG]
    ends = [span.start_s for span in spans] + [span.end_s for span in spans]
    assert ends == pytest.approx([0, 5, 12, 5, 10, 20], abs=0.26)
    assert [p.joined for p in lane.points()].count(False) == 2


def test_a_day_fits_and_a_short_alarm_in_it_stays() -> None:
    lane = Lane()
    for index in range(86_400):
        alarm = index == 50_000
        lane.add(float(index), STRONG if alarm else UNSURE, 0.99 if alarm else 0.6)
    assert len(lane) <= 400
    (alarm,) = (span for span in lane.spans() if span.state is STRONG)
    assert alarm.start_s <= 50_000 <= alarm.end_s
    assert alarm.end_s - alarm.start_s <= 2 * lane.width_s
    assert max(p.high for p in lane.points()) == 0.99
    assert len(page([gathered(1)])) < 200_000


def test_of_very_many_tracks_the_gravest_are_kept() -> None:
    gathering = Gathering(start(live=True))
    for index in range(3 * MAX_PEOPLE):
        state = STRONG if index == 5 else VerdictState.LITTLE_EVIDENCE
        gathering.add(frame_result(index, float(index), {index: state}))
    run = gathering.run(None, None)
    assert len(run.people) == MAX_PEOPLE
    assert run.left_out == 2 * MAX_PEOPLE
    assert run.people[0].track_id == 5
    assert "400 more faces" in Page(page([run])).text


def test_states_differ_without_colour() -> None:
    """In height or in lines, so that a grey print tells them apart."""
    drawn = set()
    for state in STATES:
        shapes = plots.key(state).shapes
        first = shapes[0]
        assert isinstance(first, plots.Box)
        drawn.add((first.height, first.dashed, len(shapes)))
    assert len(drawn) == 5


def test_nothing_is_drawn_outside() -> None:
    run = gathered(20)
    drawings = [plots.overview(run, run.people), plots.curve(run.people[0], (0.5, 0.9))]
    for drawing in drawings:
        for shape in drawing.shapes:
            if isinstance(shape, plots.Path):
                spots = shape.points
            elif isinstance(shape, plots.Box):
                spots = ((shape.x, shape.y), (shape.x + shape.width, shape.y + shape.height))
            else:
                # No sign is wider than its height.
                half = len(shape.words) * shape.size * 0.32
                spots = ((shape.x, shape.y), (shape.x + half, shape.y))
                if shape.anchor == "end":
                    spots = ((shape.x - 2 * half, shape.y), spots[0])
            assert all(0 <= x <= drawing.width and 0 <= y <= drawing.height for x, y in spots)


@pytest.mark.parametrize("size", [0, 1, PIECE_BYTES, 3 * PIECE_BYTES + 7])
def test_the_hash_is_that_of_the_file(tmp_path: Path, size: int) -> None:
    data = np.random.default_rng(size).bytes(size)
    (tmp_path / "file").write_bytes(data)
    facts = FileHash(tmp_path / "file").facts()
    assert (facts.sha256, facts.size_bytes) == (hashlib.sha256(data).hexdigest(), size)
    assert facts.trouble == ""


def test_a_file_that_changes_or_is_gone_has_no_hash(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(2 * PIECE_BYTES))
    hashing = FileHash(path)
    hashing.step()
    with path.open("ab") as file:
        file.write(b"more")
    assert hashing.facts().sha256 == ""
    assert hashing.facts().trouble == "the file changed while it was read"
    assert "No such file" in FileHash(tmp_path / "gone").facts().trouble
    assert "no regular file" in FileHash(tmp_path).facts().trouble


def test_the_report_is_private_if_it_shows_people(tmp_path: Path) -> None:
    for faces in (False, True):
        path = tmp_path / f"{faces}.html"
        with ReportSink(path, faces=faces) as sink:
            sink.start(start())
            sink.finish(summary((), 0))
        assert bool(path.stat().st_mode & 0o077) is not faces


def test_yesterday_s_report_stays_until_there_is_a_new_one(tmp_path: Path) -> None:
    path = tmp_path / "out.html"
    path.write_text("yesterday")
    sink = ReportSink(path)
    sink.start(start())
    assert path.read_text() == "yesterday"
    sink.finish(summary((), 0))
    assert "clip.mp4" in path.read_text("utf-8")
    sink.close()
    assert [p.name for p in tmp_path.iterdir()] == ["out.html"]
    with ReportSink(tmp_path / "never.html"):
        pass
    assert not (tmp_path / "never.html").exists()


def test_of_many_files_all_are_in_one_report_and_it_is_not_written_for_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "out.html"
    written = []
    plain = write._rendered
    monkeypatch.setattr(
        write,
        "_rendered",
        lambda path, runs, *rest: written.append(len(runs)) or plain(path, runs, *rest),
    )
    with ReportSink(path) as sink:
        for number in range(40):
            sink.start(start(f"clip-{number}.mp4"))
            sink.finish(summary((), 0))
    assert written[:8] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert written[-1] == 40
    assert len(written) < 25
    text = Page(path.read_text("utf-8")).text
    assert all(f"clip-{number}.mp4" in text for number in range(40))


def test_nobody_waits_for_the_report_of_a_run_that_was_stopped(tmp_path: Path) -> None:
    """Stopping has two seconds in all, which a PDF may take alone: it is written at the close."""
    for live, shut in ((False, 3), (True, 0)):
        path = tmp_path / f"{live}.html"
        sink = ReportSink(path)
        sink.start(start(live=live))
        whole_run = summary((), 10)
        counts = replace(whole_run.counts, captured=10 + shut, dropped={DropCause.SHUTDOWN: shut})
        sink.finish(replace(whole_run, counts=counts))
        assert not path.exists()
        sink.close()
        assert "clip.mp4" in path.read_text("utf-8")


def test_runs_that_were_cut_short_keep_no_file_open(tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(bytes(1000))
    before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
    with ReportSink(tmp_path / "out.html", files={"clip.mp4": clip}) as sink:
        for _ in range(20):
            sink.start(start())
            sink.finish(replace(summary((), 0), counts=FrameCounts(5, 0)))
        if before:
            assert len(os.listdir("/proc/self/fd")) <= before + 2
    html = (tmp_path / "out.html").read_text("utf-8")
    assert html.count(hashlib.sha256(bytes(1000)).hexdigest()) == 20


@pytest.mark.parametrize("name", ["out.txt", "out", "out.html.gz"])
def test_another_ending_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match=r"must end in \.html or \.pdf"):
        ReportSink(tmp_path / name)


def test_links_in_a_circle_are_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "a.html").symlink_to(tmp_path / "b.html")
    (tmp_path / "b.html").symlink_to(tmp_path / "a.html")
    with pytest.raises(SinkError, match=r"a\.html"):
        ReportSink(tmp_path / "a.html")


def test_the_built_in_model_s_measurements_are_told_and_no_other_s() -> None:
    import json

    import weights

    own = json.loads(weights.DETECTOR.with_suffix(".json").read_text("utf-8"))["sha256"]
    run = gathered(1)
    assert words.held_out(run) == [
        "How good this model is was not measured here; ask whoever made it."
    ]
    model = replace(run.start.model, sha256=own)
    lines = words.held_out(replace(run, start=replace(run.start, model=model)))
    assert any("AUC" in line for line in lines)


def test_a_viewer_may_ask_for_a_report_at_any_time(tmp_path: Path) -> None:
    recorder = RunRecorder(faces=True)
    assert recorder.run() is None
    recorder.start(start())
    for index in range(5):
        recorder.write(frame_result(index, index / 25, {1: STRONG}))
    so_far = recorder.run()
    assert so_far is not None
    assert len(so_far.people) == 1
    assert [time_s for time_s, _ in so_far.people[0].scores] == [i / 25 for i in range(5)]
    recorder.finish(summary((track(1, STRONG),), 5))
    recorder.close()
    done = recorder.run()
    assert done is not None
    assert done.complete
    for name in ("out.html", "out.pdf"):
        write.write(tmp_path / name, [done], private=True)
        assert (tmp_path / name).stat().st_mode & 0o077 == 0
    recorder.start(start("next.mp4"))
    assert recorder.run() is not None
    assert recorder.run().people == ()


def test_of_very_many_scores_some_are_kept_evenly() -> None:
    scores = Scores(100)
    for index in range(1000):
        scores.add(float(index), 1.0)
    times = [time_s for time_s, _ in scores.kept]
    assert 50 <= len(times) <= 100
    assert set(np.diff(times)) == {16.0}
    assert times[0] == 0.0


def test_times_are_written_as_people_do() -> None:
    said = [words.clock(t) for t in (0, 7.46, 59.96, 750, 3723, -1)]
    assert said == ["0:00.0", "0:07.5", "1:00.0", "12:30.0", "1:02:03.0", "0:00.0"]


def test_a_summary_without_results_is_taken() -> None:
    gathering = Gathering(start())
    nothing: RunSummary = summary((track(1, STRONG),), 0)
    assert "No face was found" in page([gathering.run(nothing, None)])
    assert io.BytesIO(pdf([gathering.run(nothing, None)])).read(5) == b"%PDF-"
