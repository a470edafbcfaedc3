"""What can be done with a file: play, pause, step and seek."""

from __future__ import annotations

from realtime.types import FrameResult, SourceState
from realtime.window.canvas import Canvas
from realtime.window.controls import Controls
from realtime.window.messages import Rate, figures
from realtime.window.player import Player
from realtime.window.states import words


class FilePlay:
    """Passes on to the pipeline what the viewer asks for; does nothing while there is none."""

    def __init__(self, player: Player, canvas: Canvas, controls: Controls) -> None:
        self._player = player
        self._canvas = canvas
        self._controls = controls
        # Where a seek goes that no frame has answered yet, and the epoch it started from.
        self._target_s: float | None = None
        self._epoch_before = 0
        self._rate = Rate()

    def reset(self) -> None:
        """Another source comes."""
        self._target_s = None
        self._rate = Rate()
        self._controls.set_source(None)
        self._canvas.show_result(None)

    def opened(self) -> None:
        """The source is known now."""
        pipeline = self._player.pipeline
        if pipeline is not None:
            info = pipeline.info
            self._controls.set_source(info.duration_s, seekable=info.seekable)

    def show(self, result: FrameResult) -> None:
        """Show it, and where it is."""
        self._canvas.show_result(result)
        if self._target_s is not None and result.frame.epoch == self._epoch_before:
            return  # from before the jump: the slider stays where the viewer put it
        self._target_s = None
        self._controls.set_time(result.frame.time_s)

    def toggle_play(self) -> None:
        """Play or pause; from the end, play again."""
        pipeline = self._player.pipeline
        if pipeline is None:
            return
        if pipeline.state is SourceState.ENDED:
            pipeline.resume()
            self.seek(0.0)
        elif pipeline.state is SourceState.PAUSED:
            pipeline.resume()
        else:
            pipeline.pause()

    def step(self) -> None:
        """Pause, one frame on."""
        if self._player.pipeline is not None:
            self._player.pipeline.step()

    def step_back(self) -> None:
        """Pause, one frame back."""
        if self._player.pipeline is not None:
            self._player.pipeline.step_back()

    def seek(self, time_s: float) -> None:
        """Go to that time, held to the length of the source."""
        pipeline = self._player.pipeline
        if pipeline is None or not pipeline.info.seekable:
            return
        time_s = max(0.0, min(time_s, pipeline.info.duration_s or time_s))
        shown = self._canvas.result
        self._epoch_before = -1 if shown is None else shown.frame.epoch
        self._target_s = time_s
        self._controls.set_time(time_s)
        pipeline.seek(time_s)

    def seek_by(self, seconds: float) -> None:
        """Go so far from here, or from where a seek under way will end."""
        shown = self._canvas.result
        here = 0.0 if shown is None else shown.frame.time_s
        self.seek((here if self._target_s is None else self._target_s) + seconds)

    def seek_end(self) -> None:
        """Go to the last frame."""
        pipeline = self._player.pipeline
        if pipeline is not None and pipeline.info.duration_s:
            self.seek(pipeline.info.duration_s)

    def seek_share(self, share: float) -> None:
        """Go to that part of the whole, 0..1."""
        pipeline = self._player.pipeline
        if pipeline is not None and pipeline.info.duration_s:
            self.seek(share * pipeline.info.duration_s)

    def figures(self, state: SourceState | None) -> str:
        """The line at the bottom of the window, for a source in that ``state``."""
        pipeline, bridge = self._player.pipeline, self._player.bridge
        if pipeline is None or bridge is None or state is None:
            return words(state)
        result = self._canvas.result
        counts = pipeline.counts
        age_s = None if result is None else result.age_s
        return figures(
            words(state), counts, self._rate.update(counts.analysed), age_s, bridge.model
        )
