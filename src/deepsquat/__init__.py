"""Judges squat form from video: poses by MediaPipe, a small CNN, runs and sweeps that are kept."""

__version__ = "0.1.0"
