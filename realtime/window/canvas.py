"""The picture: the newest frame with its overlay, as large as the window allows or the viewer
wants."""

from __future__ import annotations

import time

from qtpy.QtCore import QPointF, Qt
from qtpy.QtGui import QColor, QFontInfo, QImage, QPainter, QPaintEvent, QResizeEvent
from qtpy.QtWidgets import QWidget

from realtime.labels import default_text_px
from realtime.overlay import draw_on, mapping, overlaps
from realtime.types import FrameResult, Image
from realtime.window.layers import Layers, draw_landmarks, hide_faces
from realtime.window.lens import Lens
from realtime.window.notice import paint_notice
from realtime.window.states import SILENCE, Notice, verdict_name
from realtime.window.surface import Surface, dim
from realtime.window.translate import tr, trn
from realtime.window.viewport import FIT, Places, Size

_BACKGROUND = QColor(16, 16, 16)
_STATE_INK = QColor(235, 235, 235)


class Canvas(Lens):
    """Shows one `FrameResult`, letterboxed, at the pixels of the screen.

    It is drawn when Qt paints: results that come faster than that cost nothing. The part that is
    seen is first scaled and then drawn upon, so that lines and text are sharp at every size.

    ``cost_s`` is how long the newest picture took to draw, ``drawn`` how many there were.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setMinimumSize(160, 90)
        self.setAccessibleName(tr("Video"))
        self._result: FrameResult | None = None
        self._layers = Layers()
        self._state_text = ""
        self._notice = SILENCE
        self.cost_s = 0.0
        self.drawn = 0
        self._picture: QImage | None = None
        self._surface: Surface | None = None
        self.looked.connect(self._on_looked)

    @property
    def result(self) -> FrameResult | None:
        """What is shown."""
        return self._result

    @property
    def frame_size(self) -> Size | None:
        """Of what is shown."""
        if self._result is None:
            return None
        high, wide = self._result.frame.image.shape[:2]
        return wide, high

    @property
    def beside(self) -> bool:
        """Whether the plain picture is wanted on the left."""
        return self._layers.beside

    @property
    def layers(self) -> Layers:
        """What is drawn over the picture."""
        return self._layers

    @property
    def state_text(self) -> str:
        """Large text for a state that needs one; over the picture if there is a picture."""
        return self._state_text

    @property
    def notice(self) -> Notice:
        """What is said of a live source."""
        return self._notice

    @property
    def hint(self) -> str:
        """How far it is enlarged, and how many faces are out of sight; empty for all of it."""
        result, places = self._result, self.places
        if self.view == FIT or result is None or places is None:
            return ""
        pane = places.pane
        text = tr("Zoom {percent} %").format(percent=round(100 * pane.scale))
        to_pane = mapping(pane.size[::-1], result.frame.image.shape, pane.region)
        seen = (0, 0, *pane.size)
        hidden = sum(not overlaps(to_pane.rect(box), seen) for box in result.faces.boxes)
        if not hidden:
            return text
        out = trn("{count} face out of sight", "{count} faces out of sight", hidden)
        return f"{text} · {out.format(count=hidden)}"

    def show_result(self, result: FrameResult | None) -> None:
        """Show this one, with the same part in sight; None for an empty canvas."""
        self._result = result
        if result is None:
            self.set_view(FIT)
        self._redraw()

    def set_layers(self, layers: Layers) -> None:
        """Draw these from now on."""
        if layers != self._layers:
            self._layers = layers
            self._redraw()

    def set_state_text(self, text: str) -> None:
        """Say what the source is doing; empty while that can be seen."""
        if text != self._state_text:
            self._state_text = text
            self._redraw()

    def set_notice(self, notice: Notice) -> None:
        """Say this of a live source; a picture that is old is dimmed and loses its boxes."""
        if notice == self._notice:
            return
        if notice.old != self._notice.old:
            self._picture = None
        self._notice = notice
        self.update()

    def snapshot(self) -> QImage | None:
        """A copy of the picture as it is shown, None while there is none."""
        return None if self._picture is None else self._picture.copy()

    def _redraw(self) -> None:
        self._picture = None
        self.update()

    def _on_looked(self) -> None:
        self.setAccessibleDescription(self.hint)
        self._redraw()

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """The picture no longer fits."""
        self._picture = None
        super().resizeEvent(event)

    def paintEvent(self, _event: QPaintEvent | None) -> None:
        """Draw the picture, or what stands for it."""
        ratio = self.devicePixelRatioF()
        places = self.places
        # Before there is a painter: if this fails, an open one would end the process.
        picture = None if places is None else self._drawn(places, ratio)
        painter = QPainter(self)
        painter.fillRect(self.rect(), _BACKGROUND)
        if picture is not None and places is not None:
            # On whole pixels of the screen, or it would be blurred.
            painter.drawImage(QPointF(places.lefts[0] / ratio, places.top / ratio), picture)
        elif not self._notice:
            self._paint_state(painter)
        if self._notice:
            paint_notice(painter, self.rect(), self._notice, self.font())

    def _paint_state(self, painter: QPainter) -> None:
        font = self.font()
        font.setPointSizeF(font.pointSizeF() * 2.2)
        painter.setFont(font)
        painter.setPen(_STATE_INK)
        flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
        painter.drawText(self.rect(), int(flags), self._state_text)

    def _drawn(self, places: Places, ratio: float) -> QImage | None:
        picture = self._picture
        fresh = picture is not None and picture.devicePixelRatioF() == ratio
        if not fresh and self._result is not None:
            picture = self._picture = self._render(self._result, places, ratio)
        return picture

    def _render(self, result: FrameResult, places: Places, ratio: float) -> QImage:
        began = time.perf_counter()
        if self._surface is None or not self._surface.fits(*places.size, ratio):
            self._surface = Surface(*places.size, ratio)
        surface, wide = self._surface, places.pane.size[0]
        shown = surface.bgr[:, -wide:]
        surface.fill(shown, result.frame.image, places.pane)
        if self._layers.blur:
            hide_faces(shown, result, self._layers.spare, places.pane.region)
        if self._notice.old:
            dim(shown)
        if len(places.lefts) > 1:
            surface.bgr[:, :wide] = shown
            surface.bgr[:, wide:-wide] = _BACKGROUND.red()
        if not self._notice.old:
            self._draw_layers(shown, result, places, ratio)
        surface.finish()
        self.cost_s = time.perf_counter() - began
        self.drawn += 1
        return surface.image

    def _draw_layers(self, shown: Image, result: FrameResult, places: Places, ratio: float) -> None:
        region = None if places.pane.whole else places.pane.region
        if self._layers.landmarks:
            draw_landmarks(shown, result, region)
        legible = round(QFontInfo(self.font()).pixelSize() * ratio)
        draw_on(
            shown,
            result,
            heat=self._layers.heat,
            boxes=self._layers.boxes,
            labels=self._layers.labels,
            text_px=max(legible, default_text_px(*places.pane.size)),
            notice=self._state_text,
            hint=self.hint,
            region=region,
            names=verdict_name,
        )
