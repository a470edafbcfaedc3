"""Real-time deepfake analysis of video: source, faces, evidence, verdict, sinks."""

import os

__version__ = "0.1.0"

# OpenBLAS wakes a second thread even for the small matrices of this program, and that thread then
# spins for a while: measured, 6 ms of a core for each frame, taken from the decoder. OpenBLAS reads
# this once, when NumPy is imported; who wants more threads sets it beforehand.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
