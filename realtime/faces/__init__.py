"""Faces: found, followed under a stable id, with landmarks and a measure of quality."""

from realtime.faces.mediapipe_backend import FaceDetector, FaceMesher
from realtime.faces.tracker import FaceTracker

__all__ = ["FaceDetector", "FaceMesher", "FaceTracker"]
