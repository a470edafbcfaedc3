"""Decoded sound of any form as what witnesses hear: mono samples at 16 kHz."""

from __future__ import annotations

from typing import Any

import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from numpy.typing import NDArray

from realtime.cues.sound import SAMPLE_HZ


class Mono:
    """Turns the frames of one stream, in their order, into samples."""

    def __init__(self) -> None:
        self._resampler = AudioResampler("flt", "mono", SAMPLE_HZ)

    def samples(self, frame: AudioFrame) -> NDArray[np.floating[Any]]:
        """``(N,)`` float32 in -1 to 1, what is no number as 0; none while the filter fills.

        Raises:
            FFmpegError, ValueError: if the sound is of another form than before, or broken.
        """
        parts = [part.to_ndarray()[0] for part in self._resampler.resample(frame)]
        return np.nan_to_num(np.concatenate(parts)) if parts else np.zeros(0, np.float32)
