"""The guide of a challenge, the colours of our screen, and what reaches events and files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtCore import Qt
from qtpy.QtGui import QGuiApplication
from qtpy.QtWidgets import QCheckBox, QMessageBox, QPushButton, QWidget

from realtime.challenge import PROMPTS, REST_S
from realtime.challenge_run import IDLE, Snapshot
from realtime.challenge_types import (
    SPOKEN,
    Act,
    ChallengeReport,
    Gauge,
    Outcome,
    Phase,
    Progress,
    StepReport,
)
from realtime.config import Config
from realtime.cues.active_light import SLOT_S, FlashSequence, flash_sequence
from realtime.events import EventKind
from realtime.outputs import LiveOutputs, Wanted
from realtime.window import challenge_words as words
from realtime.window.challenge_guide import ChallengeGuide
from realtime.window.light_flash import LightFlash, ask_first
from realtime.window.main_window import MainWindow
from realtime.window.themes import luminance
from tests.gui.conftest import WAIT_MS
from tests.gui.live import camera, quick, wait_for
from tests.servers.scripted import Unit

Key, Modifier = Qt.Key, Qt.KeyboardModifier
SHORT = FlashSequence(np.arange(3) * SLOT_S, flash_sequence(5, 6.0).colours[:3], seconds=3 * SLOT_S)


def step(
    act: Act, outcome: Outcome, attempt: int = 1, text: str = "done after 2.0 s"
) -> StepReport:
    numbers = {"lost_share": 0.1, "score_rise": None, "jump": 0.03}
    return StepReport(act, PROMPTS[act], outcome, text, 3.0, 2.0, numbers, attempt)


def at(progress: Progress, *steps: StepReport, running: bool = True) -> Snapshot:
    return Snapshot(1, running, progress, ChallengeReport(steps), SPOKEN, 1, False)


@pytest.fixture
def parent(qtbot: QtBot) -> Iterator[QWidget]:
    made = QWidget()
    qtbot.addWidget(made)
    yield made
    made.close()


@pytest.fixture
def guide(parent: QWidget) -> ChallengeGuide:
    made = ChallengeGuide(parent)
    made.offer_people([(1, "#1 ● Little evidence 0.10"), (2, "#2")])
    made.show()
    return made


# What it shows


def test_it_says_what_to_say_what_is_measured_and_how_long(guide: ChallengeGuide) -> None:
    rest = Progress(Phase.REST, Act.LEFT, None, 1.2, ())
    guide.show_run(at(rest))
    assert "keep still" in guide.now.text()
    assert "turn your head to your left" in guide.say.text()
    gauges = (
        Gauge("turn of the head to their left", 12.0, 35.0, "°"),
        Gauge("rise of the score", None, 3.0),
        Gauge("pictures without features", 4.0, None, "%"),
    )
    guide.show_run(at(Progress(Phase.ASKED, Act.LEFT, "Please turn", 7.2, gauges)))
    assert guide.left_label.text() == "8 s left"
    assert [label.text() for label in guide.gauges] == [
        "Turn of the head to their left: 12° of 35°",
        "Rise of the score: – (odd from 3.0)",
        "Pictures without features: 4 %",
    ]
    assert guide.meter.value() == 34
    assert guide.steps.item(0).text() == "▶ Turn to their left"
    assert guide.start.text() == "&Stop"
    assert guide.skip.isEnabled()
    assert not guide.light.isEnabled()


def test_every_act_every_gauge_and_every_number_has_words(guide: ChallengeGuide) -> None:
    prompt = PROMPTS[Act.PHRASE].format(words="amber bridge copper delta")
    for act in Act:
        progress = Progress(Phase.ASKED, act, prompt, None, ())
        assert words.say(progress)
        assert words.step_line(act, ChallengeReport(()), current=False)
    assert "amber bridge copper delta" in words.say(
        Progress(Phase.ASKED, Act.PHRASE, prompt, None, ())
    )
    from realtime import challenge_measures as measures

    seen = measures.Observed(0.0, True, 0, 100, 0, 0, 0.1, 0.0, skin=(1, 2, 3))
    for act in Act:
        assert words.gauge_text(measures.gauge_of(act, [seen], [seen]))
    keys = {"lost_share", "score_rise", "score_spread", "jump", "voice", "voice_lag_ms"}
    keys |= {"light_correlation", "light_delay_s", "light_p"}
    one = StepReport(Act.PHRASE, "", Outcome.PASS, "text", 0, 1.0, dict.fromkeys(keys, 0.5))
    assert words.step_text(Act.PHRASE, ChallengeReport((one,))).count("\n") == len(keys) + 1


def test_outcomes_differ_by_sign_and_word_and_a_repeat_does_not_hide_a_failure(
    guide: ChallengeGuide,
) -> None:
    over = Progress(Phase.OVER, None, None, None, ())
    steps = (
        step(Act.LEFT, Outcome.FAIL, text="the score rose by 4.0 and features jumped"),
        step(Act.RIGHT, Outcome.PASS),
        step(Act.HAND, Outcome.UNCLEAR),
        step(Act.LEFT, Outcome.PASS, 2),
    )
    guide.show_run(at(over, *steps, running=False))
    lines = [guide.steps.item(i).text() for i in range(4)]
    assert lines == [
        "? Turn to their left: unclear",
        "✓ Turn to their right: pass",
        "? Hand across the face: unclear",
        "Finger in a cheek",
    ]
    guide.steps.setCurrentRow(0)
    said = guide.found.toPlainText()
    assert "Attempt 1: fail · the score rose by 4.0" in said
    assert "Attempt 2: pass" in said
    assert "Together: unclear" in said
    assert "features jump: 3 %" in said
    assert guide.whole.text() == "? Unclear: 1 of 3 steps passed"
    assert guide.repeat.isEnabled()
    guide.copy.click()
    clipboard = QGuiApplication.clipboard()
    assert clipboard is not None
    text = clipboard.text()
    assert "challenge of #1" in text
    assert "Attempt 1: fail" in text
    assert "never tried on a live swap" in text


def test_a_failure_is_counted_in_the_result() -> None:
    report = ChallengeReport((step(Act.LEFT, Outcome.FAIL), step(Act.HAND, Outcome.PASS)))
    assert words.summary(report, running=False) == "✕ Fail: 1 of 2 steps passed, 1 failed"


def test_people_can_be_chosen_and_one_who_left_stays_chosen(
    guide: ChallengeGuide, qtbot: QtBot
) -> None:
    assert guide.person is None
    with qtbot.waitSignal(guide.person_picked) as picked:
        guide.choose(2)
    assert picked.args == [2]
    guide.offer_people([(1, "#1")])
    assert guide.person == 2
    assert guide.people.itemText(2) == "#2 (not in view)"
    with qtbot.assertNotEmitted(guide.person_picked):
        guide.follow(1)
    assert guide.person == 1
    guide.choose(2)
    guide.offer_people([(1, "<b>#1"), (2, "#2 ▲")])
    assert guide.people.itemText(2) == "#2 ▲"


def test_what_is_ticked_is_asked_for_and_nothing_is_refused_in_words(
    guide: ChallengeGuide, qtbot: QtBot
) -> None:
    assert guide.ticked == SPOKEN
    with qtbot.waitSignal(guide.begun) as begun:
        qtbot.keyClick(guide.start, Key.Key_Space)
    assert begun.args == [SPOKEN, None]
    for row in range(guide.steps.count()):
        guide.steps.item(row).setCheckState(Qt.CheckState.Unchecked)
    guide.start.click()
    assert guide.now.text() == "Tick at least one step."
    guide.allow_light(possible=False)
    light = guide.steps.item(guide.steps.count() - 1)
    assert not light.flags() & Qt.ItemFlag.ItemIsEnabled
    assert "file" in light.toolTip()
    guide.allow_light(possible=True)
    assert light.flags() & Qt.ItemFlag.ItemIsEnabled


def test_nothing_in_it_is_for_the_mouse_alone_and_everything_has_a_name(
    guide: ChallengeGuide,
) -> None:
    for widget in (guide.people, guide.steps, guide.found, guide.countdown, guide.meter):
        assert widget.accessibleName()
    for button in guide.findChildren(QPushButton):
        assert button.focusPolicy() != Qt.FocusPolicy.NoFocus
        assert "&" in button.text()
    mnemonics = [b.text()[b.text().index("&") + 1].lower() for b in guide.findChildren(QPushButton)]
    assert len(set(mnemonics)) == len(mnemonics)


def test_without_a_source_it_says_what_is_missing(guide: ChallengeGuide) -> None:
    guide.show_run(IDLE, watching=False)
    assert not guide.start.isEnabled()
    assert "Watch a source first" in guide.now.text()


# The colours


def test_colours_stay_from_when_they_were_painted_and_never_flash(qtbot: QtBot) -> None:
    flash = LightFlash(SHORT)
    began: list[float] = []
    flash.began.connect(began.append)
    with qtbot.waitSignal(flash.ended, timeout=WAIT_MS) as ended:
        flash.begin(full_screen=False)
        qtbot.waitUntil(lambda: bool(began))
        blue, green, red = SHORT.colours[0].tolist()
        shown = flash.grab().toImage().pixelColor(400, 300)
        assert (shown.red(), shown.green(), shown.blue()) == (red, green, blue)
    (painted,) = ended.args
    assert isinstance(painted, FlashSequence)
    np.testing.assert_array_equal(painted.colours, SHORT.colours)
    assert painted.starts_s[0] == 0
    gaps = np.diff([*painted.starts_s, painted.seconds])
    assert (gaps >= SLOT_S - 0.01).all(), "however busy the machine is"
    assert len(began) == 1


def test_any_second_of_any_sequence_has_fewer_than_three_flashes() -> None:
    """WCAG 2.2, 2.3.1: a flash is a pair of opposing changes of relative luminance by a tenth."""
    for seed in range(50):
        colours = flash_sequence(seed, 12.0).colours
        light = [luminance(f"#{r:02x}{g:02x}{b:02x}") for b, g, r in colours.tolist()]
        changes = [k for k in range(1, len(light)) if abs(light[k] - light[k - 1]) >= 0.1]
        times = np.array(changes) * SLOT_S
        worst = max((np.sum((times >= t) & (times < t + 1.0)) for t in times), default=0)
        assert worst / 2 <= 3
        assert worst <= 2


@pytest.mark.parametrize("way", ["escape", "close"])
def test_colours_can_be_broken_off(qtbot: QtBot, way: str) -> None:
    flash = LightFlash(flash_sequence(1, 12.0))
    flash.begin(full_screen=False)
    with qtbot.waitSignal(flash.ended) as ended:
        if way == "escape":
            qtbot.keyClick(flash, Key.Key_Escape)
        else:
            flash.close()
    assert ended.args == [None]


def test_colours_that_nobody_can_see_end(qtbot: QtBot) -> None:
    flash = LightFlash(SHORT)
    flash.begin(full_screen=False)
    flash.hide()
    with qtbot.waitSignal(flash.ended, timeout=WAIT_MS) as ended:
        pass
    assert ended.args == [None]


def test_everybody_is_asked_first_and_the_safe_answer_is_the_default(
    parent: QWidget, qtbot: QtBot
) -> None:
    agreed: list[bool] = []
    box = ask_first(parent, agreed.append)
    assert "sensitive" in box.text()
    assert "ask the person" in box.informativeText()
    assert "only work where the person sees our screen" in box.informativeText()
    cancel = box.button(QMessageBox.StandardButton.Cancel)
    assert box.defaultButton() is cancel
    qtbot.keyClick(box, Key.Key_Return)
    assert agreed == []
    box = ask_first(parent, agreed.append)
    fill = box.findChild(QCheckBox)
    assert fill is not None
    fill.setChecked(False)
    show = next(b for b in box.buttons() if b is not box.button(QMessageBox.StandardButton.Cancel))
    show.click()
    assert agreed == [False]


# In the window


def test_a_challenge_of_a_camera_reaches_guide_events_and_file(
    qtbot: QtBot, config: Config, units: list[Unit], tmp_path: Path
) -> None:
    path = tmp_path / "out.jsonl"
    outputs = LiveOutputs(Wanted(jsonl=str(path), guided=True), several=False)
    window = MainWindow(quick(config), live_sinks=outputs)
    qtbot.addWidget(window)
    with qtbot.waitActive(window):
        window.show()
        window.activateWindow()
    with camera(units) as (url, _):
        window.open(url)
        wait_for(qtbot, lambda: bool(window.call.state.people))
        qtbot.keyClick(window, Key.Key_H, Modifier.ControlModifier)
        guide, challenges = window.call.challenges.guide, window.call.challenges
        assert guide.isVisible()
        assert guide.person == window.desk.selected
        assert "camera" not in guide.now.text()
        guide.start.click()
        run = challenges.run
        assert run is not None
        wait_for(qtbot, lambda: run.snapshot().progress.phase is Phase.ASKED)
        wait_for(qtbot, lambda: "left" in guide.say.text() and bool(guide.left_label.text()))
        assert guide.skip.isEnabled()
        guide.skip.click()
        assert run.snapshot().progress.act is Act.RIGHT
        guide.start.click()
        assert not run.snapshot().running
        wait_for(
            qtbot,
            lambda: any(e.kind is EventKind.CHALLENGE for e in window.desk.log.events),
        )
        (event,) = [e for e in window.desk.log.events if e.kind is EventKind.CHALLENGE]
        assert event.text.startswith("Unclear: 0 of 6 steps passed")
        wait_for(qtbot, lambda: '"type": "challenge"' in path.read_text("utf-8"))
        window.close()
    outputs.close()
    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    (record,) = [line for line in lines if line["type"] == "challenge"]
    assert record["steps"][0]["text"] == "left out"
    assert record["frames"] > 10 * REST_S


def test_one_that_the_command_line_began_opens_the_guide(
    qtbot: QtBot, config: Config, face_clip: Path
) -> None:
    from realtime.sinks.challenge import ChallengeSink

    said: list[str] = []
    sink = ChallengeSink(said.append, colours=True)
    window = MainWindow(config, extra_sinks=[sink])
    qtbot.addWidget(window)
    window.show()
    window.open(str(face_clip))
    wait_for(qtbot, window.call.challenges.guide.isVisible)
    assert window.call.challenges.run is sink.run
    assert window.desk.selected is not None
    assert window.call.challenges.guide.person is None, "the largest is asked, whoever is selected"
    wait_for(qtbot, lambda: bool(said))
    assert said[0].startswith("challenge: Please turn your head to your left")
    window.close()


def test_the_colours_are_told_to_the_challenge(
    qtbot: QtBot, config: Config, units: list[Unit]
) -> None:
    window = MainWindow(quick(config))
    qtbot.addWidget(window)
    window.show()
    with camera(units) as (url, _):
        window.open(url)
        wait_for(qtbot, lambda: bool(window.call.state.people))
        challenges = window.call.challenges
        challenges.open()
        guide = challenges.guide
        for row in range(guide.steps.count()):
            guide.steps.item(row).setCheckState(Qt.CheckState.Unchecked)
        guide.steps.item(guide.steps.count() - 1).setCheckState(Qt.CheckState.Checked)
        assert guide.ticked == (Act.LIGHT,)
        guide.start.click()
        wait_for(qtbot, guide.light.isEnabled)
        guide.light.click()
        box = guide.findChild(QMessageBox)
        assert box is not None
        fill = box.checkBox()
        assert fill is not None
        fill.setChecked(False)
        show = next(b for b in box.buttons() if "show" in b.text())
        show.click()
        run = challenges.run
        assert run is not None
        wait_for(qtbot, lambda: run.snapshot().progress.phase is Phase.SEEN)
        assert challenges.flash is not None
        wait_for(
            qtbot,
            lambda: any((g.value or 0) > 3 for g in run.snapshot().progress.gauges),
        )
        qtbot.keyClick(challenges.flash, Key.Key_Escape)
        assert challenges.flash is None
        wait_for(qtbot, lambda: not run.snapshot().running)
        (report,) = run.snapshot().report.steps
        assert report.text == "the colours were not shown to the end"
        challenges.show_colours(full_screen=False)
        window.close()
