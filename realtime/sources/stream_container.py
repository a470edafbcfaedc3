"""Opening a live stream, and what of it is looked at and heard."""

from __future__ import annotations

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.error import FFmpegError
from av.video.stream import VideoStream

from realtime.config import Config
from realtime.sources import stream_errors


def connect(url: str, options: dict[str, str], config: Config) -> InputContainer | FFmpegError:
    """Open ``url``; an error is given back, because it holds the URL and must not travel on."""
    live = config.live
    try:
        return av.open(
            url,
            options=options,
            metadata_errors="replace",
            timeout=(live.open_timeout_s, live.read_timeout_s),
        )
    except FFmpegError as exc:
        return exc


def main_video(container: InputContainer, name: str) -> VideoStream:
    """The pictures that are meant to be seen.

    Raises:
        SourceError: NO_VIDEO or CODEC_UNSUPPORTED, with ``name``.
    """
    stream = container.streams.best("video")
    if not isinstance(stream, VideoStream):
        raise stream_errors.NO_VIDEO.error(name)
    if stream.codec_context is None:
        raise stream_errors.CODEC_UNSUPPORTED.error(name)
    return stream


def main_audio(container: InputContainer) -> AudioStream | None:
    """The sound that goes with them, None if there is none that can be decoded."""
    stream = container.streams.best("audio")
    if isinstance(stream, AudioStream) and stream.codec_context is not None:
        return stream
    return None
