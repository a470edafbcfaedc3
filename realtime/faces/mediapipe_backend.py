"""The only MediaPipe import: a face detector and a face mesh on the graphs inside its wheel.

Both run MediaPipe's own sub-graphs directly instead of ``mp.solutions``: the mesh graph then
takes the region from us. ``solutions.face_mesh`` either searches every picture with its
short-range detector, or follows a region of its own inside the picture, which breaks as soon
as the picture itself follows the face; it also hides how sure it is that there is a face.
Without it one graph without memory serves any number of faces and photos.

The detector is BlazeFace, full range (Bazarevsky et al. 2019, arXiv:1907.05047); the mesh is
the attention mesh with irises (Grishchenko et al. 2020, arXiv:2006.10962).
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np

from realtime.closing import Closing
from realtime.types import LANDMARK_COUNT, FloatArray, Image

os.environ.setdefault("GLOG_minloglevel", "2")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import mediapipe
    from mediapipe.calculators.tensor import tensors_to_detections_calculator_pb2
    from mediapipe.framework import calculator_pb2
    from mediapipe.framework.formats import rect_pb2
    from mediapipe.python import packet_creator, packet_getter
    from mediapipe.python._framework_bindings import (
        calculator_graph,
        resource_util,
        validated_graph_config,
    )

DETECTOR_INPUT: Final = 192
"""Both networks see pictures of 192 × 192."""
MESH_INPUT: Final = 192
MESH_MARGIN: Final = 1.5
"""Side of the square that the mesh was trained on, in units of the face's longer side."""
CLOSE_UP_MARGIN: Final = 0.5
TILE: Final = 640
TILE_OVERLAP: Final = 160
"""A face smaller than this lies whole in at least one tile of 640."""
OVERLAP_IS_SAME: Final = 0.35
"""Boxes of two tiles that overlap by more, as intersection over the smaller box or over the
union, are one face."""

_LEFT_EYE: Final = 263
_RIGHT_EYE: Final = 33
"""Outer eye corners of the mesh, named from the person's point of view."""

_CHATTER: Final = re.compile(
    rb"^(INFO: Created TensorFlow Lite|WARNING: All log messages before absl"
    rb"|[IW]\d{4} .*\.cc:\d+\])"
)


class _Graph(Closing):
    """A MediaPipe graph that is fed one set of packets and answers before ``_run`` returns."""

    def __init__(self, config: Any, outputs: Sequence[str], side_packets: dict[str, Any]) -> None:
        self._outputs: dict[str, Any] = {}
        self._stamp = 0
        # MediaPipe finds its model files relative to one process-wide folder.
        resource_util.set_resource_dir(str(Path(mediapipe.__file__).parents[1]))
        with _without_chatter():
            self._graph: Any = calculator_graph.CalculatorGraph(graph_config=config)
            for name in outputs:
                self._graph.observe_output_stream(name, self._outputs.__setitem__, True)
            self._graph.start_run(side_packets)
            self._warm_up()

    def _warm_up(self) -> None:
        """Run once, because the networks are only loaded, with messages, by the first picture."""
        raise NotImplementedError

    def _run(self, packets: dict[str, Any]) -> dict[str, Any]:
        if self._graph is None:
            raise ValueError("the graph is closed")
        self._stamp += 1
        self._outputs.clear()
        for name, packet in packets.items():
            self._graph.add_packet_to_input_stream(stream=name, packet=packet.at(self._stamp))
        self._graph.wait_until_idle()  # releases the GIL
        return self._outputs

    def close(self) -> None:
        """Free the graph; may be called again."""
        if self._graph is not None:
            self._graph.close()
            self._graph = None


