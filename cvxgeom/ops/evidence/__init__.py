"""Depth maps and points: what cameras that looked say about any place."""

from .op import depth_evidence

__all__ = ["depth_evidence"]
