"""What was watched last, the row above the picture, the start page, and what is dropped."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QMimeData, QPoint, QPointF, QSettings, Qt, QUrl
from qtpy.QtGui import QColor, QDragEnterEvent, QDropEvent
from qtpy.QtWidgets import QApplication, QFileDialog, QLabel, QToolButton

from realtime.config import Config
from realtime.sources import Address, SourceKind, parse
from realtime.types import SourceState
from realtime.window import glyphs
from realtime.window.device_dialog import DeviceDialog
from realtime.window.drops import Drop, what
from realtime.window.main_window import MainWindow
from realtime.window.recents import MANY, MOST, Login, Recent, Recents, of_address, of_config
from realtime.window.stream_dialog import StreamDialog
from realtime.window.themes import THEMES, contrast
from tests.gui.live import quick, says_no_secret, texts, wait_for

ODD = "<script>alert('x')</script> & שלום עולם.mp4".replace("/", "∕")


def ini(path: Path) -> QSettings:
    return QSettings(str(path), QSettings.Format.IniFormat)


def recent(text: str) -> Recent:
    found = of_address(parse(text, allow_http=True))
    assert found is not None
    return found


# What was watched last


def test_the_newest_is_first_and_ten_are_kept(qapp: QApplication, tmp_path: Path) -> None:
    settings = ini(tmp_path / "w.ini")
    recents = Recents(settings)
    for i in range(12):
        recents.add(recent(f"/videos/{i}.mp4"))
    recents.add(recent("/videos/5.mp4"))
    assert len(recents.all) == MOST
    assert [r.label for r in recents.all[:3]] == ["5.mp4", "11.mp4", "10.mp4"]
    settings.sync()
    assert Recents(ini(tmp_path / "w.ini")).all == recents.all
    recents.clear()
    settings.sync()
    assert Recents(ini(tmp_path / "w.ini")).all == ()


@pytest.mark.parametrize(
    ("text", "label", "drawing"),
    [
        ("/videos/talk.mp4", "talk.mp4", "file"),
        (f"/videos/{ODD}", ODD, "file"),
        (
            "rtsp://cam.example:554/live?channel=1",
            "rtsp://cam.example:554/live?channel=1",
            "stream",
        ),
        ("screen:2", "Screen 2", "screen"),
        ("screen:0", "All screens together", "screen"),
        ("screen:1@100,80,640,360", "Screen 1, 640 × 360 at 100, 80", "region"),
        ("/dev/video0", "/dev/video0", "camera"),
    ],
)
def test_every_kind_can_be_remembered_and_opened_again(
    qapp: QApplication, tmp_path: Path, text: str, label: str, drawing: str
) -> None:
    first = recent(text)
    assert (first.label, first.drawing) == (label, drawing)
    Recents(ini(tmp_path / "w.ini")).add(first)
    (again,) = Recents(ini(tmp_path / "w.ini")).all
    address, meant = again.address(), parse(text)
    assert (address.kind, address.target, address.region) == (
        meant.kind,
        meant.target,
        meant.region,
    )
    assert not glyphs.icon(again.drawing).isNull()


def test_a_window_is_remembered_by_its_title() -> None:
    found = of_address(Address(SourceKind.WINDOW, "0x3a00007", "Weekly call"))
    assert found is not None
    assert found.address().target == "Weekly call"


def test_no_credential_is_ever_remembered(qapp: QApplication, tmp_path: Path) -> None:
    path = tmp_path / "w.ini"
    recents = Recents(ini(path))
    for url in (
        "rtsp://me:hunter2@cam/live",
        "rtsp://me:hunter2%2Fp%40ss@cam/live?channel=1",
        "rtsp://cam/live?password=hunter2",
        "rtsp://cam/user=admin&password=hunter2&channel=1/x.sdp",
        "http://cam/live.ts?token=hunter2hunter2",
    ):
        found = of_address(parse(url, allow_http=True))
        if found is not None:
            recents.add(found)
    assert [r.label for r in recents.all] == ["rtsp://cam/live?channel=1", "rtsp://cam/live"]
    assert all(r.login == Login.ASKED.value for r in recents.all)
    ini(path).sync()
    kept = path.read_text("utf-8")
    assert "hunter2" not in kept
    assert "me:" not in kept
    assert "p%40ss" not in kept


@pytest.mark.parametrize(
    "value",
    [
        "nonsense",
        "{}",
        "17",
        "[1, null, []]",
        json.dumps([{"kind": "file"}, {"kind": "bomb", "target": "x", "name": "x"}]),
        json.dumps([{"kind": "screen", "target": "1", "name": "x", "region": [0, 0, 0, 9]}]),
        json.dumps([{"kind": "screen", "target": "1", "name": "x", "region": "all"}]),
        json.dumps([{"kind": "stream", "target": "rtsp://me:hunter2@cam/x", "name": "x"}]),
    ],
)
def test_nonsense_in_the_settings_is_as_nothing(
    qapp: QApplication, tmp_path: Path, value: str
) -> None:
    settings = ini(tmp_path / "w.ini")
    settings.setValue("recent", value)
    assert Recents(settings).all == ()


def test_settings_that_cannot_be_written_do_not_matter(
    qtbot: QtBot, config: Config, clip: Path
) -> None:
    settings = ini(Path("/dev/null/no/w.ini"))
    window = MainWindow(config, settings=settings)
    qtbot.addWidget(window)
    window.show()
    window.open(str(clip))
    wait_for(qtbot, lambda: window.canvas.result is not None)
    assert [r.label for r in window.sources.recents.all] == [clip.name]
    window.close()


def test_what_was_opened_is_offered_in_menu_and_page_and_opens_again(
    window: MainWindow, clip: Path, qtbot: QtBot, tmp_path: Path
) -> None:
    odd = tmp_path / ODD
    odd.write_bytes(clip.read_bytes())
    window.open(str(odd))
    wait_for(qtbot, lambda: window.canvas.result is not None)
    assert window.windowTitle() == f"{ODD} — fakewatch"
    entries = [a for a in window.actions_.recent.actions() if a.text()]
    assert [a.text() for a in entries] == [ODD.replace("&", "&&"), "&Clear recent"]
    assert "<script>" not in entries[0].toolTip()
    window.actions_.start_stop.trigger()
    (button,) = window.start_page.recents
    assert button.label == button.accessibleName() == ODD
    assert window.start_page.isVisible()
    button.click()
    wait_for(qtbot, lambda: window.state is SourceState.LIVE)
    window.actions_.start_stop.trigger()
    entries[0].trigger()
    wait_for(qtbot, lambda: window.state is SourceState.LIVE)
    window.actions_.clear_recent.trigger()
    assert window.start_page.recents == []
    assert not window.actions_.clear_recent.isEnabled()


def test_a_file_that_is_gone_is_said_and_stays_until_the_list_is_cleared(
    window: MainWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    for gone in (recent(str(tmp_path / "gone.mp4")), of_config(str(tmp_path / "gone.toml"))):
        window.sources.recents.add(gone)
        window.sources.open_recent(gone)
        wait_for(qtbot, window.banner.isVisible)
        assert window.banner.text.startswith(f"{gone.label} is no longer where it was; ")
        assert window.banner.text.count(". ") == 0
        assert window.start_page.isVisible()
        assert gone in window.sources.recents.all
        window.banner.hide()
    window.actions_.clear_recent.trigger()
    assert window.sources.recents.all == ()


def test_many_sources_are_remembered_by_their_file(
    qtbot: QtBot, config: Config, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "cameras.toml"
    model = f"[scorer]\nmodel = '{config.scorer.model}'\ndevice = 'cpu'\n"
    path.write_text(f"{model}[[sources]]\nname = 'one'\nurl = 'rtsp://me:hunter2@127.0.0.1:9/x'\n")
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *a, **k: (str(path), ""))
    window = MainWindow(quick(config))
    qtbot.addWidget(window)
    window.show()
    window.actions_.open_config.trigger()
    wait_for(qtbot, lambda: window.player.engine is not None)
    # Neither the stream in it, nor who may watch it.
    assert [(r.kind, r.label) for r in window.sources.recents.all] == [(MANY, "cameras.toml")]
    says_no_secret(window)
    window.actions_.start_stop.trigger()
    wait_for(qtbot, lambda: window.player.engine is None)
    window.sources.open_recent(window.sources.recents.all[0])
    wait_for(qtbot, lambda: window.player.engine is not None)
    window.close()


def test_an_answer_that_comes_too_late_opens_nothing(
    window: MainWindow, clip: Path, qtbot: QtBot, tmp_path: Path
) -> None:
    window.sources.open_recent(recent(str(tmp_path / "gone.mp4")))
    window.sources.open_address(str(clip))
    wait_for(qtbot, lambda: window.canvas.result is not None)
    qtbot.wait(50)
    assert not window.banner.isVisible()
    window.sources.open_recent(recent(str(clip)))  # and closing waits for it


# The row above the picture


def test_the_row_says_what_its_buttons_would_do(
    window: MainWindow, clip: Path, qtbot: QtBot
) -> None:
    bar, actions = window.sources.bar, window.actions_
    shown = [actions.start_stop, actions.play, actions.snapshot, actions.mark, actions.settings]
    buttons = [bar.widgetForAction(action) for action in shown]
    assert bar.isVisible()
    assert bar.source.menu() is actions.sources
    for button, action in zip(buttons, shown, strict=True):
        assert isinstance(button, QToolButton)
        assert button.isEnabled() == action.isEnabled()
        assert button.toolTip() == action.toolTip()
        assert not button.icon().isNull()
    start, play = buttons[:2]
    assert (start.text(), start.isEnabled(), play.isEnabled()) == ("Start", False, False)
    window.open(str(clip))
    wait_for(qtbot, lambda: window.state is SourceState.LIVE)
    wait_for(qtbot, lambda: (start.text(), play.text()) == ("Stop", "Pause"))
    qtbot.mouseClick(play, Qt.MouseButton.LeftButton)
    wait_for(qtbot, lambda: window.state is SourceState.PAUSED)
    wait_for(qtbot, lambda: play.text() == "Play")
    qtbot.mouseClick(start, Qt.MouseButton.LeftButton)
    assert window.start_page.isVisible()
    wait_for(qtbot, lambda: start.text() == "Start")
    assert start.isEnabled()


def test_the_row_is_hidden_in_full_screen_and_comes_back(window: MainWindow) -> None:
    window.actions_.full_screen.trigger()
    assert not window.sources.bar.isVisible()
    window.actions_.full_screen.trigger()
    assert window.sources.bar.isVisible()


def test_every_way_to_begin_is_in_the_menu_of_sources(window: MainWindow) -> None:
    a = window.actions_
    ways = [a.open_device, a.open_screen, a.open_window, a.open_region, a.open_stream]
    offered = window.sources.bar.source.menu().actions()
    for action in (*ways, a.open, a.open_config, a.recent.menuAction(), a.start_stop):
        assert action in offered
    assert a.recent.menuAction() in a.files.actions()
    assert a.open_region.shortcut().toString() == "Ctrl+Shift+S"
    assert all(not action.icon().isNull() for action in (*ways, a.open, a.open_config))


@pytest.mark.parametrize("name", list(THEMES))
def test_drawings_follow_the_theme(window: MainWindow, name: str) -> None:
    window.actions_.themes[name].trigger()
    image = window.sources.bar.source.icon().pixmap(24, 24).toImage()
    inks = {
        image.pixelColor(x, y).name()
        for x in range(image.width())
        for y in range(image.height())
        if image.pixelColor(x, y).alpha() == 255
    }
    assert inks
    assert max(contrast(ink, THEMES[name].window) for ink in inks) >= 4.5
    window.actions_.themes["system"].trigger()


def test_there_is_a_drawing_for_everything(qapp: QApplication) -> None:
    ink = QColor("#000000")
    seen = {
        bytes(glyphs.picture(n, 24, ink).toImage().constBits().asarray(24 * 24 * 4))
        for n in glyphs.NAMES
    }
    assert len(seen) == len(glyphs.NAMES)


# The start page


def test_three_choices_lead_where_they_say(
    window: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    page, left = window.start_page, Qt.MouseButton.LeftButton
    asked: list[str] = []
    monkeypatch.setattr(
        QFileDialog, "getOpenFileName", lambda _w, title, *_: asked.append(title) or ("", "")
    )
    for card in (page.call, page.cameras, page.file):
        assert card.accessibleName()
        assert card.accessibleDescription()
    qtbot.mouseClick(page.file, left)
    assert asked == ["Open a video file"]
    menu = page.cameras.menu()
    a = window.actions_
    assert menu.actions() == [a.open_stream, a.open_device, a.open_config]
    qtbot.mouseClick(page.call, left)
    (dialog,) = window.findChildren(DeviceDialog)
    dialog.reject()


def test_the_page_warns_what_little_evidence_is_worth(window: MainWindow) -> None:
    said = " ".join(label.text() for label in window.start_page.findChildren(QLabel))
    assert "Little evidence is no proof that a face is real." in said


@pytest.mark.parametrize("size", [(560, 400), (1366, 768)])
def test_the_page_fits_and_nothing_is_cut(
    window: MainWindow, qtbot: QtBot, size: tuple[int, int]
) -> None:
    names = (ODD, "a very long name " * 20 + ".mp4", "rtsp://cam/live")
    for name in names:
        window.sources.recents.add(recent(name if "://" in name else f"/v/{name}"))
    window.resize(*size)
    qtbot.wait(50)
    page = window.start_page
    for card in (page.call, page.cameras, page.file):
        assert card.width() >= 140
        for label in card.findChildren(QLabel):
            box = label.geometry()
            assert card.rect().contains(box)
            assert label.wordWrap() or label.sizeHint().width() <= box.width()
            assert label.heightForWidth(box.width()) <= box.height()
    for button in page.recents:
        assert button.fontMetrics().horizontalAdvance(button.text()) <= button.width()
    caution = page.findChildren(QLabel)[-1]
    assert page.rect().contains(caution.geometry())
    assert any(dock.isVisible() for dock in window.desk.docks) == (size[1] > 600)


def test_a_small_window_gets_its_docks_when_there_is_something_to_see(
    qtbot: QtBot, config: Config, clip: Path, tmp_path: Path
) -> None:
    path = tmp_path / "w.ini"
    window = MainWindow(config, settings=ini(path))
    qtbot.addWidget(window)
    window.resize(560, 400)
    window.show()
    docks = window.desk.docks
    docks[3].hide()
    assert not any(dock.isVisible() for dock in docks)
    window.close()  # and the layout that is kept has them
    window = MainWindow(config, settings=ini(path))
    qtbot.addWidget(window)
    window.show()
    assert not any(dock.isVisible() for dock in window.desk.docks)
    window.open(str(clip))
    assert [dock.isHidden() for dock in window.desk.docks] == [False] * 4
    wait_for(qtbot, lambda: window.canvas.result is not None)
    window.actions_.start_stop.trigger()
    assert window.start_page.isVisible()
    assert not window.desk.docks[0].isHidden()  # what was found stays to be read
    window.close()


def test_tab_goes_through_the_page_from_top_to_bottom(window: MainWindow, qtbot: QtBot) -> None:
    page = window.start_page
    for name in ("a", "b"):
        window.sources.recents.add(recent(f"/v/{name}.mp4"))
    wait_for(qtbot, page.recents[-1].isVisible)
    page.call.setFocus()
    seen = []
    for _ in range(4):
        qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_Tab)
        seen.append(QApplication.focusWidget())
    assert seen == [page.cameras, page.file, *page.recents]


# What is dropped


def mime(*urls: str, text: str = "") -> QMimeData:
    data = QMimeData()
    if urls:
        data.setUrls([QUrl(url) for url in urls])
    if text:
        data.setText(text)
    return data


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (("file:///v/a%20b.mp4",), Drop("/v/a b.mp4")),
        (("file:///v/a.mp4", "file:///v/b.mp4", "file:///v/c"), Drop("/v/a.mp4", count=3)),
        (("rtsp://cam/live",), Drop("rtsp://cam/live", address=True)),
        (("https://cam/live.ts",), Drop("https://cam/live.ts", address=True)),
        (("ftp://cam/live.ts",), None),
        (("mailto:a@b",), None),
    ],
)
def test_files_and_addresses_can_be_dropped(data: tuple[str, ...], expected: Drop | None) -> None:
    assert what(mime(*data)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (" rtsps://me:p%40ss@cam/live \n", Drop("rtsps://me:p%40ss@cam/live", address=True)),
        ("/v/talk of <b>.mp4", Drop("/v/talk of <b>.mp4")),
        ("C:\\v\\talk.mp4", Drop("C:\\v\\talk.mp4")),
        ("file:///v/talk.mp4", Drop("/v/talk.mp4")),
        ("/v/a.mp4\n/v/b.mp4", Drop("/v/a.mp4", count=2)),
        ("Dear Anna,\nsee rtsp://cam/live", None),
        ("Dear Anna,\n/v/a.mp4", None),
        ("rtsp://cam/live and so on", None),
        ("", None),
    ],
)
def test_a_text_that_is_an_address_or_a_path_can_be_dropped(
    text: str, expected: Drop | None
) -> None:
    assert what(mime(text=text)) == expected
    assert what(None) is None


def drop(window: MainWindow, data: QMimeData) -> bool:
    """Whether the window took it."""
    copy, left, none = (
        Qt.DropAction.CopyAction,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    entered = QDragEnterEvent(QPoint(9, 9), copy, data, left, none)
    entered.ignore()
    window.dragEnterEvent(entered)
    if not entered.isAccepted():
        return False
    window.dropEvent(QDropEvent(QPointF(9, 9), copy, data, left, none))
    return True


def test_of_several_files_the_first_is_opened_and_the_others_are_said(
    window: MainWindow, clip: Path, qtbot: QtBot
) -> None:
    url = QUrl.fromLocalFile(str(clip)).toString()
    assert not drop(window, mime("ftp://x/y"))
    assert drop(window, mime(url, "file:///b.mp4", "file:///c.mp4"))
    wait_for(qtbot, lambda: window.canvas.result is not None)
    assert window.banner.text.startswith("Only the first was opened, and 2 more were dropped;")
    assert drop(window, mime(url))
    assert not window.banner.isVisible()


def test_a_dropped_configuration_opens_the_many(
    qtbot: QtBot, config: Config, tmp_path: Path
) -> None:
    path = tmp_path / "cameras.toml"
    entries = "".join(f"[[sources]]\nurl = 'rtsp://127.0.0.1:9/{i}'\n" for i in range(2))
    path.write_text(f"[scorer]\nmodel = '{config.scorer.model}'\ndevice = 'cpu'\n{entries}")
    window = MainWindow(quick(config))
    qtbot.addWidget(window)
    window.show()
    assert drop(window, mime(path.as_uri(), "file:///other.toml"))
    wait_for(qtbot, lambda: len(window.grid.tiles) == 2)
    wait_for(qtbot, lambda: "one more was dropped" in window.banner.text)
    path.write_text("[[sources]]\nurl = 3")
    assert drop(window, mime(text=str(path)))
    wait_for(qtbot, lambda: "sources" in window.banner.text)
    window.close()


def test_a_dropped_stream_is_opened_and_its_password_is_shown_nowhere(
    qtbot: QtBot, config: Config
) -> None:
    window = MainWindow(quick(config))
    qtbot.addWidget(window)
    window.show()
    assert drop(window, mime("rtsp://me:hunter2@127.0.0.1:9/live"))
    wait_for(qtbot, lambda: window.player.engine is not None)
    says_no_secret(window)
    (found,) = window.sources.recents.all
    assert (found.label, found.login) == ("rtsp://127.0.0.1:9/live", "asked")
    assert "rtsp://127.0.0.1:9/live" in "".join(texts(window))
    assert drop(window, mime(text="rtsp://me:hunter2@/live"))
    assert "names no host" in window.banner.text
    says_no_secret(window)
    window.close()


def test_a_dropped_web_address_has_to_be_allowed_first(window: MainWindow, qtbot: QtBot) -> None:
    assert drop(window, mime("http://me:hunter2@cam/live.ts"))
    (dialog,) = window.findChildren(StreamDialog)
    assert dialog.url.text() == "http://cam/live.ts"
    assert (dialog.user.text(), dialog.password.text()) == ("me", "hunter2")
    says_no_secret(window)
    dialog.accept()
    assert "HTTP has to be allowed" in dialog.complaint.text()
    dialog.reject()
    assert window.asked is None
