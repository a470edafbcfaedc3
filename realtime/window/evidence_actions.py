"""What is done with evidence, and the settings: connects their actions with the window."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from qtpy.QtCore import QSettings, Qt
from qtpy.QtWidgets import QHBoxLayout, QToolButton, QWidget

from realtime.config import Config
from realtime.feedback.records import Label
from realtime.types import FrameResult
from realtime.window import notification_settings
from realtime.window.exports import Exports
from realtime.window.feedback_desk import FeedbackDesk
from realtime.window.messages import mention
from realtime.window.notification_settings import NotificationSettings
from realtime.window.preferences import Preferences
from realtime.window.settings_dialog import SettingsDialog
from realtime.window.settings_pages import (
    AnalysisPage,
    GeneralPage,
    NotificationsPage,
    PrivacyPage,
)
from realtime.window.translate import tr

if TYPE_CHECKING:
    from realtime.window.extras import Extras
    from realtime.window.main_window import MainWindow


class EvidenceActions:
    """Feedback, reports and settings of ``window``, which was started with ``config``."""

    def __init__(
        self,
        window: MainWindow,
        extras: Extras,
        config: Config,
        settings: QSettings | None,
        say: Callable[[object], None],
    ) -> None:
        self._window = window
        self._extras = extras
        self.preferences = Preferences(config, settings, say)
        self.notifications = notification_settings.load(settings)
        window.player.adjust = self.preferences.adjusted
        desk = extras.desk
        self.feedback = FeedbackDesk(
            window, desk, self.preferences, shown=self._shown, tell=self._tell, say=say
        )
        self.exports = Exports(window, desk, self._tell)
        self._add_actions()
        self._add_buttons()
        self.feedback.purge()

    def refresh(self) -> None:
        """Bring the actions up to date; to be called several times a second."""
        desk = self._extras.desk
        consent = self.preferences.consent
        crops = consent is not None and consent.crops
        for bridge in desk.bridges.values():
            if bridge.recording.keep_crops and not crops:
                bridge.recording.forget_crops()
            bridge.recording.keep_crops = crops
        bridge_ = desk.bridges.get(desk.source_id)
        known = bridge_ is not None and bridge_.recording.info is not None
        for action in (self.was_real, self.was_fake):
            action.setEnabled(known and desk.selected is not None)
        self.export.setEnabled(self.exports.possible)

    def show_settings(self) -> None:
        """All that can be set."""
        window, extras = self._window, self._extras
        general = GeneralPage(self.preferences, extras.look, extras.choose_theme)
        privacy = PrivacyPage(self.preferences, self.feedback.place)
        pages = (
            general,
            AnalysisPage(self.preferences),
            NotificationsPage(self.notifications, self.set_notifications),
            privacy,
        )
        dialog = SettingsDialog(pages, window)
        dialog.saved.connect(self._saved)
        general.tour.connect(dialog.reject)
        general.tour.connect(window.actions_.tour.trigger)
        privacy.listing.connect(lambda: self.feedback.show_list(dialog))
        privacy.forget.connect(window.actions_.clear_recent.trigger)
        dialog.open()

    def set_notifications(self, wanted: NotificationSettings) -> None:
        """From now on."""
        self.notifications = wanted
        self._window.call.set_notifications(wanted)
        settings = self.preferences.settings
        if settings is not None:
            notification_settings.save(settings, wanted)

    def close(self) -> None:
        """Stop what is being exported, keep what was said."""
        self.exports.close()
        self.feedback.close()

    def _add_actions(self) -> None:
        actions = self._window.actions_
        menu = actions.evidence
        menu.addSeparator()
        self.was_real = actions.add(menu, tr("This was &real…"), "Ctrl+Shift+G")
        self.was_fake = actions.add(menu, tr("This was &fake…"), "Ctrl+Shift+F")
        self.kept = actions.add(menu, tr("Feedback that is &kept…"), "Ctrl+Shift+K")
        menu.addSeparator()
        self.export = actions.add(menu, tr("&Export a report…"), "Ctrl+E")
        self.was_real.triggered.connect(lambda: self.feedback.ask(Label.REAL))
        self.was_fake.triggered.connect(lambda: self.feedback.ask(Label.FAKE))
        self.kept.triggered.connect(lambda _on: self.feedback.show_list())
        self.export.triggered.connect(self.exports.ask)
        actions.settings.triggered.connect(self.show_settings)

    def _add_buttons(self) -> None:
        """Below the reasons, and on whoever is in the list."""
        desk = self._extras.desk
        row = QWidget()
        line = QHBoxLayout(row)
        line.setContentsMargins(0, 0, 0, 0)
        for action in (self.was_real, self.was_fake):
            made = QToolButton()
            made.setDefaultAction(action)
            made.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            line.addWidget(made)
        line.addStretch(1)
        column = desk.why.layout()
        assert column is not None
        column.addWidget(row)
        desk.people.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)
        desk.people.addActions([self.was_real, self.was_fake])

    def _saved(self) -> None:
        self.preferences.sync()
        self.refresh()

    def _shown(self) -> FrameResult | None:
        return self._extras.canvas.result

    def _tell(self, text: str) -> None:
        mention(self._window, text)
