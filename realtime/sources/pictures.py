"""From decoded pictures of any format to what the engine works on."""

from __future__ import annotations

from typing import Any, Final

import cv2
import numpy as np
from av.error import FFmpegError
from av.video.frame import VideoFrame
from av.video.reformatter import Colorspace, VideoReformatter

from realtime.types import Image

CONVERT_THREADS: Final = 1

_TURNS: Final = {
    1: cv2.ROTATE_90_COUNTERCLOCKWISE,
    2: cv2.ROTATE_180,
    3: cv2.ROTATE_90_CLOCKWISE,
}


class PictureConverter:
    """Makes ``(H, W, 3)`` uint8 BGR pictures: upright, contiguous and read-only.

    It keeps its scaler between calls and is for one thread at a time.
    """

    def __init__(self) -> None:
        self._reformatter = VideoReformatter()

    def convert(self, frame: VideoFrame) -> Image:
        """``frame`` by the colour matrix and range it states; alpha is dropped.

        Raises:
            FFmpegError: if the pixel format cannot be converted.
        """
        pixels = self._to_bgr(frame)
        turns = quarter_turns(frame)
        if turns:
            pixels = np.asarray(cv2.rotate(pixels, _TURNS[turns]), np.uint8)
        image: Image = np.ascontiguousarray(pixels)
        image.setflags(write=False)
        return image

    def _to_bgr(self, frame: VideoFrame) -> Image:
        options: dict[str, Any] = {"format": "bgr24", "threads": CONVERT_THREADS}
        try:
            converted = self._reformatter.reformat(frame, **options)
        except FFmpegError:
            # A stated matrix that the converter does not know (YCgCo, ICtCp, reserved values)
            # must not cost the picture: take the one that most video of our time has.
            converted = self._reformatter.reformat(
                frame, src_colorspace=Colorspace.ITU709, **options
            )
        return converted.to_ndarray().astype(np.uint8, copy=False)


def quarter_turns(frame: VideoFrame) -> int:
    """How many times to turn the picture by 90 degrees, counter-clockwise, to see it upright."""
    return round(frame.rotation / 90) % 4
