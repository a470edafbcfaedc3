"""A clip as a camera sends it: the same packets again and again."""

from __future__ import annotations

from pathlib import Path

import av


def looped(source: Path, target: Path, *, packets: int | None = None, loops: int = 2) -> Path:
    """The first ``packets`` of an H.264 clip, all without a number, as they are."""
    with av.open(str(source)) as given, av.open(str(target), "w") as made:
        stream = given.streams.video[0]
        out = made.add_stream_from_template(stream, opaque=True)
        taken = []
        for packet in given.demux(stream):
            stamped = packet.size and packet.pts is not None and packet.dts is not None
            if stamped and (packets is None or len(taken) < packets):
                taken.append((bytes(packet), packet.pts, packet.dts, packet.is_keyframe))
        first = min(pts for _, pts, _, _ in taken)
        step = (max(pts for _, pts, _, _ in taken) - first) // (len(taken) - 1)
        for loop in range(loops):
            for data, pts, dts, key in taken:
                packet = av.Packet(data)
                packet.stream, packet.time_base = out, stream.time_base
                shift = loop * len(taken) * step - first
                packet.pts, packet.dts, packet.is_keyframe = pts + shift, dts + shift, key
                made.mux(packet)
    return target
