"""Real-time deepfake analysis of video: source, faces, evidence, verdict, sinks."""

__version__ = "0.1.0"
