"""Connects the guide of a challenge with the engine, the colours and the events."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING

from realtime.challenge_run import IDLE, ChallengeRun, Snapshot
from realtime.challenge_types import Act
from realtime.cues.active_light import flash_sequence
from realtime.events import Event, EventKind
from realtime.redact import redact
from realtime.sources import Address
from realtime.window import challenge_words as words
from realtime.window.actions import Actions
from realtime.window.call_state import words_of
from realtime.window.challenge_guide import WAIT_S, ChallengeGuide
from realtime.window.light_flash import SECONDS, LightFlash, ask_first
from realtime.window.people import SIGNS
from realtime.window.translate import tr

if TYPE_CHECKING:
    from realtime.window.main_window import MainWindow


class Challenges:
    """The challenges of the sources of ``window``; ``refresh`` is to be called often.

    One that somebody else began, as `fakewatch watch --challenge` does, opens the guide.
    """

    def __init__(self, window: MainWindow, actions: Actions) -> None:
        self._window = window
        self.action = actions.add(actions.tools, tr("C&hallenge…"), "Ctrl+H")
        self.guide = ChallengeGuide(window)
        self.flash: LightFlash | None = None
        self._source_id = ""
        self._told: dict[str, tuple[ChallengeRun, int, int]] = {}
        self._met: ChallengeRun | None = None
        guide = self.guide
        self.action.triggered.connect(self.open)
        guide.begun.connect(self._begin)
        guide.stopped.connect(lambda: self._order("stop"))
        guide.skipped.connect(lambda: self._order("skip"))
        guide.repeated.connect(self._repeat)
        guide.light_asked.connect(self.ask_for_colours)
        guide.source_picked.connect(self._pick_source)
        guide.person_picked.connect(self._pick_person)

    @property
    def run(self) -> ChallengeRun | None:
        """That of the chosen source, None while there is none."""
        return self._window.player.challenge(self._source_id)

    def open(self) -> None:
        """Show the guide, with the person chosen who is selected in the window."""
        desk = self._window.desk
        if not self.guide.isVisible():
            self._source_id = desk.source_id
        self._refresh_guide()
        run = self.run
        if not self.guide.isVisible() and (run is None or not run.snapshot().running):
            self.guide.choose(desk.selected)
        self.guide.show()
        self.guide.raise_()
        self.guide.activateWindow()

    def refresh(self) -> None:
        """Follow what goes on."""
        for number, one in enumerate(self._window.player.wanted):
            run = self._window.player.challenge(one.source_id)
            if run is None:
                continue
            snapshot = run.snapshot()
            self._tell(one.source_id, redact(one.name), run, snapshot)
            if snapshot.running and run is not self._met and not self.guide.isVisible():
                self._pick_source(number)
                self.open()
            if snapshot.running:
                self._met = run
        if self.guide.isVisible():
            self._refresh_guide()

    def ask_for_colours(self) -> None:
        """Warn first."""
        ask_first(self.guide, self.show_colours)

    def show_colours(self, full_screen: bool) -> None:
        """Show the person the colours, and measure what comes back."""
        run = self.run
        if run is None or self.flash is not None:
            return
        flash = LightFlash(flash_sequence(secrets.randbits(32), SECONDS))
        screen = self.guide.screen()
        if screen is not None:
            flash.move(screen.availableGeometry().topLeft())
        flash.began.connect(run.light_begins)
        flash.ended.connect(run.light_ends)
        flash.ended.connect(self._on_flash_ended)
        self.flash = flash
        flash.begin(full_screen=full_screen)

    def close(self) -> None:
        """Put guide and colours away."""
        if self.flash is not None:
            self.flash.close()
        self.guide.close()

    def _on_flash_ended(self, _shown: object) -> None:
        self.flash = None

    # Orders

    def _begin(self, acts: tuple[Act, ...], person: int | None) -> None:
        run = self.run
        if run is not None:
            run.begin(acts, person, wait_s=WAIT_S)
            self._met = run
            self._refresh_guide()

    def _order(self, what: str) -> None:
        run = self.run
        if run is not None:
            getattr(run, what)()
            self._refresh_guide()

    def _repeat(self, act: Act | None) -> None:
        run = self.run
        if run is not None and act is not None:
            run.repeat(act)
            self._refresh_guide()

    def _pick_source(self, number: int) -> None:
        wanted = self._window.player.wanted
        if 0 <= number < len(wanted):
            self._source_id = wanted[number].source_id
            self._refresh_guide()

    def _pick_person(self, person: int | None) -> None:
        run = self.run
        if run is not None and run.snapshot().running:
            run.ask_person(person)

    # Showing

    def _refresh_guide(self) -> None:
        player, guide = self._window.player, self.guide
        wanted = player.wanted
        ids = [one.source_id for one in wanted]
        if self._source_id not in ids:
            self._source_id = ids[0] if ids else ""
        run = self.run
        chosen = ids.index(self._source_id) if ids else 0
        guide.offer_sources([redact(one.name) for one in wanted], chosen)
        bridge = player.bridges.get(self._source_id)
        history = None if bridge is None else bridge.history
        view = player.view(self._source_id)
        epoch = None if view is None else view.status.epoch
        here = () if history is None else history.present(epoch)[1]
        guide.offer_people(
            [(i, f"#{i} {SIGNS[verdict.state]} {words_of(verdict)}") for i, verdict in here]
        )
        source = wanted[chosen].source if wanted else None
        guide.allow_light(possible=isinstance(source, Address) and source.live)
        snapshot = IDLE if run is None else run.snapshot()
        if snapshot.running and not snapshot.lost:
            guide.follow(snapshot.person)
        guide.show_run(snapshot, watching=run is not None)

    def _tell(self, source_id: str, name: str, run: ChallengeRun, snapshot: Snapshot) -> None:
        """A challenge that is over goes into the events, once for each time that it is."""
        if snapshot.running or not snapshot.number:
            return
        key = (run, snapshot.number, len(snapshot.report.steps))
        if self._told.get(source_id) == key:
            return
        self._told[source_id] = key
        bridge = self._window.player.bridges.get(source_id)
        history = None if bridge is None else bridge.history
        at_s = 0.0 if history is None else history.present()[0]
        text = words.summary(snapshot.report, running=False).partition(" ")[2]
        event = Event(
            EventKind.CHALLENGE, at_s, time.time(), source_id, snapshot.person, redact(text)
        )
        self._window.desk.log.add([event], {source_id: name})
