"""Goes back into the last minutes of a live source, as far as pictures of them are held."""

from __future__ import annotations

import time
from collections.abc import Callable

from realtime.window.live_picture import LivePicture
from realtime.window.ring import GAP_S, STEP_S, Held, Ring, Rings
from realtime.window.states import duration
from realtime.window.translate import tr


class LookBack:
    """For Qt's thread. Times are seconds of ``time.monotonic()``.

    ``looked_at`` gives the picture that all of it is about, None while many are shown;
    ``enlarge`` makes it that of a source.
    """

    def __init__(
        self,
        rings: Rings,
        looked_at: Callable[[], LivePicture | None],
        enlarge: Callable[[str], None],
    ) -> None:
        self._rings = rings
        self._looked_at = looked_at
        self._enlarge = enlarge

    @property
    def here(self) -> float:
        """When the picture that is looked at was taken."""
        picture = self._looked_at()
        shown = None if picture is None else picture.canvas.result
        return time.monotonic() if shown is None else shown.frame.captured_mono

    @property
    def oldest(self) -> float:
        """From when on pictures are held; now if there are none."""
        spans = self.spans()
        return spans[0][0] if spans else time.monotonic()

    def spans(self, source_id: str | None = None) -> list[tuple[float, float]]:
        """From when to when pictures are held, of what is looked at or of that source."""
        ring = self._ring(source_id)
        return [] if ring is None else ring.spans(max(GAP_S, 2 * self._rings.step_s))

    def seek(self, time_s: float, source_id: str | None = None) -> str:
        """Show the picture next to that moment, the present if it is no moment ago.

        ``source_id``: of that source, which is enlarged; else of what is looked at. Returns one
        sentence if there is no such picture, else nothing.
        """
        if source_id is not None:
            self._enlarge(source_id)
        now = time.monotonic()
        ring, picture = self._ring(None), self._looked_at()
        if picture is None:
            return tr("Enlarge one of the sources to look back.")
        if time_s > now - 2 * STEP_S:
            picture.follow(now)
            return ""
        held = None if ring is None else ring.nearest(time_s)
        if held is None:
            return tr("No earlier picture is held yet.")
        missed = abs(held.time_s - time_s) > max(GAP_S, self._rings.step_s)
        if missed and time_s < self.oldest:
            text = tr("Of that moment no picture is held any more; the oldest is {time} old.")
            return text.format(time=duration(now - self.oldest))
        self._show(picture, held, missed=missed)
        return ""

    def seek_by(self, seconds: float) -> str:
        """Go so far from here, to the oldest picture at most."""
        return self.seek(max(self.here + seconds, self.oldest))

    def seek_share(self, share: float) -> str:
        """Go to that part, 0..1, of what is held."""
        oldest = self.oldest
        return self.seek(oldest + share * (time.monotonic() - oldest))

    def step(self, *, forward: bool) -> None:
        """One held picture back or on; after the last one, the present."""
        ring, picture = self._ring(None), self._looked_at()
        if ring is None or picture is None:
            return
        held = ring.beside(self.here, forward=forward)
        if held is not None and (picture.back or not forward):
            self._show(picture, held)
        elif forward:
            picture.follow(time.monotonic())

    def follow(self) -> None:
        """Back to the present."""
        picture = self._looked_at()
        if picture is not None:
            picture.follow(time.monotonic())

    def _show(self, picture: LivePicture, held: Held, *, missed: bool = False) -> None:
        picture.look_back(held.restore(), time.monotonic(), missed=missed)

    def _ring(self, source_id: str | None) -> Ring | None:
        picture = self._looked_at()
        if source_id is None and picture is not None:
            source_id = picture.status.source_id
        return None if source_id is None else self._rings.ring(source_id)