class FaceDetector(_Graph):
    """Finds faces in a whole picture; for one thread at a time.

    ``min_confidence`` in 0..1: detections below it are not returned.
    """

    def __init__(self, min_confidence: float = 0.5) -> None:
        config = _expand(
            "FaceDetectionFullRangeCpu", {"image": "IMAGE"}, {"detections": "DETECTIONS"}
        )
        for node in config.node:
            if node.calculator == "TensorsToDetectionsCalculator":
                options = (
                    tensors_to_detections_calculator_pb2.TensorsToDetectionsCalculatorOptions()
                )
                node.node_options[0].Unpack(options)
                options.min_score_thresh = min_confidence
                node.node_options[0].Pack(options)
        super().__init__(config, ["detections"], {})

    def _warm_up(self) -> None:
        self.detect(np.zeros((DETECTOR_INPUT, DETECTOR_INPUT, 3), np.uint8))

    def detect(self, image: Image, *, tiles: bool = False) -> tuple[FloatArray, FloatArray]:
        """Boxes ``(N, 4)`` float32 ``x, y, width, height`` in pixels and confidences ``(N,)``.

        ``image`` is ``(H, W, 3)`` uint8 BGR of any size. With ``tiles`` the picture is also
        searched in overlapping squares of 640 px, which finds faces too small for the network
        when it sees the whole frame. A picture in which nothing was found is searched again
        for a face that fills it. Best confidence first. Boxes may reach over the edge.
        """
        regions = [(0, 0, image.shape[1], image.shape[0])]
        if tiles:
            regions += tile_regions(image.shape[1], image.shape[0])
        found = [self.detect_in(image, region) for region in regions]
        if not any(len(b) for b, _ in found):
            found = [self.detect_in(image, regions[0], margin=CLOSE_UP_MARGIN)]
        boxes = np.concatenate([b for b, _ in found])
        confidence = np.concatenate([c for _, c in found])
        keep = merge_overlapping(boxes, confidence)
        return boxes[keep], confidence[keep]

    def detect_in(
        self, image: Image, region: tuple[int, int, int, int], *, margin: float = 0.0
    ) -> tuple[FloatArray, FloatArray]:
        """As `detect`, in one region ``x, y, width, height`` of the picture.

        ``margin`` adds a black border, in units of the longer side: the network overlooks faces
        that fill its whole view.
        """
        x, y, width, height = region
        # Shrinking here, by area, keeps small faces that the graph's bilinear sampling would
        # alias away, and spares the graph a copy of the full frame.
        factor = max(min(max(width, height) // DETECTOR_INPUT, width, height), 1)
        reduced = _reduced(image[y : y + height, x : x + width], factor)
        side = max(reduced.shape[:2])
        scale = DETECTOR_INPUT / (side * (1 + 2 * margin))
        size = tuple(max(round(n * scale), 1) for n in (reduced.shape[1], reduced.shape[0]))
        small = cv2.resize(reduced, size, interpolation=cv2.INTER_AREA)
        square = np.zeros((DETECTOR_INPUT, DETECTOR_INPUT, 3), np.uint8)
        left, top = ((DETECTOR_INPUT - n) // 2 if margin else 0 for n in size)
        square[top : top + size[1], left : left + size[0]] = cv2.cvtColor(small, cv2.COLOR_BGR2RGB)
        packet = self._run({"image": _image_packet(square)}).get("detections")
        empty = packet is None or packet.is_empty()
        detections = [] if empty else packet_getter.get_proto_list(packet)
        boxes = np.empty((len(detections), 4), np.float32)
        confidence = np.empty(len(detections), np.float32)
        for i, detection in enumerate(detections):
            box = detection.location_data.relative_bounding_box
            boxes[i] = box.xmin, box.ymin, box.width, box.height
            confidence[i] = detection.score[0]
        boxes *= DETECTOR_INPUT
        boxes[:, :2] -= (left, top)
        boxes *= factor / scale
        boxes[:, :2] += (x, y)
        return boxes, confidence


class FaceMesher(_Graph):
    """Finds the 478 landmarks of one face in a given place; for one thread at a time.

    Keeps nothing from call to call, so it serves still photos and any number of tracks alike.
    """

    def __init__(self) -> None:
        config = _expand(
            "FaceLandmarkCpu",
            {"image": "IMAGE", "roi": "ROI"},
            {"landmarks": "LANDMARKS"},
            {"with_attention": "WITH_ATTENTION"},
        )
        self._presence = next(
            node.output_stream[0].rpartition(":")[2]
            for node in config.node
            if node.calculator == "TensorsToFloatsCalculator"
        )
        whole = rect_pb2.NormalizedRect(x_center=0.5, y_center=0.5, width=1.0, height=1.0)
        self._whole = packet_creator.create_proto(whole)
        side_packets = {"with_attention": packet_creator.create_bool(True)}
        super().__init__(config, ["landmarks", self._presence], side_packets)

    def _warm_up(self) -> None:
        self.mesh(
            np.zeros((MESH_INPUT, MESH_INPUT, 3), np.uint8), np.array([0, 0, 100, 100], np.float32)
        )

    def mesh(self, image: Image, box: FloatArray) -> tuple[FloatArray | None, float]:
        """Landmarks of the face in a detector's box ``x, y, width, height``.

        ``image`` is ``(H, W, 3)`` uint8 BGR of any size. Runs twice: the first result says how
        the head is tilted and where the face really ends. Returns as `follow` does.
        """
        x, y, width, height = (float(v) for v in box)
        side = MESH_MARGIN * max(width, height)
        first, presence = self._mesh_in(image, (x + width / 2, y + height / 2), side, 0.0)
        return (None, presence) if first is None else self.follow(image, first)

    def follow(self, image: Image, landmarks: FloatArray) -> tuple[FloatArray | None, float]:
        """Landmarks of a face near where ``landmarks`` ``(478, 3)`` were a moment ago.

        Returns:
            ``(478, 3)`` float32, x and y in pixels of the picture, z in the same scale (smaller
            nearer), or None if there is no face; and the presence in 0..1: how sure the
            network is that there is one.
        """
        return self._mesh_in(image, *mesh_region(landmarks))

    def _mesh_in(
        self, image: Image, centre: tuple[float, float], side: float, roll: float
    ) -> tuple[FloatArray | None, float]:
        region, to_frame = _cut_square(image, centre, max(side, 1.0), roll)
        outputs = self._run({"image": _image_packet(region), "roi": self._whole})
        presence = outputs.get(self._presence)
        if presence is None:
            return None, 0.0
        packet = outputs.get("landmarks")
        if packet is None or packet.is_empty():
            return None, float(packet_getter.get_float(presence))
        points = packet_getter.get_proto(packet).landmark
        unit = np.array([(p.x, p.y, p.z) for p in points], np.float32).reshape(LANDMARK_COUNT, 3)
        unit *= MESH_INPUT
        landmarks = np.empty_like(unit)
        landmarks[:, :2] = unit[:, :2] @ to_frame[:, :2].T + to_frame[:, 2]
        landmarks[:, 2] = unit[:, 2] * (side / MESH_INPUT)
        return landmarks, float(packet_getter.get_float(presence))


def mesh_region(landmarks: FloatArray) -> tuple[tuple[float, float], float, float]:
    """Centre, side and roll (radians, clockwise) of the square in which to look for a face again.

    The square is upright with respect to the line through the eyes and
    `MESH_MARGIN` times as long as the bounding box of the landmarks, turned likewise.
    """
    eyes = landmarks[_LEFT_EYE, :2] - landmarks[_RIGHT_EYE, :2]
    roll = float(np.arctan2(eyes[1], eyes[0]))
    cosine, sine = np.cos(roll), np.sin(roll)
    turn = np.array([[cosine, -sine], [sine, cosine]], np.float32)
    upright = landmarks[:, :2] @ turn
    low, high = upright.min(axis=0), upright.max(axis=0)
    centre = turn @ ((low + high) / 2)
    return (float(centre[0]), float(centre[1])), MESH_MARGIN * float((high - low).max()), roll


def tile_regions(width: int, height: int) -> list[tuple[int, int, int, int]]:
    """Overlapping squares ``x, y, width, height`` that cover a picture.

    They measure 640 px, or a third of the longer side where that is more, so that no frame has
    many; they overlap by a quarter or more. Empty for pictures that hardly exceed one tile:
    there the whole frame shows as much.
    """
    if max(width, height) <= 1.5 * TILE:
        return []
    tile = max(TILE, -(-max(width, height) // 3))
    return [
        (x, y, min(tile, width), min(tile, height))
        for y in _starts(height, tile)
        for x in _starts(width, tile)
    ]


def _starts(length: int, tile: int) -> list[int]:
    if length <= tile:
        return [0]
    overlap = tile * TILE_OVERLAP // TILE
    count = int(np.ceil((length - overlap) / (tile - overlap)))
    return [int(v) for v in np.linspace(0, length - tile, count).round()]


def merge_overlapping(boxes: FloatArray, confidence: FloatArray) -> list[int]:
    """Indices of the boxes that remain when all but the most confident of each face are dropped.

    Beside the usual intersection over union, a box that lies mostly inside a better one is
    dropped too: at the edge of a tile the detector boxes the visible part of a face.
    """
    keep: list[int] = []
    for i in np.argsort(-confidence, kind="stable"):
        if not any(same_detection(boxes[i], boxes[k]) for k in keep):
            keep.append(int(i))
    return keep


def same_detection(a: FloatArray, b: FloatArray) -> bool:
    """Whether two boxes of the detector are of one face; see `merge_overlapping`."""
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return False
    shared, areas = width * height, (a[2] * a[3], b[2] * b[3])
    return bool(shared > OVERLAP_IS_SAME * (sum(areas) - shared) or shared > 0.6 * min(areas))


def _cut_square(
    image: Image, centre: tuple[float, float], side: float, roll: float
) -> tuple[Image, FloatArray]:
    """The turned square as RGB at the mesh's input size, and the ``(2, 3)`` map to the frame."""
    step = side / MESH_INPUT
    cosine, sine = step * np.cos(roll), step * np.sin(roll)
    turn = np.array([[cosine, -sine], [sine, cosine]])
    offset = np.array(centre) - turn @ (MESH_INPUT / 2, MESH_INPUT / 2)
    to_frame = np.column_stack([turn, offset]).astype(np.float32)
    source, to_source = image, to_frame.copy()
    factor = int(step)
    if factor > 1:  # bilinear sampling would alias: shrink the surroundings by area first
        reach = side * 0.75  # more than half the diagonal
        limit = (image.shape[1], image.shape[0])
        low = np.clip(np.array(centre) - reach, 0, limit).astype(int)
        high = np.clip(np.array(centre) + reach, 0, limit).astype(int)
        if (high - low >= factor).all():
            source = _reduced(image[low[1] : high[1], low[0] : high[0]], factor)
            to_source[:, 2] -= low
            to_source /= factor
            to_source[:, 2] += 0.5 / factor - 0.5  # pixels are counted at their centres
    region = cv2.warpAffine(
        source,
        to_source,
        (MESH_INPUT, MESH_INPUT),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(cv2.cvtColor(region, cv2.COLOR_BGR2RGB), np.uint8), to_frame


def _reduced(image: Image, factor: int) -> Image:
    """Every ``factor`` × ``factor`` pixels averaged into one; several times faster than one
    shrinking by area to a size that is no whole fraction. An incomplete rest is cut off, so
    neither side may be shorter than ``factor``."""
    if factor < 2:
        return image
    size = (image.shape[1] // factor, image.shape[0] // factor)
    whole = image[: size[1] * factor, : size[0] * factor]
    return np.asarray(cv2.resize(whole, size, interpolation=cv2.INTER_AREA), np.uint8)


def _image_packet(rgb: Image) -> Any:
    return packet_creator.create_image_frame(image_format=mediapipe.ImageFormat.SRGB, data=rgb)


def _expand(
    calculator: str,
    inputs: dict[str, str],
    outputs: dict[str, str],
    side_inputs: dict[str, str] | None = None,
) -> Any:
    """A graph of one of MediaPipe's sub-graphs, written out; maps stream names to its tags."""
    graph = calculator_pb2.CalculatorGraphConfig
    side_inputs = side_inputs or {}
    config = graph(
        input_stream=list(inputs),
        output_stream=list(outputs),
        input_side_packet=list(side_inputs),
        node=[
            graph.Node(
                calculator=calculator,
                input_stream=[f"{tag}:{name}" for name, tag in inputs.items()],
                output_stream=[f"{tag}:{name}" for name, tag in outputs.items()],
                input_side_packet=[f"{tag}:{name}" for name, tag in side_inputs.items()],
            )
        ],
    )
    validated = validated_graph_config.ValidatedGraphConfig()
    validated.initialize(graph_config=config)
    expanded = graph()
    expanded.ParseFromString(validated.binary_config)
    # Work on the caller's thread: two thread pools would cost 2 ms a picture in hand-overs.
    del expanded.executor[:]
    expanded.executor.add(name="", type="ApplicationThreadExecutor")
    return expanded


@contextlib.contextmanager
def _without_chatter() -> Iterator[None]:
    """Hold back what native code writes to stderr; pass on all but known harmless lines.

    TensorFlow Lite and absl write straight to the file descriptor and heed no setting.
    """
    sys.stderr.flush()
    with tempfile.TemporaryFile() as held:
        saved = os.dup(2)
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(saved, 2)
            os.close(saved)
            held.seek(0)
            for line in held:
                if not _CHATTER.match(line):
                    os.write(2, line)
